import TensorCore

extension ModelFamily {
    /// BLOOM: no positions but in the scores, which fall with the distance (ALiBi); embeddings with
    /// a norm; queries, keys and values in one matrix, head by head.
    ///
    /// Checkpoints name their tensors with `transformer.` in front or, as the first published ones,
    /// without.
    public static let bloom = ModelFamily(
        name: "Bloom",
        architecture: "bloom",
        classes: ["BloomForCausalLM", "BloomModel"],
        // transformers: BloomConfig
        defaults: [
            .integer("vocab_size", 250880), .replacement("hidden_size", by: "n_embed"),
            .integer("hidden_size", 64), .same("n_layer", as: "num_hidden_layers"),
            .integer("n_layer", 2), .same("n_head", as: "num_attention_heads"),
            .integer("n_head", 8), .real("layer_norm_epsilon", 1e-5),
            .boolean("tie_word_embeddings", true),
            // There is no longest context; the reference converter takes this where files say none.
            .same("seq_length", as: "hidden_size"),
        ],
        keys: [
            .count("context_length", "seq_length"),
            .count("embedding_length", "hidden_size"),
            .size("feed_forward_length", 4 * .hidden),
            .blockCount,
            .count("attention.head_count", "n_head"),
            .count("attention.head_count_kv", "n_head"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .fileType,
        ],
        tensors: [
            .ends("word_embeddings", norm: "ln_f", normBias: .required),
            .norm("word_embeddings_layernorm", "token_embd_norm", bias: .required),
            .blocks(
                of: "h.{bid}.", .preNorms(bias: .required),
                .queriesKeysValuesByHead("self_attention.query_key_value", bias: .required),
                .init("self_attention.dense", "attn_output", [.hidden, .hidden], bias: .required),
                .plainNetwork(
                    "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", width: 4 * .hidden, bias: .required)),
        ],
        checks: [.off("apply_residual_connection_post_layernorm")],
        export: .init(
            modelType: "bloom",
            words: [
                "block_count": "n_layer", "attention.head_count": "n_head",
                "attention.head_count_kv": nil, "context_length": "seq_length",
                "feed_forward_length": nil, "attention.layer_norm_epsilon": "layer_norm_epsilon",
            ]),
        // GPT-2 whose scores fall with the distance, with a norm of the embeddings.
        decoder: .custom { model throws(DecoderDescriptionError) in
            var decoder = try model.decoder(
                .init(norm: .layer, network: .plain, activation: .geluTanh)
            ) { _, block in
                block.attention.alibiBias = 8
            }
            decoder.embeddingNorm = try model.norm(.layer, "token_embd_norm")
            return decoder
        })

}
