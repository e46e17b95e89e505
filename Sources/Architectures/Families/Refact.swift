import TensorCore

extension ModelFamily {
    /// Refact 1.6B: one key for all queries (MQA), scores that fall with the distance (ALiBi).
    public static let refact = ModelFamily(
        name: "Refact",
        architecture: "refact",
        classes: ["GPTRefactForCausalLM"],
        // the model's own GPTRefactConfig
        defaults: [
            .integer("vocab_size", 49216), .integer("n_positions", 4096), .integer("n_embd", 1024),
            .integer("n_layer", 32), .integer("n_head", 64), .integer("num_key_value_heads", 1),
            .real("layer_norm_epsilon", 1e-5),
            .computed("intermediate_size") { configuration in
                // Two thirds of four times the width, in steps of 256.
                guard let width = configuration["n_embd"]?.integer, (1..<(1 << 32)) ~= width else {
                    return nil
                }
                return .integer((8 * width / 3 + 255) / 256 * 256)
            },
        ],
        keys: [
            .count("context_length", "n_positions"), .count("embedding_length", "n_embd"),
            .size("feed_forward_length", .feedForward), .blockCount,
            .count("attention.head_count", "n_head"),
            .constant("attention.head_count_kv", .uint32(1)),
            .number("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"), .fileType,
        ],
        tensors: [
            .ends("transformer.wte", norm: "transformer.ln_f"),
            .blocks(
                of: "transformer.h.{bid}.", .norm("ln_1", "attn_norm"), .norm("ln_2", "ffn_norm"),
                .init("attn.q", "attn_q", [.hidden, .hidden]),
                .tensors(
                    [.init("attn.kv.weight", [2 * .head, .hidden])],
                    into: [
                        .init(
                            "attn_k.weight", [.head, .hidden],
                            .reshaped([2, .head, .hidden]).narrowed(0, from: 0)),
                        .init(
                            "attn_v.weight", [.head, .hidden],
                            .reshaped([2, .head, .hidden]).narrowed(0, from: 1)),
                    ]),
                .init("attn.c_proj", "attn_output", [.hidden, .hidden]),
                .gateAndUp(
                    "mlp.gate_up_proj.weight", [2 * .feedForward, .hidden], "ffn_{role}.weight",
                    [.feedForward, .hidden], as: [2, .feedForward, .hidden], axis: 0),
                .init("mlp.c_proj", "ffn_down", [.hidden, .feedForward])),
        ],
        rotary: .unscaled,
        checks: [.needing("multi_query")],
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.decoder(.init()) { _, block in block.attention.alibiBias = 8 }
        })
}
