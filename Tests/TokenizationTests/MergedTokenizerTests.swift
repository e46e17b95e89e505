import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// One tokenizer from what several files of a directory say, as transformers merges it.
@Suite struct MergedTokenizerTests {
    /// Six tokens of text and two special ones, of which `added_tokens` has the last.
    private static func definition(
        added: String = #"{"id": 7, "content": "<e>", "special": true}"#,
        post: String = "null", normalizer: String = "null"
    ) -> String {
        """
        {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "<": 4, ">": 5, "<s>": 6},
          "merges": ["a b"]}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
         "decoder": {"type": "ByteLevel"}, "added_tokens": [\(added)], "post_processor": \(post)}
        """
    }

    private static func template(_ first: String, id: Int) -> String {
        """
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "\(first)", "type_id": 0}},
          {"Sequence": {"id": "A", "type_id": 0}}], "pair": [],
         "special_tokens": {"\(first)": {"id": "\(first)", "ids": [\(id)], "tokens": ["\(first)"]}}}
        """
    }

    private func load(
        _ files: [String: String], size: Int? = 12, model: [UInt8]? = nil,
        modelType: String = "gpt2"
    ) throws -> HFTokenizer {
        try Fixtures.withTemporaryFolder { folder in
            for (name, text) in files {
                let path = "\(folder)/\(name)"
                try FileManager.default.createDirectory(
                    at: URL(filePath: path).deletingLastPathComponent(),
                    withIntermediateDirectories: true)
                try OutputFile.write(Array(text.utf8), to: path)
            }
            if let model { try OutputFile.write(model, to: "\(folder)/tokenizer.model") }
            return try HFTokenizer.load(
                directory: folder, modelType: modelType, vocabularySize: size)
        }
    }

    private func ids(_ tokenizer: HFTokenizer, _ text: String) throws -> [Int32] {
        try Tokenizer(vocabulary: tokenizer.vocabulary).encode(text.utf8, parseSpecial: true)
    }

    // MARK: Added tokens

