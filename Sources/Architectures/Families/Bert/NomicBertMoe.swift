import TensorCore

extension ModelFamily {
    /// Nomic Embed 2: BERT with rotary positions, biases, XLM-R's tokenizer, and in every other layer
    /// experts in place of the network.
    ///
    /// The bias behind a layer's experts has no place in a file.
    public static let nomicBertMoe = ModelFamily(
        name: "NomicBertMoe",
        architecture: "nomic-bert-moe",
        // The class is that of the models without experts.
        classes: [],
        defaults: [
            .integer("vocab_size", 250_048), .integer("type_vocab_size", 1),
            .real("layer_norm_epsilon", 1e-5), .real("rotary_emb_base", 10000),
            .same("rope_theta", as: "rotary_emb_base"), .integer("num_experts", 8),
            .integer("moe_top_k", 2),
            // The published models say 2048 and were trained with a quarter of it.
            .computed("max_trained_positions") { configuration in
                configuration["n_positions"]?.integer.map { .integer(min($0, 512)) }
            },
        ],
        keys: .common + [.count("context_length", "max_trained_positions")] + .encoder + [
            .count("moe_every_n_layers", "moe_every_n_layers"),
            .count("expert_used_count", "moe_top_k"),
        ],
        tensors: [
            .init("embeddings.word_embeddings", "token_embd", [.vocabulary, .hidden]),
            .init(
                "embeddings.token_type_embeddings", "token_types",
                [.key("type_vocab_size"), .hidden]),
            .norm("emb_ln", "token_embd_norm", bias: .required),
            .blocks(
                of: "encoder.layers.{bid}.",
                .init("attn.Wqkv", "attn_qkv", [3 * .hidden, .hidden], bias: .required),
                .init("attn.out_proj", "attn_output", [.hidden, .hidden], bias: .required),
                .norm("norm1", "attn_output_norm", bias: .required),
                .norm("norm2", "layer_output_norm", bias: .required)),
            .blocks(
                of: "encoder.layers.{bid}.", where: !.hasNomicExperts,
                .plainNetwork("mlp.fc1", "mlp.fc2", bias: .required)),
            .blocks(of: "encoder.layers.{bid}.mlp.", where: .hasNomicExperts, experts),
            .ignoring("encoder.layers.{bid}.mlp.experts.bias"),
        ],
        checks: [
            .refused(
                .activation(["gelu"], at: "activation_function"), .zero("rotary_emb_scale_base"),
                .zero("num_shared_experts"), .number("rotary_emb_fraction", 1)),
            .needing("qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias"),
            .without(
                "causal", "prenorm", "rotary_emb_interleaved", "use_rms_norm", "parallel_block"),
            .off("moe_normalize_expert_weights"), .zero("rotary_scaling_factor"),
            .noting { _ in
                [
                    "the bias behind each layer's experts is left out, as every reader of "
                        + "nomic-bert-moe has it; vectors differ from the model's a little"
                ]
            },
        ],
        tokenizer: .init(model: "t5", segmentKeys: .tokenTypeCount),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.encoder(
                .init(
                    pairing: .halves, norm: .layer, hasPreNorms: false, hasSumNorms: true,
                    hasOutputNorm: false, network: .plain, activation: .gelu,
                    experts: .init(
                        scoring: .softmax, normalisesWeights: false, activation: .gelu,
                        isGated: false)))
        },
        claims: {
            $0["architectures"]?.array?.first?.text == "NomicBertModel"
                && ($0["moe_every_n_layers"]?.integer ?? 0) > 0
        })

    /// Experts without gates, one after another in two matrices, and what rates them.
    private static let experts: TensorModules = {
        let (count, width) = (Dimension.experts, Dimension.feedForward)
        return [
            .init("router.layer", "ffn_gate_inp", [count, .hidden]),
            .tensor(
                "experts.mlp.w1", "ffn_up_exps.weight", [count, width, .hidden],
                from: [count * width, .hidden]),
            .tensor(
                "experts.mlp.w2", "ffn_down_exps.weight", [count, .hidden, width],
                from: [count * width, .hidden],
                view: .reshaped([count, width, .hidden]).permuted([0, 2, 1])),
        ]
    }()
}

extension TensorRule.Condition {
    /// The second of every so many layers.
    fileprivate static let hasNomicExperts = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try block % configuration.required("moe_every_n_layers") == 1
    }
}
