import TensorCore

extension ModelFamily {
    /// StarCoder 1 and SantaCoder: GPT-2 with one key and value for all queries.
    public static let gptBigCode = ModelFamily(
        name: "GptBigCode",
        architecture: "starcoder",
        classes: ["GPTBigCodeForCausalLM"],
        // transformers: GPTBigCodeConfig
        defaults: [
            .integer("vocab_size", 50257), .integer("n_embd", 768), .integer("n_layer", 12),
            .integer("n_head", 12), .integer("n_positions", 1024),
            .real("layer_norm_epsilon", 1e-5), .boolean("tie_word_embeddings", true),
        ],
        keys: [
            .count("context_length", "n_positions"),
            .count("embedding_length", "n_embd"),
            .size("feed_forward_length", width),
            .blockCount,
            .count("attention.head_count", "n_head"),
            .constant("attention.head_count_kv", .uint32(1)),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .fileType,
        ],
        tensors: [
            .ends("wte", norm: "ln_f", normBias: .required),
            .init("wpe", "position_embd", [.key("n_positions"), .hidden]),
            .blocks(
                of: "h.{bid}.", .norm("ln_1", "attn_norm", bias: .required),
                .norm("ln_2", "ffn_norm", bias: .required),
                .init(
                    "attn.c_attn", "attn_qkv", [.hidden + 2 * .hidden / .headCount, .hidden],
                    bias: .required),
                .init("attn.c_proj", "attn_output", [.hidden, .hidden], bias: .required),
                .plainNetwork("mlp.c_fc", "mlp.c_proj", width: width, bias: .required)),
            .ignoring("h.{bid}.attn.bias", "h.{bid}.attn.masked_bias"),
        ],
        checks: [
            .activation(.geluTanh, at: "activation_function"),
            .needing("multi_query"), .on("scale_attn_weights"), .without("add_cross_attention"),
        ],
        export: .init(
            modelType: "gpt_bigcode",
            words: [
                "embedding_length": "n_embd", "block_count": "n_layer",
                "attention.head_count": "n_head", "attention.head_count_kv": nil,
                "context_length": "n_positions", "feed_forward_length": "n_inner",
                "attention.layer_norm_epsilon": "layer_norm_epsilon",
            ]),
        // GPT-2 with one key and value for all queries, as the metadata say.
        decoder: .blocks(
            .init(norm: .layer, network: .plain, activation: .geluTanh, hasPositions: true)))

    /// The feed-forward network is as wide as the configuration says, or four times the model.
    private static let width = Dimension.key("n_inner", or: 4 * .hidden)

}
