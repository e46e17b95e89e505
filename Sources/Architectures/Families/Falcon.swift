import TensorCore

extension ModelFamily {
    /// Falcon 7B (all queries share one key and value) and the newer layout of 40B, 180B and 11B
    /// (groups of queries, each with its key and value).
    ///
    /// The fused matrix holds group after group: its queries, its key, its value. GGUF has all
    /// queries, then all keys, then all values.
    public static let falcon = ModelFamily(
        name: "Falcon",
        architecture: "falcon",
        classes: ["FalconForCausalLM", "RWForCausalLM"],
        // transformers: FalconConfig; the oldest files say n_head, n_layer, n_head_kv
        defaults: [
            .integer("vocab_size", 65024), .same("hidden_size", as: "n_embed"),
            .integer("hidden_size", 4544), .same("num_hidden_layers", as: "n_layer"),
            .integer("num_hidden_layers", 32), .same("num_attention_heads", as: "n_head"),
            .integer("num_attention_heads", 71), .same("num_kv_heads", as: "n_head_kv"),
            .real("layer_norm_epsilon", 1e-5), .real("rope_theta", 10000),
            .boolean("multi_query", true), .boolean("new_decoder_architecture", false),
            .boolean("parallel_attn", true), .boolean("alibi", false), .boolean("bias", false),
            .boolean("tie_word_embeddings", true),
            // The groups that the fused matrix has. Without the newer layout `num_kv_heads` is
            // read only where it says the same: some files have the number of heads there.
            .computed("num_key_value_heads") { configuration in
                let heads = configuration["num_attention_heads"]
                if configuration["new_decoder_architecture"]?.boolean == true {
                    return configuration["num_kv_heads"] ?? heads
                }
                return configuration["multi_query"]?.boolean == true ? .integer(1) : heads
            },
        ],
        keys: [
            // The reference converter does not read it from the configuration.
            .constant("context_length", .uint32(2048)),
            .constant("tensor_data_layout", .string("jploski")),
            .count("embedding_length", "hidden_size"),
            .size("feed_forward_length", width),
            .blockCount,
            .count("attention.head_count", "num_attention_heads"),
            .size("attention.head_count_kv", .keyValueHeadCount),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .fileType, .rotaryScaling, .unusualRotaryBase,
        ],
        tensors: [
            .ends("transformer.word_embeddings", norm: "transformer.ln_f", normBias: .required),
            .blocks(
                of: "transformer.h.{bid}.", queriesKeysValues,
                .init("self_attention.dense", "attn_output", [.hidden, .hidden]),
                .plainNetwork("mlp.dense_h_to_4h", "mlp.dense_4h_to_h", width: width)),
            .blocks(
                of: "transformer.h.{bid}.", where: !hasTwoNorms,
                .norm("input_layernorm", "attn_norm", bias: .required)),
            .blocks(
                of: "transformer.h.{bid}.", where: hasTwoNorms,
                .norm("ln_mlp", "attn_norm", bias: .required),
                .norm("ln_attn", "attn_norm_2", bias: .required)),
        ],
        rotary: .yarnOrDynamic,
        checks: [
            .off("alibi"), .without("bias"),
            .refusing { configuration throws(ArchitectureError) in
                guard configuration["new_decoder_architecture"]?.boolean != true else { return }
                try configuration.require("parallel_attn", true)
            },
            .activation(["gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh"], at: "activation"),
        ],
        export: .init(
            modelType: "falcon",
            words: [
                "attention.head_count_kv": "num_kv_heads",
                "attention.layer_norm_epsilon": "layer_norm_epsilon",
                "feed_forward_length": "ffn_hidden_size",
            ],
            constants: [
                ("parallel_attn", .bool(true)), ("alibi", .bool(false)), ("bias", .bool(false)),
            ],
            computed: { source in
                let groups = source.integer("attention.head_count_kv") ?? 1
                let heads = source.integer("attention.head_count") ?? 1
                // One key for all and one for each are the older layout, unless it has two norms.
                let hasTwoNorms = source.hasTensor("blk.0.attn_norm_2.weight")
                return [
                    ("multi_query", .bool(groups == 1)),
                    (
                        "new_decoder_architecture",
                        .bool(hasTwoNorms || groups > 1 && groups < heads)
                    ),
                    ("num_ln_in_parallel_attn", .integer(hasTwoNorms ? 2 : 1)),
                ]
            }),
        // Attention and network side by side behind one layer norm, or, in the 40B and 180B
        // models, behind one each.
        decoder: .blocks(
            .init(
                pairing: .halves, norm: .layer, arrangement: .parallel, network: .plain,
                activation: .gelu)
        ) { model, index, block throws(DecoderDescriptionError) in
            guard model.present("blk.\(index).attn_norm_2.weight") != nil else { return }
            block.feedForwardNorm = block.attentionNorm
            block.attentionNorm = try model.norm(.layer, "blk.\(index).attn_norm_2")
        })

    private static let width = Dimension.key("ffn_hidden_size", or: 4 * .hidden)

    private static let hasTwoNorms = TensorRule.Condition { configuration, _ in
        guard configuration["new_decoder_architecture"]?.boolean == true else { return false }
        return (configuration["num_ln_in_parallel_attn"]?.integer ?? 2) == 2
    }

    private static let queriesKeysValues: TensorModules = {
        let head = Dimension.hidden / .headCount
        let queries = Dimension.headCount / .keyValueHeadCount
        let rows = (Dimension.headCount + 2 * .keyValueHeadCount) * head
        let groups = TensorView.reshaped([.keyValueHeadCount, queries + 2, head, .hidden])
        return .tensors(
            [.init("self_attention.query_key_value.weight", [rows, .hidden])],
            into: [
                .init(
                    "attn_qkv.weight", [rows, .hidden],
                    [
                        .init(0, groups.narrowed(1, from: 0, count: queries)),
                        .init(0, groups.narrowed(1, from: queries)),
                        .init(0, groups.narrowed(1, from: queries + 1)),
                    ])
            ])
    }()
}
