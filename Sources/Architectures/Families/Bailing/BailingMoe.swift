import TensorCore

extension ModelFamily {
    /// Ling 1 and 1.5 (BailingMoE): Llama's attention from one matrix, experts beside a shared network
    /// in every layer.
    public static let bailingMoe = ModelFamily(
        name: "BailingMoe", architecture: "bailingmoe", classes: ["BailingMoeForCausalLM"],
        // The model's own code: BailingMoeConfig
        defaults: [
            .integer("vocab_size", 30592), .integer("hidden_size", 1024),
            .integer("intermediate_size", 2816), .integer("num_hidden_layers", 24),
            .integer("num_attention_heads", 16),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 16384), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("num_experts", 16),
            .integer("num_shared_experts", 0), .integer("num_experts_per_tok", 2),
            .boolean("norm_topk_prob", true), .integer("first_k_dense_replace", 0),
        ],
        keys: .common + [
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.headDim()
            },
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("vocab_size", "vocab_size"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .constant("expert_weights_scale", .float32(1)),
            .count("expert_shared_count", "num_shared_experts"),
            .flag("expert_weights_norm", "norm_topk_prob"),
        ],
        tensors: [
            .ends("model.word_embeddings"), .blocks(.preNorms(), .bailingAttention),
            .blocks(
                of: "model.layers.{bid}.mlp.", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .gatedNetwork(
                    "shared_experts",
                    width: .key("moe_intermediate_size") * .key("num_shared_experts"),
                    suffix: "_shexp"),
                .experts(width: .key("moe_intermediate_size"))),
        ],
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .without("use_bias", "use_qkv_bias", "norm_head"),
            .off("norm_softmax"),
            .refused(.zero("first_k_dense_replace")),
        ],
        decoder: .blocks(
            .init(
                pairing: .interleaved,
                experts: .init(scoring: .softmax, normalisesWeights: false, shared: .counted))))
}

extension TensorModules {
    /// Queries, keys and values from one matrix, which a file has as three; queries and keys for the
    /// rotation of neighbours.
    fileprivate static let bailingAttention: Self = {
        let rows = .queryHeads + 2 * .keyValueHeads
        let box = TensorView.reshaped([rows, .hidden])
        func turning(_ start: Dimension, _ heads: Dimension) -> TensorView {
            box.narrowed(0, from: start, count: heads * .head, as: [heads, 2, .head / 2])
                .permuted([0, 2, 1, 3])
        }
        return [
            .tensors(
                [.init("attention.query_key_value.weight", [rows, .hidden])],
                into: [
                    .init("attn_q.weight", [.queryHeads, .hidden], turning(0, .headCount)),
                    .init(
                        "attn_k.weight", [.keyValueHeads, .hidden],
                        turning(.queryHeads, .keyValueHeadCount)),
                    .init(
                        "attn_v.weight", [.keyValueHeads, .hidden],
                        box.narrowed(
                            0, from: .queryHeads + .keyValueHeads, count: .keyValueHeads)),
                ]),
            .init("attention.dense", "attn_output", [.hidden, .queryHeads]),
        ]
    }()
}
