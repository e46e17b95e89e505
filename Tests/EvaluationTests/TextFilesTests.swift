import Evaluation
import Foundation
import TensorCore
import TestSupport
import Testing
import Zstandard

@Suite("Texts as they come")
struct TextFilesTests {
    private func write(_ bytes: [UInt8], _ name: String, in folder: String) throws -> String {
        let path = "\(folder)/\(name)"
        try OutputFile.write(bytes, to: path)
        return path
    }

    @Test("the mark before a text is taken off and told, in every file")
    func marks() throws {
        try Fixtures.withTemporaryFolder { folder in
            let first = try write([0xEF, 0xBB, 0xBF] + Array("one\n".utf8), "1.txt", in: folder)
            let second = try write([0xEF, 0xBB, 0xBF] + Array("two\n".utf8), "2.txt", in: folder)
            let found = try TextFiles.contents(paths: [first, second])
            #expect(found.bytes == Array("one\ntwo\n".utf8))
            #expect(found.warnings == [.byteOrderMark(text: first), .byteOrderMark(text: second)])
            #expect(try TextFiles.bytes(paths: [first])[0].bytes.count == 7)
        }
    }

    @Test("line ends of Windows, zero bytes and other encodings are kept and told")
    func controls() throws {
        try Fixtures.withTemporaryFolder { folder in
            let bytes = Array("a\r\nb\r\nc\rd\0e\0\n".utf8)
            let path = try write(bytes, "t.txt", in: folder)
            let found = try TextFiles.contents(paths: [path])
            #expect(found.bytes == bytes)
            #expect(
                found.warnings == [
                    .carriageReturns(text: path, pairs: 2, single: 1),
                    .zeroBytes(text: path, count: 2, firstByte: 9),
                ])
            #expect(found.warnings[0].description.contains("2 line ends of CR LF and 1 CR alone"))
            let latin = try write(Array("caf".utf8) + [0xE9, 0x0A], "l.txt", in: folder)
            let plain = try write(Array("plain\n".utf8), "p.txt", in: folder)
            #expect(
                try TextFiles.contents(paths: [plain, latin]).warnings
                    == [.invalidUTF8(text: latin, firstByte: 3)])
            // A character that begins in one file and ends in the next is whole.
            let split = Array("ü".utf8)
            let (left, right) = (
                try write([split[0]], "a", in: folder), try write([split[1]], "b", in: folder)
            )
            #expect(try TextFiles.contents(paths: [left, right]).warnings.isEmpty)
            #expect(try TextFiles.contents(paths: [plain]).warnings.isEmpty)
        }
    }

    private static func wide(_ text: String, big: Bool = false, mark: Bool = false) -> [UInt8] {
        let units = (mark ? [0xFEFF] : []) + Array(text.utf16)
        return units.flatMap {
            big ? [UInt8($0 >> 8), UInt8($0 & 0xFF)] : [UInt8($0 & 0xFF), UInt8($0 >> 8)]
        }
    }

    private static let sentence = "The ship was driven upon the rocks in the night.\n"

    @Test(
        "what is no text is refused by its name",
        arguments: [
            ([0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 3], "a gzip file", "zcat"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 4], "an xz file", "xzcat"),
            (Array("BZh91AY&SY".utf8) + [1, 2], "a bzip2 file", "bzcat"),
            (Array("PK\u{3}\u{4}".utf8) + [20, 0], "a zip file", "unzip"),
            ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4], "a 7-Zip file", "7z"),
            (Array("%PDF-1.7\n".utf8), "a PDF document", "pdftotext"),
            (Array("GGUF".utf8) + [3, 0, 0, 0], "a GGUF file", "the model comes first"),
            (Array("PAR1".utf8), "a Parquet file", "plain text"),
            (
                Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8),
                "a Git LFS pointer", "git lfs pull"
            ),
            (wide(sentence, mark: true), "text in UTF-16", "iconv"),
            (wide(sentence, big: true, mark: true), "text in UTF-16", "iconv"),
            (wide(sentence), "text in UTF-16LE", "iconv"),
            (wide(sentence, big: true), "text in UTF-16BE", "iconv"),
            ([0xFF, 0xFE, 0, 0, 0x41, 0, 0, 0], "text in UTF-32", "iconv"),
        ] as [([UInt8], String, String)])
    func foreign(bytes: [UInt8], name: String, remedy: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try write(bytes, "t.txt", in: folder)
            let error = try #require(throws: EvaluationError.self) {
                try TextFiles.contents(paths: [path])
            }
            #expect(error.description.contains("t.txt: \(name) found"), "\(error)")
            #expect(error.remedy?.contains(remedy) == true, "\(error)")
            // The same within Zstandard.
            let writer = try ZstandardWriter(file: OutputFile(path: folder + "/t.zst"))
            try writer.write(bytes)
            _ = try writer.commit()
            #expect(throws: EvaluationError.self) {
                try TextFiles.contents(paths: [folder + "/t.zst"])
            }
        }
    }

    @Test(
        "texts that look a little like something else are texts",
        arguments: [
            "BZh9 is how bzip2 files begin", "PK is a name", "%PDF", "", "G", "7z and more",
            "version https://example.com/ of the page",
        ])
    func texts(text: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try write(Array(text.utf8), "t.txt", in: folder)
            #expect(try TextFiles.contents(paths: [path]).bytes == Array(text.utf8))
        }
    }

    @Test("what is read is bounded, also of a small file that holds a long stream")
    func limits() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/t.zst"
            let writer = try ZstandardWriter(file: OutputFile(path: path))
            try writer.write([UInt8](repeating: 0x61, count: 3_000_000))
            _ = try writer.commit()
            #expect(
                try TextFiles.contents(paths: [path], limit: 3_000_000).bytes.count == 3_000_000)
            #expect(throws: FileError(.tooLong(limit: 2_999_999), path: path)) {
                try TextFiles.contents(paths: [path], limit: 2_999_999)
            }
            let plain = try write(Array("1234567".utf8), "p.txt", in: folder)
            #expect(throws: FileError(.tooLong(limit: 3), path: plain)) {
                try TextFiles.contents(paths: [plain, plain], limit: 10)
            }
            // Without an end.
            #expect(throws: FileError(.tooLong(limit: 1 << 20), path: "/dev/zero")) {
                try TextFiles.bytes(paths: ["/dev/zero"], limit: 1 << 20)
            }
        }
    }

    @Test("a pipe is read once, in whatever pieces it comes")
    func pipes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let pipe = folder + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let bytes = (0..<300_000).map { UInt8(0x61 + $0 % 23) }
            let thread = Thread {
                guard let file = FileHandle(forWritingAtPath: pipe) else { return }
                for start in stride(from: 0, to: bytes.count, by: 7001) {
                    file.write(Data(bytes[start..<min(bytes.count, start + 7001)]))
                }
                try? file.close()
            }
            thread.start()
            let found = try TextFiles.contents(paths: [pipe])
            #expect(found.bytes == bytes)
            // A model is read at many places.
            #expect(throws: FileError(.notSeekable(found: "a pipe"), path: pipe)) {
                try InputFile(path: pipe)
            }
            #expect(throws: FileError(.comesOnce, path: "/dev/null")) {
                try TextFiles.contents(paths: ["/dev/null", "/dev/null"])
            }
        }
    }
}
