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
        tensors: tensors,
        checks: [
            .activation(
                ["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu"], at: "activation_function"),
            .on("scale_attn_weights"),
            .off("add_cross_attention", "scale_attn_by_inverse_layer_idx"),
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

    private static let tensors: [TensorRule] = {
        let layer = "h.{bid}."
        let block = "blk.{bid}."
        func norm(_ source: String, _ name: String) -> [TensorRule] {
            ["weight", "bias"].map { .init("\(source).\($0)", "\(name).\($0)", [.hidden]) }
        }
        var rules: [TensorRule] = [
            .init("wte.weight", "token_embd.weight", [.vocabulary, .hidden]),
            .init("wpe.weight", "position_embd.weight", [.key("n_positions"), .hidden]),
            .init("lm_head.weight", "output.weight", [.vocabulary, .hidden], presence: .optional),
            .ignoring(layer + "attn.bias"), .ignoring(layer + "attn.masked_bias"),
        ]
        rules += norm("ln_f", "output_norm")
        rules += norm(layer + "ln_1", block + "attn_norm")
        rules += norm(layer + "ln_2", block + "ffn_norm")
        for (source, name, shape) in [
            ("attn.c_attn", "attn_qkv", [3 * Dimension.hidden, .hidden]),
            ("attn.c_proj", "attn_output", [.hidden, .hidden]),
            ("mlp.c_fc", "ffn_up", [width, .hidden]),
            ("mlp.c_proj", "ffn_down", [.hidden, width]),
        ] {
            rules += .projection(
                layer + source, block + name, shape, bias: .required, transform: .transposed)
        }
        return rules
    }()
}
