import Crypto
public import GGUF
import Synchronization
public import TensorCore

/// SHA-256 digests of files and tensors, in lower-case hexadecimal digits.
public enum Digests {
    /// The digest of a whole file.
    ///
    /// - Complexity: O(bytes); reads a mebibyte at a time.
    public static func sha256(of file: InputFile) throws -> String {
        try sha256(of: [file])
    }

    /// The digest of the bytes of several files one after another, such as the parts of a model.
    ///
    /// - Complexity: O(bytes); reads a mebibyte at a time.
    public static func sha256(of files: [InputFile]) throws -> String {
        var hash = SHA256()
        let scratch = ScratchBuffer()
        for file in files {
            var offset = 0
            while offset < file.byteCount {
                let piece = scratch.bytes(min(1 << 20, file.byteCount - offset))
                try file.read(at: offset, into: piece)
                hash.update(bufferPointer: UnsafeRawBufferPointer(piece))
                offset += piece.count
            }
        }
        return hexadecimal(hash.finalize())
    }

    /// The digest of each tensor's data, without padding, in the order of the file.
    ///
    /// - Parameter threadCount: The number of threads; `nil` for one per processor.
    /// - Complexity: O(bytes); each thread reads a mebibyte at a time.
    public static func ofTensors(in file: GGUFFile, threadCount: Int? = nil) throws -> [String] {
        let pool = WorkerPool(threadCount: threadCount)
        let scratches = UncheckedScratches(count: pool.threadCount)
        let digests = DigestList(count: file.tensors.count)
        try pool.run(jobCount: file.tensors.count) { worker, tensor in
            var hash = SHA256()
            var offset = 0
            while offset < file.byteCounts[tensor] {
                let piece = scratches[worker].bytes(min(1 << 20, file.byteCounts[tensor] - offset))
                try file.readBytes(offset..<offset + piece.count, ofTensor: tensor, into: piece)
                hash.update(bufferPointer: UnsafeRawBufferPointer(piece))
                offset += piece.count
            }
            digests.set(hexadecimal(hash.finalize()), at: tensor)
        }
        return digests.values
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}

/// Digests that several threads fill in.
private final class DigestList: Sendable {
    private let list: Mutex<[String]>

    init(count: Int) { list = Mutex([String](repeating: "", count: count)) }

    var values: [String] { list.withLock { $0 } }

    func set(_ digest: String, at index: Int) { list.withLock { $0[index] = digest } }
}
