import TensorCore

extension ModelFamily {
    /// DistilBERT: BERT without kinds of segments, under names of its own.
    public static let distilBert = ModelFamily(
        name: "DistilBert",
        architecture: "bert",
        classes: [
            "DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification",
        ],
        // transformers: DistilBertConfig
        defaults: [
            .integer("vocab_size", 30522), .integer("dim", 768), .integer("hidden_dim", 3072),
            .integer("n_layers", 6), .integer("n_heads", 12),
            .integer("max_position_embeddings", 512),
            .same("hidden_size", as: "dim"), .same("intermediate_size", as: "hidden_dim"),
            .same("num_hidden_layers", as: "n_layers"),
            .same("num_attention_heads", as: "n_heads"), .labelCount,
        ],
        keys: [
            .constant("attention.layer_norm_epsilon", .float32(1e-12))
        ] + .common + .encoder,
        tensors: [
            .init("embeddings.word_embeddings", "token_embd", [.vocabulary, .hidden]),
            .init(
                "embeddings.position_embeddings", "position_embd",
                [.key("max_position_embeddings"), .hidden]),
            .norm("embeddings.LayerNorm", "token_embd_norm", bias: .required),
            .blocks(
                of: "transformer.layer.{bid}.",
                .init("attention.q_lin", "attn_q", [.hidden, .hidden], bias: .required),
                .init("attention.k_lin", "attn_k", [.hidden, .hidden], bias: .required),
                .init("attention.v_lin", "attn_v", [.hidden, .hidden], bias: .required),
                .init("attention.out_lin", "attn_output", [.hidden, .hidden], bias: .required),
                .norm("sa_layer_norm", "attn_output_norm", bias: .required),
                .norm("output_layer_norm", "layer_output_norm", bias: .required),
                .plainNetwork("ffn.lin1", "ffn.lin2", bias: .required)),
            .classifier("pre_classifier", "cls", answers: .hidden),
            .classifier("classifier", "cls.output"),
            .ignoring(
                "embeddings.position_ids", "vocab_transform.weight", "vocab_transform.bias",
                "vocab_layer_norm.weight", "vocab_layer_norm.bias", "vocab_projector.weight",
                "vocab_projector.bias"),
        ],
        checks: [.activation(["gelu"], at: "activation")],
        tokenizer: .init(leadingKeys: .tokenTypeCount),
        export: .init(
            modelType: "distilbert",
            words: [
                "embedding_length": "dim", "feed_forward_length": "hidden_dim",
                "block_count": "n_layers", "attention.head_count": "n_heads",
                "attention.layer_norm_epsilon": nil,
            ],
            fits: {
                $0.tokenizer("model")?.text == "bert" && !$0.hasTensor("token_types.weight")
            },
            otherClass: { source in
                source.hasTensor("cls.output.weight")
                    ? ("DistilBertForSequenceClassification", "distilbert") : nil
            },
            computed: classLabels),
        decoder: bertEncoder)
}
