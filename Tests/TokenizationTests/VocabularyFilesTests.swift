import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Tokenizers saved before there was a `tokenizer.json`.
@Suite struct VocabularyFilesTests {
    private func load(
        _ files: [String: String], modelType: String, _ body: (HFTokenizer) throws -> Void
    ) throws {
        try Fixtures.withTemporaryFolder { folder in
            for (name, text) in files {
                let path = "\(folder)/\(name)"
                try FileManager.default.createDirectory(
                    at: URL(filePath: path).deletingLastPathComponent(),
                    withIntermediateDirectories: true)
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            }
            try body(try HFTokenizer.load(directory: folder, modelType: modelType))
        }
    }

    private let vocabulary = """
        {"l": 0, "o": 1, "w": 2, "lo": 3, "low": 4, "Ġ": 5, "Ġlow": 6, "<|endoftext|>": 7}
        """
    private let merges = "#version: 0.2\nl o\nlo w\nĠ low\n"

    @Test func vocabularyAndMergesOfGPT2() throws {
        try load(
            [
                "vocab.json": vocabulary, "merges.txt": merges,
                "tokenizer_config.json": #"{"tokenizer_class": "GPT2Tokenizer"}"#,
            ], modelType: "gpt2"
        ) { tokenizer in
            #expect(tokenizer.vocabulary.pre == "gpt-2")
            #expect(tokenizer.vocabulary.types[7] == .control)
            #expect(tokenizer.vocabulary.types[6] == .normal)
            #expect(tokenizer.vocabulary.merges == ["l o", "lo w", "Ġ low"])
            let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
            #expect(try encoder.encode("low low".utf8) == [4, 6])
            #expect(
                try encoder.encode("low<|endoftext|>".utf8, parseSpecial: true) == [4, 7])
        }
    }

    private let wordPiece = """
        {"normalizer": {"type": "BertNormalizer", "lowercase": true}, "pre_tokenizer":
         {"type": "BertPreTokenizer"}, "post_processor": {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
          {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
         "pair": [], "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
          "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab":
          {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5, "A": 6}}}
        """

    /// The model names its unknown token, and the template the one in front, whatever the
    /// configuration calls `cls_token`.
    @Test func wordPieceKnowsItsTokensWithoutNames() throws {
        try load(["tokenizer.json": wordPiece], modelType: "bert") { tokenizer in
            #expect(tokenizer.vocabulary.specialIDs[.unk] == 1)
            let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
            #expect(try encoder.encode("A?".utf8) == [2, 5, 1, 3])
        }
        try load(
            [
                "tokenizer.json": wordPiece,
                "tokenizer_config.json": #"{"cls_token": "[MASK]"}"#,
            ], modelType: "bert"
        ) { tokenizer in
            let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
            #expect(try encoder.encode("a".utf8) == [2, 5, 3])
        }
    }

    /// The classes of transformers make BERT's normalizer anew from the configuration; the class
    /// that reads any file takes it as it is.
    @Test(arguments: [("BertTokenizer", 6), ("PreTrainedTokenizerFast", 5)] as [(String, Int32)])
    func whatTheConfigurationSaysOfCaseCounts(_ className: String, _ id: Int32) throws {
        try load(
            [
                "tokenizer.json": wordPiece,
                "tokenizer_config.json":
                    #"{"tokenizer_class": "\#(className)", "do_lower_case": false}"#,
            ], modelType: "bert"
        ) { tokenizer in
            let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
            #expect(try encoder.encode("A".utf8) == [2, id, 3])
            #expect(tokenizer.notices.contains { $0.contains("do_lower_case") } == (id == 6))
        }
    }

    @Test func qwen2HasItsOwnPattern() throws {
        try load(
            [
                "vocab.json": vocabulary, "merges.txt": merges,
                "tokenizer_config.json": """
                {"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder":
                 {"8": {"content": "<|im_start|>", "special": true},
                  "9": {"content": "<tool>", "special": false}}}
                """,
            ], modelType: "qwen2"
        ) { tokenizer in
            #expect(tokenizer.vocabulary.pre == "qwen2")
            #expect(tokenizer.vocabulary.tokens.count == 10)
            #expect(tokenizer.vocabulary.tokens[8] == "<|im_start|>")
            #expect(tokenizer.vocabulary.types[8] == .control)
            #expect(tokenizer.vocabulary.types[9] == .userDefined)
        }
    }

    @Test func bertWordsInLines() throws {
        try load(
            [
                "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhel\n##lo\n",
                "tokenizer_config.json":
                    #"{"tokenizer_class": "BertTokenizer", "do_lower_case": true}"#,
            ], modelType: "bert"
        ) { tokenizer in
            #expect(tokenizer.kind == .wordPiece)
            #expect(tokenizer.vocabulary.tokens[5] == "▁hel")
            #expect(tokenizer.vocabulary.tokens[6] == "lo")
            #expect(tokenizer.vocabulary.types[2] == .control)
            let encoder = try Tokenizer(vocabulary: tokenizer.vocabulary)
            #expect(try encoder.encode("Hello".utf8, addSpecial: false) == [5, 6])
        }
    }

    @Test func rulesThatAreNotKnownAreRefusedWithTheWayOut() throws {
        do {
            try load(
                [
                    "vocab.json": vocabulary, "merges.txt": merges,
                    "tokenizer_config.json": #"{"tokenizer_class": "CTRLTokenizer"}"#,
                ], modelType: "ctrl"
            ) { _ in }
            Issue.record("no error")
        } catch let error as TokenizationError {
            #expect(error.kind == .unknownTokenizerClass("CTRLTokenizer"))
            #expect(error.description.contains("save_pretrained"))
        }
    }

    @Test func aMergeThatIsNoneNamesItsLine() throws {
        do {
            try load(
                ["vocab.json": vocabulary, "merges.txt": "#version: 0.2\nl o\nlow\n"],
                modelType: "gpt2"
            ) { _ in }
            Issue.record("no error")
        } catch let error as TokenizationError {
            #expect(error.kind == .malformedMerge("low"))
            #expect(error.place == "line 3")
        }
    }

    @Test func templatesInAFolderOfTheirOwn() throws {
        try load(
            [
                "vocab.json": vocabulary, "merges.txt": merges, "tokenizer_config.json": "{}",
                "chat_template.jinja": "main", "additional_chat_templates/tool_use.jinja": "tools",
            ], modelType: "gpt2"
        ) { tokenizer in
            #expect(tokenizer.special.chatTemplates.map(\.name) == ["default", "tool_use"])
            #expect(tokenizer.special.chatTemplates.map(\.text) == ["main", "tools"])
            #expect(tokenizer.vocabulary.chatTemplate == "main")
        }
    }
}
