import TensorCore

extension ModelFamily {
    /// LLaDA: Llama's shape for diffusion, every token seeing all others.
    public static let llada = ModelFamily(
        name: "Llada", architecture: "llada", classes: ["LLaDAModelLM"],
        // The model's own code: LLaDAConfig
        defaults: [
            .integer("n_heads", 12), .integer("n_layers", 12), .integer("d_model", 768),
            .integer("mlp_ratio", 4), .integer("max_sequence_length", 1024),
            .integer("vocab_size", 50257), .real("rms_norm_eps", 1e-5),
            .same("hidden_size", as: "d_model"),
            .same("intermediate_size", as: "mlp_hidden_size"),
            .computed("intermediate_size") { configuration in
                guard configuration["intermediate_size"] == nil,
                    let width = configuration["d_model"]?.integer,
                    let ratio = configuration["mlp_ratio"]?.integer,
                    case let (product, overflow) = width.multipliedReportingOverflow(by: ratio),
                    !overflow
                else { return nil }
                return .integer(product)
            },
        ],
        keys: [
            .blockCount, .count("context_length", "max_sequence_length"),
            .count("attention.head_count", "num_attention_heads", "n_heads"),
            .count("attention.head_count_kv", "num_key_value_heads", "n_kv_heads"),
            .rotaryScaling, .rotaryBaseIfStated,
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"), .fileType,
        ] + .pooling + .llama + [
            .count("embedding_length", "d_model"),
            .count("feed_forward_length", "intermediate_size"),
        ] + .diffusion,
        tensors: [
            .ends(
                "model.transformer.wte", norm: "model.transformer.ln_f",
                output: "model.transformer.ff_out"),
            .blocks(
                of: "model.transformer.blocks.{bid}.", .norm("attn_norm", "attn_norm"),
                .norm("ff_norm", "ffn_norm"),
                .init(
                    "q_proj", "attn_q", [.queryHeads, .hidden], bias: .optional,
                    transform: .rotaryPairs(.query)),
                .init(
                    "k_proj", "attn_k", [.keyValueHeads, .hidden], bias: .optional,
                    transform: .rotaryPairs(.keyValue)),
                .init("v_proj", "attn_v", [.keyValueHeads, .hidden], bias: .optional),
                .init("attn_out", "attn_output", [.hidden, .queryHeads]),
                .init("ff_proj", "ffn_gate", [.feedForward, .hidden]),
                .init("up_proj", "ffn_up", [.feedForward, .hidden]),
                .init("ff_out", "ffn_down", [.hidden, .feedForward])),
        ],
        rotary: .llama3,
        checks: [
            .refused(.text("block_type", "llama"), .text("layer_norm_type", "rms")),
            .text("activation_type", "silu"), .on("rope"), .off("alibi"),
            .without("include_bias", "attention_layer_norm", "multi_query_attention"),
        ],
        tokenizer: .init { _ in [.init("tokenizer.ggml.add_bos_token", .bool(true))] })
}

extension [MetadataRule] {
    /// Every token sees all others, and logits are those of the token itself.
    static let diffusion: Self = [
        .constant("attention.causal", .bool(false)),
        .entries { _ in [.init("diffusion.shift_logits", .bool(false))] },
    ]
}
