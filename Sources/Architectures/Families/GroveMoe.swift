import TensorCore

extension ModelFamily {
    /// GroveMoE: Qwen 3 with experts, of which every two share an adjugate expert.
    public static let groveMoe = ModelFamily(
        name: "GroveMoe", architecture: "grovemoe",
        classes: ["GroveMoeForCausalLM", "modeling_grove_moe.GroveMoeForCausalLM"],
        // The model's own code: GroveMoeConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 6144), .integer("num_hidden_layers", 48),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 4),
            .integer("max_position_embeddings", 40960), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 1_000_000), .integer("num_experts", 128),
            .integer("num_experts_per_tok", 8), .integer("moe_intermediate_size", 768),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_chunk_feed_forward_length") { configuration throws(ArchitectureError) in
                try configuration.integer("head_dim") ?? 128
            },
            .constant("experts_per_group", .uint32(2)),
            .constant("expert_group_scale", .float32(0.05)),
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms(), .attention()),
            .blocks(
                of: "model.layers.{bid}.mlp.", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .stackedExperts(width: .key("moe_intermediate_size")), .adjugateExperts,
                .ignoring("gate.expert_bias", "expert_bias")),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .on("norm_topk_prob")])
}

extension TensorModules {
    /// The experts that two neighbours share.
    fileprivate static let adjugateExperts: Self = {
        let (count, width) = (Dimension.experts / 2, Dimension.key("head_dim", or: 128))
        let matrices: [(role: String, shape: [Dimension])] = [
            ("down", [.hidden, width]), ("gate", [width, .hidden]), ("up", [width, .hidden]),
        ]
        return .tensors(
            matrices.map {
                .init("chunk_experts.{xid}.\($0.role)_proj.weight", $0.shape, count: count)
            },
            into: matrices.indices.map { index in
                .init(
                    "ffn_\(matrices[index].role)_chexps.weight", [count] + matrices[index].shape,
                    [.init(index)])
            })
    }()
}
