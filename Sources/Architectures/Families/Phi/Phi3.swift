#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension ModelFamily {
    /// Phi 3, 3.5 and 4: queries, keys and values from one matrix, gate and up from another, and
    /// rotary factors for short and long contexts.
    public static let phi3 = ModelFamily(
        name: "Phi3",
        architecture: "phi3",
        classes: ["Phi3ForCausalLM", "Phi4ForCausalLMV"],
        // transformers: Phi3Config
        defaults: [
            .integer("vocab_size", 32064), .integer("hidden_size", 3072),
            .integer("intermediate_size", 8192), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 4096),
            .integer("original_max_position_embeddings", 4096), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .real("partial_rotary_factor", 1),
        ],
        keys: .phi3,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .init(
                    "self_attn.qkv_proj", "attn_qkv", [.queryHeads + 2 * .keyValueHeads, .hidden]),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]), .stackedNetwork),
        ],
        rotary: .phi3(["default", "longrope", "su", "yarn"]),
        checks: [.activation(.silu), .headsShareWidth],
        export: .init(
            modelType: "phi3",
            words: [
                "rope.scaling.original_context_length": "original_max_position_embeddings"
            ], rotaryShare: "partial_rotary_factor"),
        // Matrices stacked, long contexts by divisors of the rotation, sliding windows in every
        // block where there is one.
        decoder: .blocks(.init(pairing: .halves, network: .stacked, windowPeriod: 0)))

}

extension RotaryRules {
    /// What queries and keys grow by, and the divisors of the angles as tensors, where there are any.
    static func phi3(_ scalings: [String]) -> Self {
        .init(
            scalings,
            leadingKeys: [
                .entries { configuration throws(ArchitectureError) in
                    guard try configuration.phi3Factors() != nil else { return [] }
                    let factor = try configuration.phi3AttentionFactor()
                    return [.init("{arch}.rope.scaling.attn_factor", .float32(Float(factor)))]
                }
            ]
        ) { configuration throws(ArchitectureError) in
            try configuration.phi3Factors().map { long, short in
                [
                    .init("rope_factors_long.weight", long),
                    .init("rope_factors_short.weight", short),
                ]
            } ?? []
        }
    }
}

extension [MetadataRule] {
    /// The keys of Phi 3.
    static let phi3: [MetadataRule] = [
        .count("context_length", "n_positions", "max_position_embeddings"),
        .count("rope.scaling.original_context_length") {
            configuration throws(ArchitectureError) in
            try configuration.phi3OriginalContext()
        },
        .count("embedding_length", "hidden_size", "n_embd"),
        .count("feed_forward_length", "intermediate_size"),
        .blockCount,
        .count("attention.head_count", "num_attention_heads", "n_head"),
        .count("attention.head_count_kv", "num_key_value_heads", "n_head_kv"),
        .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
        .count("rope.dimension_count") { configuration throws(ArchitectureError) in
            try configuration.phi3RotaryDimension()
        },
        .rotaryBase, .fileType,
        // 0 tells models without a window from those of which nothing is known.
        .count("attention.sliding_window") { configuration throws(ArchitectureError) in
            try configuration.integer("sliding_window") ?? 0
        },
    ]
}

extension ModelConfiguration {
    /// The context of the first training stage.
    ///
    /// transformers lets the key at the top of the configuration stand above the scaling's own
    /// where there is a scaling.
    fileprivate func phi3OriginalContext() throws(ArchitectureError) -> Int {
        let key = "original_max_position_embeddings"
        let rotary = try RotaryParameters(self)
        if ["default", "su"].contains(rotary.type), let own = try rotary.integer(key) {
            return own
        }
        return try required(key)
    }

    fileprivate func phi3RotaryDimension() throws(ArchitectureError) -> Int {
        try rotaryDimension(ofWidthShare: try RotaryParameters(self).partialFactor ?? 1)
    }

    /// The divisors of the angles for long and for short contexts; `nil` where there are none.
    fileprivate func phi3Factors() throws(ArchitectureError) -> (long: [Float], short: [Float])? {
        let rotary = try RotaryParameters(self)
        guard let long = try rotary.numbers("long_factor"), !long.isEmpty else { return nil }
        let short = try rotary.numbers("short_factor") ?? []
        let count = try phi3RotaryDimension() / 2
        for (name, factors) in [("long_factor", long), ("short_factor", short)]
        where factors.count != count {
            throw rotary.invalid(
                name, found: "\(factors.count) factors", expected: "\(count), one for each pair")
        }
        guard rotary.type != "default" else {
            throw rotary.invalid("rope_type", found: "default", expected: "longrope")
        }
        return (long.map { Float($0) }, short.map { Float($0) })
    }

    /// What queries and keys grow by: what the configuration says (Phi 3.5 MoE), otherwise, in long
    /// contexts, `sqrt(1 + ln(context / original) / ln(original))`, which is LongRoPE as Phi 3 has it.
    fileprivate func phi3AttentionFactor() throws(ArchitectureError) -> Double {
        if let given = try RotaryParameters(self).number("short_mscale") { return given }
        let original = Double(try phi3OriginalContext())
        let context = try required("n_positions", "max_position_embeddings")
        let scale = Double(context) / original
        return scale > 1 ? (1 + log(scale) / log(original)).squareRoot() : 1
    }
}
