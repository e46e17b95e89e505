import TensorCore

extension ModelFamily {
    /// QRWKV 6: Qwen 2 whose attention became a recurrence of RWKV 6's kind.
    public static let rwkv6Qwen2 = ModelFamily(
        name: "Rwkv6Qwen2",
        architecture: "rwkv6qwen2",
        classes: ["RWKV6Qwen2ForCausalLM"],
        // the model's own RWKV6Qwen2Config
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .real("rms_norm_eps", 1e-6),
            .same("token_shift_rank", as: "lora_rank_tokenshift"),
            .same("decay_rank", as: "lora_rank_decay"),
            .computed("token_shift_rank") {
                $0["token_shift_rank"] != nil
                    ? nil : .integer($0["hidden_size"]?.integer ?? 0 >= 4096 ? 64 : 32)
            },
            .computed("decay_rank") {
                $0["decay_rank"] != nil
                    ? nil : .integer($0["hidden_size"]?.integer ?? 0 >= 4096 ? 128 : 64)
            },
        ],
        keys: [
            .rwkvContext, .count("embedding_length", "hidden_size"), .blockCount,
            .size("wkv.head_size", .hidden / .headCount),
            .count("time_mix_extra_dim", "token_shift_rank"),
            .count("time_decay_extra_dim", "decay_rank"),
            .count("feed_forward_length", "intermediate_size"), .fileType,
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            .constant("token_shift_count", .uint32(1)),
            .count("attention.head_count_kv", "num_key_value_heads"), .noHeads,
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .gatedNetwork(),
                // Receptance, keys, values, decay and gate are in another order here.
                .timeMix("self_attn.", order: [3, 1, 2, 0, 4]),
                .init(
                    "self_attn.q_proj", "time_mix_receptance", [.hidden, .hidden],
                    bias: .optional),
                .init(
                    "self_attn.k_proj", "time_mix_key", [.keyValueHeads, .hidden], bias: .optional),
                .init(
                    "self_attn.v_proj", "time_mix_value", [.keyValueHeads, .hidden],
                    bias: .optional),
                .init("self_attn.gate", "time_mix_gate", [.hidden, .hidden]),
                .init("self_attn.o_proj", "time_mix_output", [.hidden, .hidden])),
        ],
        checks: [.activation(.silu)], decoder: .rwkvQwen)
}
