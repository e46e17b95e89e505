import TensorCore
import Zstandard

/// A text read once from its start, from a file, a pipe or standard input (`-`), plain or compressed
/// with Zstandard, which is told by its first four bytes, whatever the name.
public final class TextStream {
    /// The path as the user named it, or `standard input`.
    public var path: String { input.path }
    let input: SequentialInput
    private let reader: ZstandardReader?
    /// The beginning, read to know what it is.
    private var start: ArraySlice<UInt8> = []

    /// Opens a text.
    ///
    /// - Parameter isText: Whether it is refused when it begins as what is no text; in any case it is
    ///   when it is compressed otherwise.
    /// - Throws: `EvaluationError` about what is no text; `FileError`, `ZstandardError`.
    public init(path: String, isText: Bool = true) throws {
        let input = try SequentialInput(path: path)
        self.input = input
        if try ZstandardReader.isCompressed(Array(input.peek(ZstandardReader.magic.count))) {
            reader = try ZstandardReader(path: input.path) { try input.read(into: $0) }
        } else {
            reader = nil
        }
        var start = [UInt8](repeating: 0, count: ForeignForm.startByteCount)
        let count = try start.withUnsafeMutableBytes { try next(into: $0) }
        self.start = start[..<count]
        if let form = ForeignForm(start: self.start, isText: isText) {
            throw EvaluationError(.notText(form), path: input.path)
        }
    }

    /// Fills `buffer` with the bytes that come next; fewer come at the end only.
    ///
    /// - Returns: How many bytes came.
    /// - Throws: `ZstandardError`, `FileError`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = min(start.count, buffer.count)
        buffer.copyBytes(from: start.prefix(count))
        start = start.dropFirst(count)
        guard count < buffer.count else { return count }
        return count + (try next(into: .init(rebasing: buffer[count...])))
    }

    private func next(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try reader?.read(into: buffer) ?? input.read(into: buffer)
    }
}

/// What a file is that was given as a text and is none, told by its first bytes.
public struct ForeignForm: Sendable, Hashable {
    /// What it is: `a gzip file`.
    public let name: String
    /// How to make a text of it.
    public let remedy: String

    /// Bytes from the start that tell a form.
    static let startByteCount = 4096

    /// The form that bytes at the start of a file show; `nil` when they may be a text.
    ///
    /// - Parameter isText: Whether a text is expected; otherwise only compression is told.
    init?(start: ArraySlice<UInt8>, isText: Bool) {
        let start = Array(start)
        let found =
            ForeignForm.compressed(start)
            ?? (isText ? ForeignForm.wideText(start) ?? ForeignForm.document(start) : nil)
        guard let found else { return nil }
        (name, remedy) = found
    }

    private typealias Form = (name: String, remedy: String)

    private static func compressed(_ start: [UInt8]) -> Form? {
        func decompressed(_ tool: String) -> String {
            "Give it decompressed: -f <(\(tool) FILE), or \(tool) FILE | ingot … -f -"
        }
        let forms: [(magic: [UInt8], name: String, tool: String)] = [
            ([0x1F, 0x8B, 0x08], "a gzip file", "zcat"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "an xz file", "xzcat"),
            ([0x04, 0x22, 0x4D, 0x18], "an lz4 file", "lz4cat"),
            (Array("PK\u{3}\u{4}".utf8), "a zip file", "unzip -p"),
            ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip file", "7z e -so"),
        ]
        for form in forms where start.starts(with: form.magic) {
            return (form.name, decompressed(form.tool))
        }
        // A digit and the magic number of a block or of an empty stream.
        if start.starts(with: Array("BZh".utf8)), start.count >= 10,
            (0x31...0x39).contains(start[3]),
            [[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]]
                .contains(Array(start[4..<10]))
        {
            return ("a bzip2 file", decompressed("bzcat"))
        }
        return nil
    }

    private static func wideText(_ start: [UInt8]) -> Form? {
        func form(_ encoding: String) -> Form {
            (
                "text in \(encoding)",
                "Make it UTF-8: iconv -f \(encoding) -t UTF-8 FILE > TEXT"
            )
        }
        if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) {
            return form("UTF-32")
        }
        if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
            return form("UTF-16")
        }
        // Without a mark: letters of ASCII have one byte of two that is zero.
        guard start.count >= 32 else { return nil }
        let pairs = start.count / 2
        let high = (0..<pairs).count { start[2 * $0] == 0 }
        let low = (0..<pairs).count { start[2 * $0 + 1] == 0 }
        if low * 2 > pairs, high * 16 < pairs { return form("UTF-16LE") }
        if high * 2 > pairs, low * 16 < pairs { return form("UTF-16BE") }
        return nil
    }

    private static func document(_ start: [UInt8]) -> Form? {
        let extract = "Give its text, as a plain text file."
        let forms: [(magic: String, name: String, remedy: String)] = [
            ("%PDF-", "a PDF document", "Extract its text: pdftotext FILE TEXT"),
            ("{\\rtf", "an RTF document", extract), ("PAR1", "a Parquet file", extract),
            ("ARROW1", "an Arrow file", extract), ("\u{7F}ELF", "a program", extract),
            ("SQLite format 3", "an SQLite database", extract),
            ("GGUF", "a GGUF file", "A text is expected here; the model comes first."),
            (
                "version https://git-lfs.github.com/spec/", "a Git LFS pointer",
                "Fetch the file itself: git lfs pull"
            ),
        ]
        for form in forms where start.starts(with: form.magic.utf8) {
            return (form.name, form.remedy)
        }
        if start.starts(with: [0x89] + Array("HDF".utf8)) { return ("an HDF5 file", extract) }
        if start.count > 262, start[257..<262].elementsEqual("ustar".utf8) {
            return ("a tar archive", "Give a file of it: tar -xOf FILE NAME | ingot … -f -")
        }
        return nil
    }
}
