import TensorCore

extension ModelFamily {
    /// ChatGLM 2 and 3 and the first GLM-4, in the words of the models' own code: queries, keys and
    /// values in one matrix, half of each head rotated.
    public static let chatGlm = ModelFamily(
        name: "ChatGlm",
        architecture: "chatglm",
        classes: ["ChatGLMModel", "ChatGLMForConditionalGeneration"],
        // the model's own ChatGLMConfig
        defaults: [
            .integer("padded_vocab_size", 65024),
            .replacement("vocab_size", by: "padded_vocab_size"),
            .integer("hidden_size", 4096), .integer("ffn_hidden_size", 13696),
            .same("intermediate_size", as: "ffn_hidden_size"), .integer("num_layers", 28),
            .integer("num_attention_heads", 32), .real("layernorm_epsilon", 1e-5),
            .integer("seq_length", 2048), .same("head_dim", as: "kv_channels"),
            .computed("num_key_value_heads") { configuration in
                configuration["multi_query_attention"]?.boolean == false
                    ? configuration["num_attention_heads"]
                    : configuration["multi_query_group_num"]
                        ?? configuration["num_attention_heads"]
            },
        ],
        keys: [
            .count("context_length", "seq_length"), .count("embedding_length", "hidden_size"),
            .count("feed_forward_length", "intermediate_size"), .blockCount,
            .count("attention.head_count", "num_attention_heads"),
            .size("attention.head_count_kv", .keyValueHeadCount),
            .number("attention.layer_norm_rms_epsilon", "layernorm_epsilon"), .fileType,
            .size("rope.dimension_count", .hidden / .headCount / 2),
            .entries { configuration throws(ArchitectureError) in
                let ratio = try configuration.number(["rope_ratio"]) ?? 1
                return [
                    .init("tokenizer.ggml.add_bos_token", .bool(false)),
                    .init("{arch}.rope.freq_base", .float32(Float(10000 * ratio))),
                ]
            },
        ],
        tensors: [
            .ends(
                "transformer.embedding.word_embeddings",
                norm: "transformer.encoder.final_layernorm", output: "transformer.output_layer"),
            .blocks(
                of: "transformer.encoder.layers.{bid}.", .preNorms(),
                .init(
                    "self_attention.query_key_value", "attn_qkv",
                    [.queryHeads + 2 * .keyValueHeads, .hidden], bias: .optional),
                .init("self_attention.dense", "attn_output", [.hidden, .queryHeads]),
                .init("mlp.dense_h_to_4h", "ffn_up", [2 * .feedForward, .hidden]),
                .init("mlp.dense_4h_to_h", "ffn_down", [.hidden, .feedForward])),
            .ignoring("transformer.rotary_pos_emb.inv_freq"),
        ],
        rotary: .unscaled,
        checks: [
            .needing("rmsnorm", "post_layer_norm"), .on("original_rope"),
            .without("add_bias_linear"), .off("apply_residual_connection_post_layernorm"),
            .headsShareWidth,
        ],
        tokenizer: .init(roles: [
            .init("eos", "<|endoftext|>"), .init("eot", "<|user|>"), .init("unk", "<|endoftext|>"),
        ]),
        decoder: .blocks(.init(pairing: .interleaved, network: .stacked)))
}
