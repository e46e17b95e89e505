import TensorCore

extension ModelFamily {
    /// ruGPT-3 XL: GPT-2 under Llama's names, with matrices of their own for queries, keys and
    /// values.
    public static let ruGpt3XL = ModelFamily(
        name: "RuGpt3XL",
        architecture: "gpt2",
        classes: ["RuGPT3XLForCausalLM"],
        // the model's own RuGPT3XLConfig
        defaults: [
            .integer("vocab_size", 50264), .integer("hidden_size", 2048),
            .integer("intermediate_size", 8192), .integer("num_hidden_layers", 24),
            .integer("num_attention_heads", 16), .integer("max_position_embeddings", 2048),
            .real("layer_norm_eps", 1e-5),
        ],
        keys: .commonWithoutHeadLength + [.fileType],
        tensors: [
            .ends(normBias: .required),
            .init(
                "model.embed_positions", "position_embd",
                [.key("max_position_embeddings"), .hidden]),
            .blocks(
                .preNorms(bias: .required), joined("weight", [.hidden]), joined("bias", []),
                .init("self_attn.o_proj", "attn_output", [.hidden, .hidden], bias: .required),
                .plainNetwork("mlp.up_proj", "mlp.down_proj", bias: .required)),
        ],
        rotary: .unscaled,
        checks: [.activation(.geluTanh), .off("sparse_attention")],
        decoder: .blocks(
            .init(norm: .layer, network: .plain, activation: .geluTanh, hasPositions: true)))

    private static func joined(_ suffix: String, _ inner: [Dimension]) -> TensorModules {
        .tensors(
            ["q", "k", "v"].map {
                .init("self_attn.\($0)_proj.\(suffix)", [.hidden] + inner)
            },
            into: [
                .init(
                    "attn_qkv.\(suffix)", [3 * .hidden] + inner, [.init(0), .init(1), .init(2)])
            ])
    }
}
