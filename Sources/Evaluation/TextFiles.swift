import TensorCore
import Zstandard

/// Texts from files, plain or compressed with Zstandard.
public enum TextFiles {
    /// The longest text that is read, in bytes.
    public static let byteCountLimit = 1 << 30

    /// The bytes of the files, one file after the other with nothing between them.
    ///
    /// What is compressed is told by its first four bytes, whatever the name.
    ///
    /// - Throws: `FileError`, `ZstandardError`; a text of more than `byteCountLimit` bytes.
    public static func contents(paths: [String]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for path in paths {
            let file = try InputFile(path: path)
            let limit = byteCountLimit - bytes.count
            if try ZstandardReader.isCompressed(file) {
                bytes += try ZstandardReader.contents(of: file, limit: limit)
            } else {
                bytes += try InputFile.contents(path: path, limit: limit)
            }
        }
        return bytes
    }
}
