import TensorCore
import TestSupport
import Testing

/// What stands in the place of files that were not fetched is named.
@Suite struct PlaceholderTests {
    private static let pointer = """
        version https://git-lfs.github.com/spec/v1
        oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
        size 12345

        """

    private func jsonFault(_ bytes: [UInt8]) throws -> (any Error)? {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/config.json"
            try OutputFile.write(bytes, to: path)
            do {
                _ = try JSON.parse(path: path)
                return nil
            } catch {
                return error
            }
        }
    }

    @Test func noFileIsAGitLFSPointer() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/any"
            try OutputFile.write(Array(PlaceholderTests.pointer.utf8), to: path)
            let error = #expect(throws: FileError.self) { try InputFile(path: path) }
            #expect(error?.kind == .placeholder(.gitLFSPointer))
            #expect(error?.description.contains("git lfs pull") == true)
            #expect(error?.exitCode == .badData)
            // Text about pointers is text.
            let text = "See: " + PlaceholderTests.pointer
            try OutputFile.write(Array(text.utf8), to: path)
            #expect(try InputFile(path: path).placeholder == nil)
        }
    }

    @Test(arguments: [
        ("", Placeholder.nothing), ("<!DOCTYPE html>\n<html>", .webPage),
        ("\n <HTML lang=en>", .webPage), ("<?xml version=\"1.0\"?><Error>", .webPage),
        ("Entry not found", .serverMessage), ("Invalid username or password.", .serverMessage),
        ("Access to model a/b is restricted.", .serverMessage),
        (String(repeating: "\0", count: 500), .zeros), (pointer, .gitLFSPointer),
        ("PK\u{3}\u{4}", .zip), ("GGUF\u{3}", .gguf),
    ])
    func whatIsNoJSONIsNamed(_ text: String, _ placeholder: Placeholder) throws {
        let error = try jsonFault(Array(text.utf8)) as? FileError
        #expect(error?.kind == .placeholder(placeholder))
        #expect(error?.remedy != nil)
    }

    @Test func anEditorsByteOrderMarkAndLineEndsAreRead() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/config.json"
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            try OutputFile.write(mark + Array("{\r\n  \"a\": 1\r\n}\r\n".utf8), to: path)
            #expect(try JSON.parse(path: path)["a"]?.integer == 1)
        }
        let utf16: [UInt8] = [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]
        let error = try jsonFault(utf16) as? FileError
        #expect(error?.kind == .placeholder(.utf16))
    }

    @Test(arguments: [
        ("{\"a\": 1, // one\n\"b\": 2}", "comments"), ("{\"a\": 1,}", "comma"),
        ("[1,]", "comma"), ("{\"a\": 1, \"a\": 2}", "Remove one"), ("{\"a\": ", "incomplete"),
        ("# a\n{}", "comments"),
    ])
    func whatToDoAboutJSONIsSaid(_ text: String, _ advice: String) throws {
        let error = try jsonFault(Array(text.utf8)) as? JSONError
        #expect(error?.remedy?.contains(advice) == true, "\(String(describing: error))")
    }
}