    @Test(
        "tokens outside tokenizer.json are found",
        arguments: [
            ("added_tokens.json", #"{"<t>": 8, "<u>": 9}"#),
            (
                "tokenizer_config.json",
                #"{"added_tokens_decoder": {"9": {"content": "<u>"}, "8": {"content": "<t>"}}}"#
            ),
            ("special_tokens_map.json", #"{"additional_special_tokens": ["<t>", "<u>"]}"#),
            ("tokenizer_config.json", #"{"additional_special_tokens": ["<t>", "<u>"]}"#),
            ("tokenizer_config.json", #"{"extra_special_tokens": {"x": "<t>", "y": "<u>"}}"#),
            ("tokenizer_config.json", #"{"image_token": "<t>", "pad_token": {"content": "<u>"}}"#),
        ])
    func addedElsewhere(file: String, text: String) throws {
        let tokenizer = try load(["tokenizer.json": Self.definition(), file: text])
        let (t, u): (Int32, Int32) = text.contains("image") ? (9, 8) : (8, 9)
        #expect(try ids(tokenizer, "a<t>b<u>") == [0, t, 1, u])
        #expect(tokenizer.vocabulary.tokens[10] == "[PAD10]")
        #expect(tokenizer.notices.isEmpty)
    }

    @Test("a token of the vocabulary that only has a name is special")
    func namedOnly() throws {
        let plain = try load(["tokenizer.json": Self.definition()])
        #expect(plain.vocabulary.types[6] == .normal)
        for file in ["tokenizer_config.json", "special_tokens_map.json"] {
            let tokenizer = try load(
                ["tokenizer.json": Self.definition(), file: #"{"eos_token": "<s>"}"#])
            #expect(tokenizer.vocabulary.types[6] == .control)
            #expect(tokenizer.special.id(.eos) == 6)
            #expect(try ids(tokenizer, "a<s>b") == [0, 6, 1])
        }
    }

    @Test("ids are those that tokenizers gives, and a notice names both")
    func idsThatFilesSayOtherwise() throws {
        let tokenizer = try load([
            "tokenizer.json": Self.definition(), "added_tokens.json": #"{"<t>": 10, "<u>": 9}"#,
        ])
        #expect(try ids(tokenizer, "<u><t>") == [8, 9])
        #expect(tokenizer.notices.count == 1)
        let notice = try #require(tokenizer.notices.first)
        for part in ["added_tokens.json", "tokenizer.json", "\"<u>\"", "9", "8", "1 more"] {
            #expect(notice.contains(part), "\(notice)")
        }
    }

    @Test("two ids with one text: the first keeps it")
    func oneTextTwice() throws {
        for (added, token, id) in [
            (#"{"id": 7, "content": "<e>"}, {"id": 8, "content": "<e>"}"#, "<e>", Int32(7)),
            (#"{"id": 7, "content": "<e>"}, {"id": 8, "content": "ab"}"#, "ab", 2),
        ] {
            let tokenizer = try load(["tokenizer.json": Self.definition(added: added)])
            #expect(tokenizer.vocabulary.tokens[8] == "[PAD8]")
            #expect(tokenizer.vocabulary.types[8] == .unused)
            #expect(try ids(tokenizer, "a\(token)") == [0, id])
            #expect(Set(tokenizer.vocabulary.tokens).count == 12)
            #expect(tokenizer.notices.count == 1)
        }
    }

    @Test("texts that are one in GGUF's spelling alone")
    func oneSpelling() throws {
        let tokenizer = try load(
            [
                "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhel\n##▁hel\n",
                "tokenizer_config.json": #"{"tokenizer_class": "BertTokenizer"}"#,
            ], size: 8, modelType: "bert")
        #expect(tokenizer.vocabulary.tokens[5...] == ["▁hel", "[PAD6]", "▁[PAD7]"])
        #expect(tokenizer.notices.contains { $0.contains("tokens 5 and 6") })
    }

    @Test("tokens beyond the embeddings are left out aloud")
    func beyondTheEmbeddings() throws {
        let tokenizer = try load(
            [
                "tokenizer.json": Self.definition(),
                "tokenizer_config.json": #"{"pad_token": "<pad>"}"#,
            ], size: 8)
        #expect(tokenizer.vocabulary.tokens.count == 8)
        #expect(tokenizer.special.id(.pad) == nil)
        #expect(tokenizer.notices.contains { $0.contains("\"<pad>\" (id 8)") })
    }

    // MARK: Ends of a text

    private static let byteLevel = #"{"type": "ByteLevel", "trim_offsets": false}"#

    @Test(
        "the post-processor decides what stands around a text",
        arguments: [
            (template("<s>", id: 6), #"{"bos_token": "<s>", "add_bos_token": false}"#, [6, 0]),
            (byteLevel, #"{"bos_token": "<s>", "add_bos_token": true}"#, [0]),
            ("null", #"{"bos_token": "<s>", "add_bos_token": true}"#, [0]),
            (
                #"{"type": "Sequence", "processors": [\#(byteLevel), \#(template("<s>", id: 6))]}"#,
                #"{"bos_token": "<s>"}"#, [6, 0]
            ), (template("<s>", id: 6), "{}", [6, 0]),
            (template("<e>", id: 7), #"{"bos_token": "<s>"}"#, [7, 0]),
            (template("<s>", id: 1), #"{"bos_token": "<s>"}"#, [1, 0]),
            (
                #"{"type": "BertProcessing", "cls": ["<s>", 6], "sep": ["<e>", 7]}"#, "{}",
                [6, 0, 7]
            ),
        ] as [(String, String, [Int32])])
    func ends(post: String, config: String, expected: [Int32]) throws {
        let tokenizer = try load([
            "tokenizer.json": Self.definition(post: post), "tokenizer_config.json": config,
        ])
        #expect(try ids(tokenizer, "a") == expected)
        let speaks = config.contains("add_bos_token") || post.contains("<e>\", \"type_id")
        #expect(tokenizer.notices.isEmpty != (speaks || post.contains("\"ids\": [1]")))
    }

    @Test("Llama 3's processors say that no EOS is added")
    func silentProcessor() throws {
        let post =
            #"{"type": "Sequence", "processors": [\#(Self.byteLevel), \#(Self.template("<s>", id: 6))]}"#
        let tokenizer = try load([
            "tokenizer.json": Self.definition(post: post),
            "tokenizer_config.json": #"{"bos_token": "<s>"}"#,
        ])
        #expect(tokenizer.special.flags.map(\.role) == [.bos, .eos])
        #expect(tokenizer.special.flags.map(\.isAdded) == [true, false])
    }

    @Test("what GGUF has no room for and what is not known is said")
    func unknownProcessors() throws {
        let post = """
            {"type": "Sequence", "processors": [\(Self.template("<s>", id: 6)),
             \(Self.template("<e>", id: 7)), {"type": "Frobnicate"}]}
            """
        let tokenizer = try load(["tokenizer.json": Self.definition(post: post)])
        #expect(tokenizer.notices.contains { $0.contains("Frobnicate") })
        #expect(tokenizer.notices.contains { $0.contains("room for one") })
        #expect(try ids(tokenizer, "a") == [7, 0])
        let saved = Self.saved.replacingOccurrences(
            of: #""normalizer": {"type": "Prepend""#, with: #""normalizer": {"type": "Twist""#)
        let twisted = try load(["tokenizer.json": saved], size: 8, modelType: "llama")
        #expect(twisted.notices.contains { $0.contains("normalizer Twist") })
    }

    @Test(
        "ids of config.json that are none are said and not written",
        arguments: ["999999", "-1", "[6, 7]", "\"x\"", "1.5"])
    func idsOutOfRange(value: String) throws {
        let tokenizer = try load([
            "tokenizer.json": Self.definition(), "config.json": #"{"bos_token_id": \#(value)}"#,
        ])
        #expect(tokenizer.special.id(.bos) == nil)
        #expect(tokenizer.notices.count == 1)
        #expect(tokenizer.notices.first?.contains("bos_token_id") ?? false)
    }

    // MARK: SentencePiece

    /// A model of SentencePiece's BPE.
    private static func model(
        _ pieces: [(text: String, type: UInt8)], addsPrefix: Bool = true
    ) -> [UInt8] {
        let messages = pieces.flatMap { text, type -> [UInt8] in
            let bytes = Array(text.utf8)
            let piece = [0x0A, UInt8(bytes.count)] + bytes + [0x15, 0, 0, 0x80, 0xBF, 0x18, type]
            return [0x0A, UInt8(piece.count)] + piece
        }
        return messages + [0x12, 2, 0x18, 2, 0x1A, 2, 0x18, addsPrefix ? 1 : 0]
    }

    private static let pieces: [(text: String, type: UInt8)] = [
        ("<unk>", 2), ("<s>", 3), ("</s>", 3), ("▁", 1), ("a", 1), ("▁a", 1),
    ]
    private static let names =
        #"{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "add_bos_token": true}"#
    /// The same pieces as transformers saves them, with a token that it added.
    private static let saved = """
        {"model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
          "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "a": 4, "▁a": 5}, "merges": ["▁ a"]},
         "normalizer": {"type": "Prepend", "prepend": "▁"},
         "added_tokens": [{"id": 6, "content": "<t>", "special": true}],
         "post_processor": \(template("<s>", id: 1))}
        """

    @Test("a tokenizer.model beside the tokenizer.json of a fine-tune")
    func modelBesideDefinition() throws {
        let both = try load(
            ["tokenizer.json": Self.saved, "tokenizer_config.json": Self.names], size: 8,
            model: Self.model(Self.pieces), modelType: "llama")
        #expect(both.file.hasSuffix("tokenizer.model"))
        #expect(try ids(both, "<t>a") == [1, 6, 5])
        #expect(both.vocabulary.scores?[5] == -1)
        #expect(both.notices.isEmpty)

        var others = Self.pieces
        others[4].text = "b"
        let stale = try load(
            ["tokenizer.json": Self.saved, "tokenizer_config.json": Self.names], size: 8,
            model: Self.model(others), modelType: "llama")
        #expect(stale.file.hasSuffix("tokenizer.json"))
        #expect(try ids(stale, "<t>a") == [1, 6, 5])
        #expect(stale.notices.contains { $0.contains("\"b\" and \"a\"") })
    }

    @Test(
        "whether a space goes in front",
        arguments: [
            (true, "{}", "llama", true), (false, "{}", "llama", false),
            (
                true, #"{"tokenizer_class": "LlamaTokenizer", "add_prefix_space": false}"#, "llama",
                false
            ),
            (
                true, #"{"tokenizer_class": "LlamaTokenizer", "add_prefix_space": false}"#,
                "mistral", true
            ),
            (
                true, #"{"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": false}"#,
                "llama", true
            ),
        ])
    func spaceInFront(model: Bool, config: String, type: String, expected: Bool) throws {
        let tokenizer = try load(
            ["tokenizer_config.json": config], size: 6,
            model: Self.model(Self.pieces, addsPrefix: model), modelType: type)
        #expect(tokenizer.vocabulary.addSpacePrefix == expected)
    }

    @Test("flags count where there is no tokenizer.json, and silence adds nothing")
    func flagsOfPieces() throws {
        let model = Self.model(Self.pieces)
        let told = try load(
            ["tokenizer_config.json": Self.names], size: 6, model: model, modelType: "llama")
        #expect(try ids(told, "a") == [1, 5])
        let silent = try load([:], size: 6, model: model, modelType: "llama")
        #expect(try ids(silent, "a") == [5])
        #expect(silent.notices.contains { $0.contains("BOS") })
    }

    @Test("user-defined pieces are found, and those that a file renames")
    func piecesWithAPart() throws {
        let model = Self.model(Self.pieces + [("[x]", 4), ("<r>", 1)])
        let config = #"{"added_tokens_decoder": {"7": {"content": "<new>", "special": true}}}"#
        let tokenizer = try load(
            ["tokenizer_config.json": config], size: 8, model: model, modelType: "llama")
        #expect(tokenizer.vocabulary.types[6] == .userDefined)
        #expect(tokenizer.vocabulary.tokens[7] == "<new>")
        #expect(tokenizer.notices.contains { $0.contains("\"<new>\" for \"<r>\" (7)") })
    }

    // MARK: WordPiece

    @Test("a bare vocab.txt with ids and names of its own")
    func bareVocabulary() throws {
        let lines = "the\n##x\n<u>\n<c>\n<p>\n<d>\n<m>\n"
        let names =
            #"{"unk_token": "<u>", "cls_token": "<c>", "sep_token": "<p>", "pad_token": "<d>"}"#
        for file in ["tokenizer_config.json", "special_tokens_map.json"] {
            let tokenizer = try load(["vocab.txt": lines, file: names], size: 7, modelType: "bert")
            #expect(try ids(tokenizer, "the é") == [3, 0, 2, 4])
            #expect(tokenizer.special.id(.pad) == 5)
        }
    }
}
