import TensorCore

extension ModelFamily {
    /// JetBrains' Mellum 2: Qwen 3 with experts and sliding windows, whose layers have a rotary base of
    /// their own.
    public static let mellum = ModelFamily(
        name: "Mellum", architecture: "mellum", classes: ["MellumForCausalLM"],
        // transformers: MellumConfig
        defaults: [
            .integer("vocab_size", 98304), .integer("hidden_size", 2304),
            .integer("intermediate_size", 7168), .integer("num_hidden_layers", 28),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 4),
            .integer("head_dim", 128), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1e-6), .integer("sliding_window", 1024),
            .integer("moe_intermediate_size", 896), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 64), .integer("num_experts_per_tok", 8),
            .boolean("norm_topk_prob", true),
            .computed("rope_parameters") { configuration in
                configuration["rope_parameters"] == nil ? usualRotation : nil
            },
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .entries { configuration throws(ArchitectureError) in
                guard configuration["use_sliding_window"]?.boolean != false,
                    let window = try configuration.integer("sliding_window"),
                    // Readers end on a window that no layer has.
                    let layers = try configuration.slidingLayers(), layers.contains(true)
                else { return [] }
                return [
                    .init(
                        "{arch}.attention.sliding_window",
                        try configuration.uint32(window, "sliding_window")),
                    .init("{arch}.attention.sliding_window_pattern", .bools(layers)),
                ]
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms(), .attention()),
            .blocks(
                of: "model.layers.{bid}.mlp.", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(width: .key("moe_intermediate_size"))),
        ],
        checks: [
            .activation(.silu), .without("attention_bias"), .on("norm_topk_prob"), .noDenseLayers,
        ],
        export: .init(
            modelType: "mellum",
            computed: { source in
                guard case .float32(let base)? = source.value("rope.freq_base") else { return [] }
                var local = base
                if case .float32(let other)? = source.value("rope.freq_base_swa") { local = other }
                func turns(_ base: Float) -> JSON {
                    .object([
                        .init(key: "rope_type", value: .text("default")),
                        .init(key: "rope_theta", value: .real(Double(base))),
                    ])
                }
                guard source.value("rope.scaling.factor") == nil else { return [] }
                return [
                    (
                        "rope_parameters",
                        .object([
                            .init(key: "full_attention", value: turns(base)),
                            .init(key: "sliding_attention", value: turns(local)),
                        ])
                    )
                ]
            }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let base = try model.positiveNumber("rope.freq_base_swa")
            return try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, windowPeriod: 0,
                    experts: .init(scoring: .softmax, normalisesWeights: true))
            ) { _, block in
                guard block.attention.window != nil else { return }
                block.attention.rotary?.removeScaling()
                if let base { block.attention.rotary?.base = Double(base) }
            }
        })

    private static let usualRotation = JSON.object(
        [("full_attention", 500_000.0), ("sliding_attention", 10_000.0)].map { key, base in
            .init(
                key: ByteString(key),
                value: .object([
                    .init(key: "rope_type", value: .string("default")),
                    .init(key: "rope_theta", value: .real(base)),
                ]))
        })
}
