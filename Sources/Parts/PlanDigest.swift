import Crypto
public import TensorCore

/// The digest of what parts must have in common to be joined: the sources, the options that matter,
/// and how the work is divided.
///
/// Every entry goes in with its name and its length, so that no two lists of entries look the same.
public struct PlanDigest: Sendable {
    private var hash = SHA256()

    /// Begins the digest of a command's plan.
    public init(command: String, version: String, count: Int) {
        add("command", command)
        add("version", version)
        add("parts", count)
    }

    /// Adds bytes.
    public mutating func add(_ name: String, _ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe add(name, buffer: $0) }
    }

    /// Adds bytes.
    public mutating func add(_ name: String, buffer: UnsafeRawBufferPointer) {
        for count in [name.utf8.count, buffer.count] {
            unsafe withUnsafeBytes(of: UInt64(count).littleEndian) {
                unsafe hash.update(bufferPointer: $0)
            }
        }
        hash.update(data: Array(name.utf8))
        unsafe hash.update(bufferPointer: buffer)
    }

    /// Adds a text.
    public mutating func add(_ name: String, _ text: String) { add(name, Array(text.utf8)) }

    /// Adds a number.
    public mutating func add(_ name: String, _ number: Int) {
        unsafe withUnsafeBytes(of: Int64(number).littleEndian) { unsafe add(name, buffer: $0) }
    }

    /// Adds the files that are read.
    public mutating func add(_ sources: [PartSource]) {
        add("sources", sources.count)
        for source in sources {
            add("bytes", source.byteCount)
            add("digest", source.digest)
        }
    }

    /// The digest, in hexadecimal digits.
    public var text: String { Hexadecimal.text(hash.finalize()) }
}

/// A file that a part was made from.
public struct PartSource: Sendable, Hashable {
    /// Its name, without its folder: nodes may have it in different places.
    public let name: String
    /// Its length.
    public let byteCount: Int
    /// SHA-256 of its length, its first mebibyte, 64 stretches of 4 KiB from all over it, and its
    /// end; of a short file of all its bytes.
    ///
    /// Neither its time of modification nor its path: both differ between copies.
    public let digest: String

    /// Describes a file by what is known of it.
    public init(name: String, byteCount: Int, digest: String) {
        self.name = name
        self.byteCount = byteCount
        self.digest = digest
    }

    private static let headByteCount = 1 << 20
    private static let sampleByteCount = 1 << 12
    private static let sampleCount = 64

    /// Describes a file, reading about 1.3 MB of it.
    ///
    /// - Throws: `FileError`.
    public init(_ file: InputFile) throws(FileError) {
        var hash = SHA256()
        unsafe withUnsafeBytes(of: UInt64(file.byteCount).littleEndian) {
            unsafe hash.update(bufferPointer: $0)
        }
        let (head, sample) = (PartSource.headByteCount, PartSource.sampleByteCount)
        if file.byteCount <= 2 * head {
            hash.update(data: try file.read(at: 0, count: file.byteCount))
        } else {
            hash.update(data: try file.read(at: 0, count: head))
            let room = file.byteCount - head - sample
            for number in 1...PartSource.sampleCount {
                let offset = head + room / PartSource.sampleCount * number
                hash.update(data: try file.read(at: min(offset, head + room), count: sample))
            }
            hash.update(data: try file.read(at: file.byteCount - sample, count: sample))
        }
        self.init(
            name: Paths.name(file.path), byteCount: file.byteCount,
            digest: Hexadecimal.text(hash.finalize()))
    }

    /// Describes bytes that are in memory, such as a text from a pipe.
    public init(name: String, bytes: [UInt8]) {
        self.init(
            name: name, byteCount: bytes.count,
            digest: Hexadecimal.text(SHA256.hash(data: bytes)))
    }
}

/// Bytes as hexadecimal digits.
enum Hexadecimal {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}
