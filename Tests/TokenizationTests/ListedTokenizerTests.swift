import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Vocabularies that are a list in a file of the model's own.
@Suite struct ListedTokenizerTests {
    private func load(
        _ files: [String: String], _ model: Vocabulary.Model, size: Int
    ) throws -> HFTokenizer {
        try Fixtures.withTemporaryFolder { folder in
            for (name, text) in files {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            return try HFTokenizer.load(directory: folder, vocabularySize: size, model: model)
        }
    }

    private func world(_ tokens: String...) throws -> HFTokenizer {
        let lines = tokens.enumerated().map { "\($0.offset + 1) \($0.element)" }
        return try load(
            ["rwkv_vocab_v20230424.txt": lines.joined(separator: "\n") + "\n"], .byteStrings,
            size: 16)
    }

    @Test func theLongestByteStringIsTaken() throws {
        let tokenizer = try world(
            "'a' 1", "'ab' 2", "'abc' 3", #"'\n' 1"#, #"b'\xe6\x97' 2"#, #"b'\xa5' 1"#,
            #""it's" 4"#, #"'\\' 1"#, "'é' 2", #"'\x00' 1"#)
        let tokens = tokenizer.vocabulary.tokens
        #expect(tokens[0] == "<s>")
        #expect(tokens[4] == #"\n"#)
        #expect(tokens[5] == #"\xe6\x97"#)
        #expect(tokens[7] == "it's")
        #expect(tokens[8] == #"\\"#)
        #expect(tokens[9] == #"\xc3\xa9"#)
        #expect(tokens[10] == #"\x00"#)
        #expect(tokens[11] == "[PAD11]")
        #expect(tokenizer.vocabulary.types[11] == .unused)
        #expect(tokenizer.special.id(.bos) == 0)
        #expect(tokenizer.special.chatTemplates.count == 1)
        let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
        let text = "abcab\n日it's\\é<s>"
        let ids = try encoder.encode(text.utf8)
        // What no token fits is left out: "<s>" is no text of a token.
        #expect(ids == [3, 2, 4, 5, 6, 7, 8, 9])
        #expect(String(decoding: encoder.decode(ids), as: UTF8.self) == "abcab\n日it's\\é")
    }

    @Test(arguments: ["'a' 2", "a 1", "'a 1", #"b'\xzz' 1"#, "1", #"'\u12' 1"#])
    func brokenLinesAreNamed(_ line: String) throws {
        #expect {
            _ = try world("'a' 1", line)
        } throws: { error in "\(error)".contains("line 2") }
    }

    @Test func plamoRowsMayDoWithoutAKind() throws {
        func load(_ row: String) throws -> HFTokenizer {
            let rows =
                [row] + (0..<256).map { #"["<0x\#(String(format: "%02X", $0))>", 0.0, "BYTE"]"# }
            return try self.load(
                ["tokenizer.jsonl": rows.joined(separator: "\n")], .plamo, size: 257)
        }
        #expect(
            try load(#"["a", -2.0]"#).vocabulary.types
                == load(#"["a", -2.0, "NORMAL"]"#).vocabulary.types)
        #expect(try load(#"["a", -2.0, "CONTROL"]"#).vocabulary.types[0] == .control)
        for row in [#"["a"]"#, "[]", "7", #"["a", "b"]"#] {
            #expect {
                _ = try load(row)
            } throws: { error in "\(error)".contains("line 1") }
        }
    }

    /// Of all segmentations that with the highest sum, of equal ones the longest piece first.
    @Test func plamoTakesTheBestPieces() throws {
        var rows = [#"["<|plamo:unk|>", 0.0, "UNKNOWN"]"#, #"["<|plamo:bos|>", 0.0, "CONTROL"]"#]
        rows += [#"["a", -2.0, "NORMAL"]"#, #"["b", -2.0, "NORMAL"]"#, #"["ab", -4.0, "NORMAL"]"#]
        rows += [#"["bc", -1.0, "NORMAL"]"#, #"["c", -9.0, "NORMAL"]"#]
        rows += (0..<256).map { #"["<0x\#(String(format: "%02X", $0))>", 0.0, "BYTE"]"# }
        let tokenizer = try load(
            [
                "tokenizer.jsonl": rows.joined(separator: "\n"),
                "tokenizer_config.json": #"{"bos_token": "<|plamo:bos|>"}"#,
            ], .plamo, size: 300)
        #expect(tokenizer.vocabulary.tokens.count == 300)
        #expect(tokenizer.vocabulary.tokens[263] == "[PAD1]")
        #expect(tokenizer.special.id(.bos) == 1)
        #expect(tokenizer.special.id(.eot) == 4)
        let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
        #expect(try encoder.encode("ab".utf8) == [4])
        #expect(try encoder.encode("abc".utf8) == [2, 5])
        #expect(try encoder.encode("\u{FEFF}é".utf8) == [7 + 0xC3, 7 + 0xA9])
    }
}
