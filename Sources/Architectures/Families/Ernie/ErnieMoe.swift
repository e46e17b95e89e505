import TensorCore

extension ModelFamily {
    /// Baidu's ERNIE 4.5 with experts, and with experts that every token passes.
    public static let ernieMoe = ModelFamily(
        name: "ErnieMoe",
        architecture: "ernie4_5-moe",
        classes: ["Ernie4_5_MoeForCausalLM"],
        // transformers: Ernie4_5_MoeConfig
        defaults: [
            .integer("vocab_size", 103424), .integer("hidden_size", 2560),
            .integer("intermediate_size", 12288), .integer("num_hidden_layers", 28),
            .integer("num_attention_heads", 20), .integer("num_key_value_heads", 4),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 500_000), .integer("moe_intermediate_size", 1536),
            .same("moe_k", as: "num_experts_per_tok"),
            .same("moe_num_experts", as: "num_experts"),
            .integer("moe_k", 6), .integer("moe_num_experts", 64),
            .integer("moe_num_shared_experts", 2), .integer("moe_layer_start_index", 1),
            .integer("moe_layer_interval", 1), .boolean("tie_word_embeddings", true),
        ],
        keys: .common + [
            .count("expert_count", "moe_num_experts"),
            .count("expert_used_count", "moe_k"),
            .count("interleave_moe_layer_step", "moe_layer_interval"),
            .count("leading_dense_block_count", "moe_layer_start_index"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "moe_num_shared_experts"),
            .entries { configuration throws(ArchitectureError) in
                let count = try configuration.integer("moe_num_shared_experts") ?? 0
                guard count > 0 else { return [] }
                let width = Dimension.key("moe_intermediate_size") * .constant(count)
                return [
                    .init(
                        "{arch}.expert_shared_feed_forward_length",
                        try configuration.uint32(
                            width.size(in: configuration), "moe_intermediate_size"))
                ]
            },
        ],
        tensors: [
            .ends(outputBias: .optional),
            .blocks(.preNorms(), .attention(biases: .optional, outputBias: .optional)),
            .blocks(where: !.sparseErnie, .gatedNetwork(bias: .optional)),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseErnie,
                .init("gate", "ffn_gate_inp", [.key("moe_num_experts"), .hidden]),
                .tensor(
                    "moe_statics.e_score_correction_bias", "exp_probs_b.bias",
                    [1, .key("moe_num_experts")], presence: .optional),
                .experts(
                    [("gate_proj", "gate"), ("up_proj", "up"), ("down_proj", "down")],
                    width: .key("moe_intermediate_size"), count: .key("moe_num_experts")),
                .gatedNetwork(
                    "shared_experts",
                    width: .key("moe_intermediate_size") * .key("moe_num_shared_experts"),
                    suffix: "_shexp", bias: .optional, presence: .optional)),
        ],
        checkpoint: .init(spellings: [.init("mlp.gate.moe_statics.", means: "mlp.moe_statics.")]),
        checks: [
            .activation(.silu),
            .refusing { configuration throws(ArchitectureError) in
                let last = try configuration.numHiddenLayers() - 1
                let end = try configuration.integer("moe_layer_end_index") ?? last
                guard end >= 0, end < last else { return }
                throw configuration.inexpressible(
                    "moe_layer_end_index", found: "\(end)", expected: "experts up to the last layer"
                )
            },
        ],
        tokenizer: .init(prefixSpace: .last),
        export: .init(
            modelType: "ernie4_5_moe",
            words: [
                "expert_count": "moe_num_experts", "expert_used_count": "moe_k",
                "interleave_moe_layer_step": "moe_layer_interval",
                "leading_dense_block_count": "moe_layer_start_index",
                "expert_shared_count": "moe_num_shared_experts",
                "expert_shared_feed_forward_length": nil,
            ], presence: [("blk.0.attn_q.bias", "use_bias")]),
        decoder: .ernie)

}

extension TensorRule.Condition {
    /// The blocks with experts, by ERNIE's first block and interval.
    fileprivate static let sparseErnie = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let interval = try configuration.required("moe_layer_interval")
        let start = try configuration.integer("moe_layer_start_index") ?? 0
        return block >= start && (block + 1) % interval == 0
    }
}
