import TensorCore

extension ModelFamily {
    /// GPT-2: learned positions, layer norms, matrices stored with a column for each output.
    ///
    /// Checkpoints name their tensors with `transformer.` in front or, as the first published ones,
    /// without.
    public static let gpt2 = ModelFamily(
        name: "Gpt2",
        architecture: "gpt2",
        classes: ["GPT2LMHeadModel"],
        // transformers: GPT2Config
        defaults: [
            .integer("vocab_size", 50257), .integer("n_embd", 768), .integer("n_layer", 12),
            .integer("n_head", 12), .integer("n_positions", 1024),
            .same("n_ctx", as: "n_positions"), .real("layer_norm_epsilon", 1e-5),
            .boolean("tie_word_embeddings", true),
        ],
        keys: [
            .blockCount,
            .count("context_length", "n_ctx"),
            .count("embedding_length", "n_embd"),
            .size("feed_forward_length", width),
            .count("attention.head_count", "n_head"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .fileType,
        ],
        tensors: [
            .ends("wte", norm: "ln_f", normBias: .required),
            .init("wpe", "position_embd", [.key("n_positions"), .hidden]),
            .blocks(
                of: "h.{bid}.", .norm("ln_1", "attn_norm", bias: .required),
                .norm("ln_2", "ffn_norm", bias: .required),
                .init(
                    "attn.c_attn", "attn_qkv", [3 * .hidden, .hidden], bias: .required,
                    transform: .transposed),
                .init(
                    "attn.c_proj", "attn_output", [.hidden, .hidden], bias: .required,
                    transform: .transposed),
                .plainNetwork(
                    "mlp.c_fc", "mlp.c_proj", width: width, bias: .required, transform: .transposed)
            ),
            .ignoring("h.{bid}.attn.bias", "h.{bid}.attn.masked_bias"),
        ],
        checks: [
            .activation(
                ["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu"], at: "activation_function"),
            .on("scale_attn_weights"),
            .without("add_cross_attention"), .off("scale_attn_by_inverse_layer_idx"),
        ],
        export: .init(
            modelType: "gpt2",
            words: [
                "embedding_length": "n_embd", "block_count": "n_layer",
                "attention.head_count": "n_head", "context_length": "n_positions",
                "feed_forward_length": "n_inner",
                "attention.layer_norm_epsilon": "layer_norm_epsilon",
            ]),
        // Learned positions, layer norms, one matrix for queries, keys and values.
        decoder: .blocks(
            .init(norm: .layer, network: .plain, activation: .geluTanh, hasPositions: true)))

    /// The feed-forward network is as wide as the configuration says, or four times the model.
    private static let width = Dimension.key("n_inner", or: 4 * .hidden)

}
