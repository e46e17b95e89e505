import TensorCore

extension ModelFamily {
    /// EXAONE 4, and the language model of 4.5: norms after attention and feed-forward network and on every query and key head;
    /// most layers with a sliding window, the others without positions.
    public static let exaone4 = ModelFamily(
        name: "Exaone4",
        architecture: "exaone4",
        classes: ["Exaone4ForCausalLM", "Exaone4_5_ForConditionalGeneration"],
        // transformers: Exaone4Config
        defaults: [
            .integer("vocab_size", 102400), .integer("hidden_size", 4096),
            .integer("intermediate_size", 16384), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .integer("sliding_window", 4096),
        ],
        keys: .common + .exaoneWindows + [.predictorCount],
        tensors: [
            .ends(),
            .blocks(
                .norm("post_attention_layernorm", "post_attention_norm"),
                .norm("post_feedforward_layernorm", "post_ffw_norm"), .headNorms(), .attention(),
                .gatedNetwork()),
            .predictorModules,
        ],
        checkpoint: .init(multiTokenPrediction: .mtpLayers),
        rotary: .llama3,
        checks: [.activation(.silu)],
        export: .init(
            modelType: "exaone4"),
        // Norms after attention and the network and of every head; where there are sliding
        // windows, the blocks without one know no positions.
        decoder: .exaone(
            .init(
                pairing: .halves, headNorms: .head, hasPreNorms: false, hasPostNorms: true,
                windowPeriod: 4)))
}

extension [MetadataRule] {
    /// The keys of EXAONE 4 and of its form with experts behind the common ones.
    static let exaoneWindows: Self = [
        .count("vocab_size", "vocab_size"),
        .count("attention.sliding_window", "sliding_window"),
        .slidingWindowPattern { configuration throws(ArchitectureError) in
            guard configuration["sliding_window"] != nil else { return nil }
            if let layers = try configuration.slidingLayers() { return layers }
            return try configuration.exaonePattern()
        },
    ]
}

extension DecoderRule {
    /// Blocks without a window know no positions, where others have one.
    static func exaone(_ style: DecoderStyle) -> Self {
        .custom { model throws(DecoderDescriptionError) in
            let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 4)
            let isMixed = windows.contains { $0 != nil }
            return try model.decoder(style) { _, block in
                if isMixed, block.attention.window == nil { block.attention.rotary = nil }
            }
        }
    }
}

extension ModelConfiguration {
    /// The layers with a window by `sliding_window_pattern`: a period, or a text like `LLLG` that
    /// repeats.
    fileprivate func exaonePattern() throws(ArchitectureError) -> [Bool] {
        let key = "sliding_window_pattern"
        guard let letters = self[key]?.text.map({ Array($0.utf8) }) else {
            let period = try integer(key)
            return try slidingLayers(period: period ?? 4)
        }
        guard !letters.isEmpty else {
            throw fault(.invalidValue(found: "an empty text", expected: "letters L and G"), key)
        }
        return try (0..<numHiddenLayers()).map {
            letters[$0 % letters.count] == UInt8(ascii: "L")
        }
    }
}
