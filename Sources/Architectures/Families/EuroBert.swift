import TensorCore

extension ModelFamily {
    /// EuroBERT, and Jina's fifth embedding model made of it: Llama's shape looking to both sides.
    public static let euroBert = ModelFamily(
        name: "EuroBert",
        architecture: "eurobert",
        classes: ["EuroBertModel", "EuroBertForMaskedLM", "JinaEmbeddingsV5Model"],
        // transformers: EuroBertConfig
        defaults: [
            .integer("vocab_size", 128_256), .integer("hidden_size", 768),
            .integer("intermediate_size", 3072), .integer("num_hidden_layers", 12),
            .integer("num_attention_heads", 12),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 8192), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000),
        ],
        keys: .common + [
            .constant("attention.causal", .bool(false)),
            .constant("rope.scaling.type", .string("none")),
        ] + .pooling,
        tensors: [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .norm("model.norm", "output_norm"),
            .blocks(.preNorms(), .attention(), .gatedNetwork()),
            // The head of training.
            .ignoring("lm_head.weight", "lm_head.bias"),
        ],
        rotary: .unscaled,
        checks: [.activation(.silu), .without("attention_bias", "mlp_bias")],
        tokenizer: .init(leadingKeys: [
            .entries { _ in [.init("tokenizer.ggml.add_bos_token", .bool(false))] }
        ]),
        export: .init(modelType: "eurobert", computed: classifierPooling),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.decoder(.init(pairing: .halves, seesAhead: true))
        })
}
