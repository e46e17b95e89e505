import TensorCore

extension ModelFamily {
    /// MPT: scores that fall with the distance (ALiBi) and no other positions, no biases; queries,
    /// keys and values cut to a range in some models.
    public static let mpt = ModelFamily(
        name: "Mpt",
        architecture: "mpt",
        classes: ["MPTForCausalLM", "MptForCausalLM"],
        // transformers: MptConfig
        defaults: [
            .integer("vocab_size", 50368), .integer("d_model", 2048), .integer("n_heads", 16),
            .integer("n_layers", 24), .integer("max_seq_len", 2048),
            .real("layer_norm_epsilon", 1e-5), .boolean("tie_word_embeddings", true),
            .same("hidden_size", as: "d_model"),
        ]
            + [
                "clip_qkv", "alibi", "alibi_bias_max", "attn_type", "qk_ln", "softmax_scale",
                "prefix_lm",
            ]
            .map { key in
                .computed(key) { $0["attn_config"]?[key] }
            } + [.integer("alibi_bias_max", 8)],
        keys: [
            .count("context_length", "max_seq_len"),
            .count("embedding_length", "d_model"),
            .blockCount,
            .size("feed_forward_length", 4 * .hidden),
            .count("attention.head_count", "n_heads"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .number("attention.clamp_kqv", "clip_qkv"),
            .number("attention.max_alibi_bias", "alibi_bias_max"),
        ],
        tensors: [
            .ends("transformer.wte", norm: "transformer.norm_f"),
            .blocks(
                of: "transformer.blocks.{bid}.", .norm("norm_1", "attn_norm"),
                .norm("norm_2", "ffn_norm"),
                .init("attn.Wqkv", "attn_qkv", [3 * .hidden, .hidden]),
                .init("attn.out_proj", "attn_output", [.hidden, .hidden]),
                .plainNetwork("ffn.up_proj", "ffn.down_proj", width: 4 * .hidden)),
        ],
        checks: [
            .needing("alibi"), .without("qk_ln"), .off("prefix_lm"), .absent("softmax_scale"),
            .absent("logit_scale"),
            .refused(.text("attn_type", "multihead_attention"), .number("expansion_ratio", 4)),
        ],
        export: .init(
            modelType: "mpt",
            words: [
                "embedding_length": "d_model", "block_count": "n_layers",
                "attention.head_count": "n_heads", "context_length": "max_seq_len",
                "feed_forward_length": nil, "attention.layer_norm_epsilon": "layer_norm_epsilon",
            ],
            computed: { source in
                // transformers takes a whole number only.
                let bias = source.value("attention.max_alibi_bias")?.float
                let members: [JSON.Member] = [
                    .init(key: "alibi", value: .bool(true)),
                    .init(
                        key: "alibi_bias_max",
                        value: bias.flatMap { Int(exactly: $0) }.map { .integer($0) } ?? .null),
                    .init(
                        key: "clip_qkv",
                        value: source.value("attention.clamp_kqv")?.json ?? .null),
                ]
                return [("attn_config", .object(members))]
            }),
        // Layer norms, scores that fall with the distance, an exact GELU.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let style = DecoderStyle(norm: .layer, network: .plain, activation: .gelu)
            let bias = try model.number("attention.max_alibi_bias")
            let limit = try model.inputLimit()
            var decoder = try model.decoder(style) { _, block in
                if let bias, bias > 0 { block.attention.alibiBias = bias }
                block.attention.inputLimit = limit
            }
            decoder.positionEmbedding = model.present("position_embd.weight")
            return decoder

        })

}
