import TensorCore
import Tokenization

extension FuzzTarget {
    /// Vocabularies, through encoding a text.
    static let tokenizers: [FuzzTarget] = [
        FuzzTarget("tokenizer-json", sources: ["Tokenization"]) { bytes, scratch in
            _ = try scratch.file("tokenizer.json", bytes)
            try encode(scratch)
        },
        FuzzTarget("tokenizer-model", sources: ["Tokenization/SentencePiece"]) { bytes, scratch in
            _ = try scratch.file("tokenizer.model", bytes)
            try encode(scratch)
        },
        FuzzTarget("tokenizer-config", sources: ["Tokenization/HuggingFace"]) { bytes, scratch in
            let (config, map) = bytes.halves
            _ = try scratch.file("tokenizer_config.json", config)
            if !map.isEmpty { _ = try scratch.file("special_tokens_map.json", map) }
            _ = try scratch.file(
                "tokenizer.json",
                Array(
                    #"{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}"#.utf8)
            )
            try encode(scratch)
        },
    ]

    private static func encode(_ scratch: FuzzScratch) throws {
        let tokenizer = try HFTokenizer.load(directory: scratch.path, modelType: "llama")
        let text = "Hello wörld, it's <s> 1234  \n\tab \u{1F600}"
        if let reference = try? ReferenceTokenizer(tokenizer) {
            _ = try? reference.encode(text, addSpecial: true)
        }
        _ = try Tokenizer(vocabulary: tokenizer.vocabulary).encode(text.utf8, parseSpecial: true)
    }
}
