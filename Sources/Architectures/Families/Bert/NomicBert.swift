import TensorCore

extension ModelFamily {
    /// Nomic Embed 1 and 1.5: BERT with rotary positions and gated networks, without biases.
    public static let nomicBert = ModelFamily(
        name: "NomicBert",
        architecture: "nomic-bert",
        classes: ["NomicBertModel"],
        // The configuration is the one of the model's own code, in GPT-2's words.
        defaults: [
            .integer("vocab_size", 30528), .integer("type_vocab_size", 2),
            .real("layer_norm_epsilon", 1e-12),
            .same("max_trained_positions", as: "max_position_embeddings"),
            .integer("max_trained_positions", 2048),
            .real("rotary_emb_base", 1000), .same("rope_theta", as: "rotary_emb_base"),
            .quotient("head_dim", "n_embd", by: "n_head"),
        ],
        keys: .common + [
            // What the model was trained with, whatever its rotation could be stretched to.
            .count("context_length", "max_trained_positions")
        ] + .encoder,
        tensors: [
            .init("embeddings.word_embeddings", "token_embd", [.vocabulary, .hidden]),
            .init(
                "embeddings.token_type_embeddings", "token_types",
                [.key("type_vocab_size"), .hidden]),
            .norm("emb_ln", "token_embd_norm", bias: .required),
            .blocks(
                of: "encoder.layers.{bid}.",
                .init("attn.Wqkv", "attn_qkv", [3 * .hidden, .hidden]),
                .tensors(
                    ["q", "k", "v"].map {
                        .init("self_attn.\($0)_proj.weight", [.hidden, .hidden])
                    },
                    into: [
                        .init(
                            "attn_qkv.weight", [3 * .hidden, .hidden],
                            [.init(0), .init(1), .init(2)])
                    ]),
                .init("attn.out_proj", "attn_output", [.hidden, .hidden]),
                .init("mlp.fc11", "ffn_up", [.feedForward, .hidden]),
                .init("mlp.fc12", "ffn_gate", [.feedForward, .hidden]),
                .init("mlp.fc2", "ffn_down", [.hidden, .feedForward]),
                .norm("norm1", "attn_output_norm", bias: .required),
                .norm("norm2", "layer_output_norm", bias: .required)),
        ],
        checkpoint: .init(spellings: nomicSpellings),
        checks: [
            .refused(.activation(["swiglu"], at: "activation_function")),
            .without(
                "causal", "qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "prenorm",
                "rotary_emb_interleaved", "use_rms_norm", "parallel_block"),
            .refusing { configuration throws(ArchitectureError) in
                for key in ["moe_every_n_layers", "rotary_emb_scale_base"] {
                    guard let value = configuration[key]?.double, value != 0 else { continue }
                    throw configuration.inexpressible(key, found: "\(value)", expected: "none")
                }
            }, .zero("rotary_scaling_factor"), .refused(.number("rotary_emb_fraction", 1)),
        ],
        tokenizer: .init(leadingKeys: .tokenTypeCount),
        // In the words of transformers 5.
        export: .init(
            modelType: "nomic_bert",
            words: [
                "context_length": "max_position_embeddings",
                "attention.layer_norm_epsilon": "layer_norm_eps",
            ], computed: bertSegments),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.encoder(
                .init(
                    pairing: .halves, norm: .layer, hasPreNorms: false, hasSumNorms: true,
                    hasOutputNorm: false))
        })

    /// The names in transformers 5, where they differ from the model's own code.
    static let nomicSpellings: [Spelling] = [
        .init("layers.", means: "encoder.layers."),
        .init("embeddings.LayerNorm.", means: "emb_ln."),
        .init("self_attn.o_proj.", means: "attn.out_proj."),
        .init("mlp.up_proj.", means: "mlp.fc11."),
        .init("mlp.gate_proj.", means: "mlp.fc12."),
        .init("mlp.down_proj.", means: "mlp.fc2."),
        .init("post_attention_layernorm.", means: "norm1."),
        .init("post_mlp_layernorm.", means: "norm2."),
    ]
}
