import TensorCore

extension ModelFamily {
    /// OLMoE: experts, and norms over all of a token's queries and keys instead of each head's.
    public static let olmoe = ModelFamily(
        name: "Olmoe",
        architecture: "olmoe",
        classes: ["OlmoeForCausalLM"],
        // transformers: OlmoeConfig
        defaults: [
            .integer("vocab_size", 50304), .integer("hidden_size", 2048),
            .integer("intermediate_size", 2048), .integer("num_hidden_layers", 16),
            .integer("num_attention_heads", 16), .integer("max_position_embeddings", 4096),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 10000),
            .integer("num_experts_per_tok", 8), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 64),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(wholeRows: true),
                .attention(biases: .optional, outputBias: .optional)),
            .blocks(
                of: "model.layers.{bid}.mlp.", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(width: .feedForward)),
        ],
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .off("norm_topk_prob"), .absent("clip_qkv"),
            .refusing { configuration throws(ArchitectureError) in
                let heads = try configuration.numAttentionHeads()
                let keys = try configuration.numKeyValueHeads()
                guard heads != keys else { return }
                throw configuration.inexpressible(
                    "num_key_value_heads", found: "\(keys)",
                    expected: "as many as the \(heads) query heads")
            },
        ],
        export: .init(
            modelType: "olmoe"),
        // Norms of whole rows of queries and keys, experts whose weights stay as the softmax made
        // them.
        decoder: .blocks(
            .init(pairing: .halves, headNorms: .row, experts: .init(normalisesWeights: false))))

}
