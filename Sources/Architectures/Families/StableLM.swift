import TensorCore

extension ModelFamily {
    /// StableLM 2, 3B and kin: layer norms, partial rotation, attention and feed-forward network one
    /// after the other or side by side.
    public static let stableLM = ModelFamily(
        name: "StableLM",
        architecture: "stablelm",
        classes: [
            "StableLmForCausalLM", "StableLMEpochForCausalLM", "LlavaStableLMEpochForCausalLM",
        ],
        // transformers: StableLmConfig
        defaults: [
            .integer("vocab_size", 50304), .integer("hidden_size", 2560),
            .integer("intermediate_size", 6912), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .integer("max_position_embeddings", 4096), .real("layer_norm_eps", 1e-5),
            .real("rope_theta", 10000), .real("partial_rotary_factor", 0.25),
            .boolean("use_parallel_residual", false),
        ],
        keys: [
            .count("context_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"),
            .blockCount,
            .count("feed_forward_length", "intermediate_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                let share = try RotaryParameters(configuration).partialFactor ?? 0.25
                return try configuration.rotaryDimension(share: share)
            },
            .count("attention.head_count", "num_attention_heads"),
            .count("attention.head_count_kv", "num_key_value_heads"),
            .flag("use_parallel_residual", "use_parallel_residual"),
            .number("attention.layer_norm_epsilon", "layer_norm_eps", "norm_eps"),
            .unusualRotaryBase,
            .fileType,
        ],
        tensors: [
            .ends(normBias: .required),
            .blocks(
                .norm("input_layernorm", "attn_norm", bias: .required),
                // Missing where attention and network run side by side.
                .norm("post_attention_layernorm", "ffn_norm", bias: .optional, presence: .optional),
                .attention(biases: .optional), .gatedNetwork(), eachHeadsNorm("q", .headCount),
                eachHeadsNorm("k", .keyValueHeadCount)),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(.silu), .headsShareWidth],
        export: .init(
            modelType: "stablelm",
            presence: [
                ("blk.0.attn_q.bias", "use_qkv_bias"),
                ("blk.0.attn_q_norm.weight", "qk_layernorm"),
            ], rotaryShare: "partial_rotary_factor"),
        // Layer norms, part of every head turns; the 12B model normalises every head with weights
        // of its own and puts attention and network side by side.
        decoder: .custom { model throws(DecoderDescriptionError) in

            let isParallel = try model.flag(
                "use_parallel_residual", standard: model.present("blk.0.ffn_norm.weight") == nil)
            return try model.decoder(
                .init(
                    pairing: .halves, norm: .layer, headNorms: .eachHead, headNormsMayMiss: true,
                    arrangement: isParallel ? .parallel : .sequential))

        })

    /// A norm for every head, which GGUF has as the rows of one tensor.
    private static func eachHeadsNorm(_ letter: String, _ count: Dimension) -> TensorModules {
        .tensors(
            [.init("self_attn.\(letter)_layernorm.norms.{xid}.weight", [.head], count: count)],
            into: [.init("attn_\(letter)_norm.weight", [count, .head])], presence: .optional)
    }
}
