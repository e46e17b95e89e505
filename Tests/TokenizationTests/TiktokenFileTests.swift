import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Vocabularies that are a file of tiktoken alone.
@Suite struct TiktokenFileTests {
    private func load(
        _ files: [String: String], modelType: String
    ) throws -> HFTokenizer {
        try Fixtures.withTemporaryFolder { folder in
            for (name, text) in files {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            return try HFTokenizer.load(directory: folder, modelType: modelType)
        }
    }

    /// l, o, w, lo, low, a space, " low", and a token that merging does not give.
    private let tokens = """
        bA== 0
        bw== 1
        dw== 2
        bG8= 3
        bG93 4
        IA== 5
        IGxvdw== 6
        b293 7

        """

    @Test func qwen() throws {
        let tokenizer = try load(
            ["qwen.tiktoken": tokens, "config.json": #"{"vocab_size": 12}"#], modelType: "qwen")
        let vocabulary = tokenizer.vocabulary
        #expect(vocabulary.model == .byteLevelBPE)
        #expect(vocabulary.pre == "qwen2")
        #expect(vocabulary.merges == ["l o", "lo w", "Ġ low"])
        #expect(vocabulary.tokens.count == 12)
        #expect(vocabulary.tokens[7] == "oow")
        #expect(
            vocabulary.tokens[8...] == [
                "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|extra_0|>",
            ])
        #expect(vocabulary.types[8...].allSatisfy { $0 == .control })
        #expect(vocabulary.types[..<8].allSatisfy { $0 == .normal })
        for role in [Vocabulary.SpecialRole.bos, .eos, .unk] {
            #expect(vocabulary.specialIDs[role] == 8, "\(role)")
        }
        let encoder = try Tokenizer(vocabulary: vocabulary)
        #expect(try encoder.encode("low low".utf8) == [4, 6])
    }

    @Test func kimi() throws {
        let tokenizer = try load(
            [
                "tiktoken.model": tokens, "config.json": #"{"vocab_size": 12}"#,
                "tokenizer_config.json": """
                {"bos_token": "[BOS]", "eos_token": "<|im_end|>", "unk_token": "[BOS]",
                 "added_tokens_decoder": {"8": {"content": "[BOS]", "special": true},
                  "9": {"content": "<|im_end|>", "special": false}}}
                """,
            ], modelType: "kimi_k2")
        let vocabulary = tokenizer.vocabulary
        #expect(vocabulary.pre == "kimi-k2")
        #expect(
            vocabulary.tokens[8...] == [
                "[BOS]", "<|im_end|>", "<|reserved_token_10|>", "<|reserved_token_11|>",
            ])
        #expect(vocabulary.types[8...].allSatisfy { $0 == .control })
        #expect(vocabulary.specialIDs[.bos] == 8)
        #expect(vocabulary.specialIDs[.eos] == 9)
        // It has every byte.
        #expect(!tokenizer.special.ids.contains { $0.role == .unk })
    }

    @Test(arguments: ["l 0\n", "bA== zero\n", "bA==\n", "bA== 0\nbw== 0\n", "bA== -1\n", " 3\n"])
    func damagedFilesAreRefused(_ text: String) {
        #expect(throws: TokenizationError.self) {
            try load(["hy.tiktoken": text], modelType: "hunyuan_v1_moe")
        }
    }
}
