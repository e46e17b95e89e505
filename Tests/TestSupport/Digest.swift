import Crypto
import Foundation

/// The SHA-256 of some bytes in lower-case hexadecimal digits.
public func sha256(_ bytes: some Sequence<UInt8>) -> String {
    var hash = SHA256()
    hash.update(data: Data(bytes))
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
}

/// The SHA-256 of a file, read in pieces.
public func sha256(ofFile path: String) throws -> String {
    let handle = try FileHandle(forReadingFrom: URL(filePath: path))
    defer { try? handle.close() }
    var hash = SHA256()
    while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
        hash.update(data: piece)
    }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
}
