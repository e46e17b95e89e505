import TensorCore

extension ModelFamily {
    /// Upstage's Solar Open: GLM-4.5 without norms of heads and dense layers, all of a head turns.
    public static let solarOpen = ModelFamily(
        name: "SolarOpen", architecture: "glm4moe", classes: ["SolarOpenForCausalLM"],
        // transformers: SolarOpenConfig
        defaults: [
            .integer("vocab_size", 196608), .integer("hidden_size", 4096),
            .integer("num_hidden_layers", 48), .integer("num_attention_heads", 64),
            .integer("num_key_value_heads", 8), .integer("head_dim", 128),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
            .integer("moe_intermediate_size", 1280), .integer("num_experts_per_tok", 8),
            .integer("n_shared_experts", 1), .same("n_routed_experts", as: "num_local_experts"),
            .integer("n_routed_experts", 128), .real("routed_scaling_factor", 1),
            .integer("n_group", 1), .integer("topk_group", 1), .boolean("norm_topk_prob", true),
            .real("rope_theta", 1_000_000), .real("partial_rotary_factor", 1),
        ],
        keys: .glm4Moe,
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_attention_layernorm", "post_attention_norm"),
                .attention(biases: .optional)),
            .routedExperts(correction: .required, shared: .required),
        ],
        checks: [
            .activation(.silu), .refused(.zero("first_k_dense_replace")),
        ],
        tokenizer: .init(roles: [
            .init("eos", "<|endoftext|>"), .init("eot", "<|endoftext|>"), .init("unk", "<unk>"),
            .init("bos", "<|startoftext|>"),
        ]),
        export: .init(
            modelType: "solar_open",
            words: [
                "expert_count": "n_routed_experts", "expert_weights_norm": "norm_topk_prob",
            ],
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            rotaryShare: "partial_rotary_factor", fits: { $0.tokenizer("eom_token_id") == nil }),
        decoder: .glm4Moe)
}
