import TensorCore

extension ModelFamily {
    /// SmallThinker: experts that are rated by what goes into the block, before attention; layers with
    /// a window turn, one in four sees everything and does not.
    public static let smallThinker = ModelFamily(
        name: "SmallThinker", architecture: "smallthinker", classes: ["SmallThinkerForCausalLM"],
        // The model's own code: SmallThinkerConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 1536),
            .integer("num_hidden_layers", 32), .integer("num_attention_heads", 12),
            .integer("num_key_value_heads", 2), .integer("head_dim", 128),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 1_500_000), .integer("moe_num_primary_experts", 32),
            .integer("moe_num_active_primary_experts", 4), .integer("moe_ffn_hidden_size", 768),
            .boolean("moe_primary_router_apply_softmax", false),
        ],
        keys: .common + [
            .count("expert_count", "moe_num_primary_experts"),
            .count("expert_used_count", "moe_num_active_primary_experts"),
            .count("expert_feed_forward_length", "moe_ffn_hidden_size"),
            .count("feed_forward_length", "moe_ffn_hidden_size"),
            .count("expert_gating_func") { configuration throws(ArchitectureError) in
                configuration["moe_primary_router_apply_softmax"]?.boolean == true ? 1 : 2
            },
            .entries { configuration throws(ArchitectureError) in
                guard configuration.layout("sliding_window_layout").contains(true),
                    let window = try configuration.integer("sliding_window_size"), window != 0
                else { return [] }
                return [
                    .init(
                        "{arch}.attention.sliding_window",
                        try configuration.uint32(window, "sliding_window_size"))
                ]
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .attention()),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init(
                    "primary_router", "ffn_gate_inp", [.key("moe_num_primary_experts"), .hidden]),
                .stackedExperts(
                    [("down", "down"), ("gate", "gate"), ("up", "up")],
                    width: .key("moe_ffn_hidden_size"), count: .key("moe_num_primary_experts"))),
        ],
        checks: [
            .refused(.absent("moe_num_secondary_experts")),
            .departing { configuration throws(ArchitectureError) in
                let count = try configuration.numHiddenLayers()
                let (slides, turns) = (
                    configuration.layout("sliding_window_layout"),
                    configuration.layout("rope_layout")
                )
                // Readers know no other layout: one layer in four, the first of them, sees all.
                let hasWindow = slides.contains(true)
                for layer in 0..<count {
                    let isFull = hasWindow && layer % 4 == 0
                    for (key, layout) in [
                        ("sliding_window_layout", slides), ("rope_layout", turns),
                    ]
                    where layout.indices.contains(layer) {
                        let expected = key == "rope_layout" ? !isFull : hasWindow && !isFull
                        guard layout[layer] != expected else { continue }
                        throw configuration.inexpressible(
                            key, found: "\(layout[layer] ? 1 : 0) for layer \(layer)",
                            expected: "\(expected ? 1 : 0)")
                    }
                }
            },
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let hasWindow = try model.number("attention.sliding_window").map { $0 > 0 } ?? false
            return try model.decoder(
                .init(
                    pairing: .halves, windowPeriod: 4, fullBlockIsFirst: true,
                    experts: .init(
                        scoring: .sigmoid, normalisesWeights: true, activation: .relu))
            ) { index, block in
                if hasWindow, block.attention.window == nil { block.attention.rotary = nil }
                if case .experts(var experts) = block.feedForward {
                    experts.ratesBlockInput = true
                    block.feedForward = .experts(experts)
                }
            }
        })
}

extension ModelConfiguration {
    /// A switch for each layer, written as 0 or 1; empty where the configuration does not say.
    fileprivate func layout(_ key: String) -> [Bool] {
        (self[key]?.array ?? []).map { $0.boolean ?? ($0.integer != 0) }
    }
}
