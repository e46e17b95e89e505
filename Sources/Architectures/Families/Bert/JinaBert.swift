import TensorCore

extension ModelFamily {
    /// Jina's second embedding models: BERT with a gated network, and scores that fall with the
    /// distance (ALiBi) in place of positions.
    public static let jinaBert = ModelFamily(
        name: "JinaBert",
        architecture: "jina-bert-v2",
        classes: ["JinaBertModel", "JinaBertForMaskedLM"],
        // the model's own JinaBertConfig
        defaults: bertDefaults,
        keys: .common + .encoder,
        tensors: [
            .init("embeddings.word_embeddings", "token_embd", [.vocabulary, .hidden]),
            .init(
                "embeddings.token_type_embeddings", "token_types",
                [.key("type_vocab_size"), .hidden]),
            .norm("embeddings.LayerNorm", "token_embd_norm", bias: .required),
            .blocks(
                of: "encoder.layer.{bid}.",
                .init("attention.self.query", "attn_q", [.queryHeads, .hidden], bias: .optional),
                .init("attention.self.key", "attn_k", [.keyValueHeads, .hidden], bias: .optional),
                .init(
                    "attention.self.value", "attn_v", [.keyValueHeads, .hidden], bias: .optional),
                .norm(
                    "attention.self.layer_norm_q", "attn_q_norm", .queryHeads, bias: .optional,
                    presence: .optional),
                .norm(
                    "attention.self.layer_norm_k", "attn_k_norm", .keyValueHeads, bias: .optional,
                    presence: .optional),
                .init(
                    "attention.output.dense", "attn_output", [.hidden, .queryHeads],
                    bias: .required),
                .norm("attention.output.LayerNorm", "attn_output_norm", bias: .required),
                .init("mlp.gated_layers", "ffn_up", [2 * .feedForward, .hidden]),
                .init("mlp.wo", "ffn_down", [.hidden, .feedForward], bias: .required),
                .norm("mlp.layernorm", "layer_output_norm", bias: .required)),
            .ignoring(
                "embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias",
                "cls.predictions.bias", "cls.predictions.decoder.weight",
                "cls.predictions.decoder.bias", "cls.predictions.transform.dense.weight",
                "cls.predictions.transform.dense.bias",
                "cls.predictions.transform.LayerNorm.weight",
                "cls.predictions.transform.LayerNorm.bias"),
        ],
        checks: [
            .refused(
                .text("position_embedding_type", "alibi"), .text("feed_forward_type", "geglu")),
            .off("is_decoder"),
        ],
        tokenizer: .init(leadingKeys: .tokenTypeCount),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let hasNorms = model.present("blk.0.attn_q_norm.weight") != nil
            let style = DecoderStyle(
                norm: .layer, headNorms: hasNorms ? .row : nil, hasPreNorms: false,
                hasSumNorms: true, hasOutputNorm: false, network: .stacked, activation: .gelu)
            return try model.encoder(style) { _, block in block.attention.alibiBias = 8 }
        })
}
