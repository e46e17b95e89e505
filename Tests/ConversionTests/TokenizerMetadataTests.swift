import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing

/// What a converted file says about its tokenizer.
@Suite struct TokenizerMetadataTests {
    private func source(_ folder: String) throws -> ConversionSource {
        try ConversionSource(directory: folder, options: .init(isVocabularyOnly: true))
    }

    @Test(
        "every end of generation has a place or is named",
        arguments: [
            ("[510, 511]", nil, nil, nil), ("[510, 300]", 300, nil, nil),
            ("[510, 300, 301, 302]", 300, 301, "302"), ("300", 300, nil, nil),
            ("[510, 9999]", nil, nil, "9999"),
        ] as [(String, Int?, Int?, String?)])
    func endTokens(ids: String, eot: Int?, eom: Int?, named: String?) throws {
        try Checkpoints.with { folder in
            // The reader knows <|im_end|> by its text.
            let path = folder + "/tokenizer.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try Checkpoints.replace(
                "tokenizer.json", in: folder,
                text.replacingOccurrences(of: "<|im_start|>", with: "<|im_end|>"))
            try Checkpoints.replace(
                "generation_config.json", in: folder, #"{"eos_token_id": \#(ids)}"#)
            let source = try source(folder)
            #expect(source.metadata["tokenizer.ggml.eos_token_id"]?.integer == 510)
            #expect(source.metadata["tokenizer.ggml.eot_token_id"]?.integer == eot)
            #expect(source.metadata["tokenizer.ggml.eom_token_id"]?.integer == eom)
            #expect(
                source.notices.contains { $0.contains(named ?? "of generation") } == (named != nil))
        }
    }

    @Test(
        "SentencePiece without a space in front says so",
        arguments: [
            (#"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#, "null", false),
            (
                "null",
                #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": false}"#,
                false
            ),
            (
                #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#,
                #"{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"}"#,
                false
            ),
            (
                "null",
                #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false}"#,
                true
            ),
        ])
    func spacePrefix(normalizer: String, preTokenizer: String, adds: Bool) throws {
        try Checkpoints.with { folder in
            try Checkpoints.replace(
                "tokenizer.json", in: folder,
                """
                {"model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
                  "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "a": 4, "▁a": 5},
                  "merges": ["▁ a"]}, "normalizer": \(normalizer), "pre_tokenizer": \(preTokenizer)}
                """)
            try Checkpoints.replace("tokenizer_config.json", in: folder, "{}")
            let metadata = try source(folder).metadata
            let value = metadata["tokenizer.ggml.add_space_prefix"]?.boolean
            #expect(value == (adds ? nil : false))
        }
    }
}
