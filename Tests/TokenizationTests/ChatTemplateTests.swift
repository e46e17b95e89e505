import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Which of several chat templates is taken, and how a file is read.
@Suite struct ChatTemplateTests {
    private static let definition = """
        {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}}
        """

    private func load(_ files: [String: [UInt8]]) throws -> HFTokenizer {
        try Fixtures.withTemporaryFolder { folder in
            for (name, bytes) in files {
                let path = "\(folder)/\(name)"
                try FileManager.default.createDirectory(
                    at: URL(filePath: path).deletingLastPathComponent(),
                    withIntermediateDirectories: true)
                try OutputFile.write(bytes, to: path)
            }
            try OutputFile.write(Array(Self.definition.utf8), to: folder + "/tokenizer.json")
            return try HFTokenizer.load(directory: folder, modelType: "gpt2")
        }
    }

    @Test(
        "the file beats tokenizer_config.json",
        arguments: [
            (#"{"chat_template": "OLD"}"#, 1), (#"{"chat_template": "NEW"}"#, 0),
            (#"{"chat_template": ""}"#, 1), (#"{"chat_template": null}"#, 0),
            (#"{"chat_template": {"default": "OLD", "tool_use": "T"}}"#, 1),
            (#"{"chat_template": [{"name": "default", "template": "OLD"}]}"#, 1), (nil, 0),
        ] as [(String?, Int)])
    func precedence(config: String?, notices: Int) throws {
        var files = ["chat_template.jinja": Array("NEW".utf8)]
        if let config { files["tokenizer_config.json"] = Array(config.utf8) }
        let tokenizer = try load(files)
        #expect(tokenizer.vocabulary.chatTemplate == "NEW")
        #expect(tokenizer.special.chatTemplates.count == 1)
        #expect(tokenizer.notices.count == notices)
    }

    @Test(
        "a file is read as text",
        arguments: [
            ("A\r\nB\rC\n\r\n", "A\nB\nC\n\n"), ("\u{FEFF}A", "A"), ("é\r", "é\n"), ("", ""),
        ])
    func text(bytes: String, expected: String) throws {
        let tokenizer = try load(["chat_template.jinja": Array(bytes.utf8)])
        #expect(tokenizer.vocabulary.chatTemplate == ByteString(expected))
        #expect(tokenizer.notices.isEmpty == !bytes.hasPrefix("\u{FEFF}"))
    }

    @Test(
        "another encoding is refused with the way out",
        arguments: [
            ([0x41, 0xE9], "LATIN1"), ([0xFF, 0xFE, 0x41, 0], "UTF-16"),
            ([0xFE, 0xFF, 0, 0x41], "UTF-16"),
        ] as [([UInt8], String)])
    func otherEncodings(bytes: [UInt8], encoding: String) throws {
        let error = #expect(throws: TokenizationError.self) {
            try load(["chat_template.jinja": bytes])
        }
        #expect(error?.kind == .notUTF8(probably: encoding))
        #expect(error?.description.contains("iconv -f \(encoding) ") ?? false)
    }

    @Test("lists, objects, a processor's file and files with a name each")
    func forms() throws {
        for config in [
            #"{"chat_template": [{"name": "default", "template": "A"}, {"name": "r", "template": "B"}]}"#,
            #"{"chat_template": {"default": "A", "r": "B"}}"#,
        ] {
            let tokenizer = try load(["tokenizer_config.json": Array(config.utf8)])
            #expect(tokenizer.special.chatTemplates.map(\.text) == ["A", "B"])
        }
        let processor = Array(#"{"chat_template": "P"}"#.utf8)
        let alone = try load(["chat_template.json": processor])
        #expect(alone.vocabulary.chatTemplate == "P")
        let beside = try load([
            "chat_template.json": processor,
            "tokenizer_config.json": Array(#"{"chat_template": "A"}"#.utf8),
        ])
        #expect(beside.vocabulary.chatTemplate == "A")
        #expect(beside.notices.count == 1)
        let named = try load([
            "additional_chat_templates/tool_use.jinja": Array("T".utf8),
            "tokenizer_config.json": Array(#"{"chat_template": "A"}"#.utf8),
        ])
        #expect(named.special.chatTemplates.map(\.text) == ["T", "A"])
        #expect(named.vocabulary.chatTemplate == "A")
    }
}
