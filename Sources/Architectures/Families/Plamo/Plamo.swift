import TensorCore

extension ModelFamily {
    /// PLaMo 13B: attention and network side by side behind one norm; query heads that share a key
    /// are as far apart as there are keys.
    public static let plamo = ModelFamily(
        name: "Plamo",
        architecture: "plamo",
        classes: ["PlamoForCausalLM"],
        // the model's own PlamoConfig
        defaults: [
            .integer("vocab_size", 50432), .integer("hidden_size", 5120),
            .integer("intermediate_size", 13824), .integer("num_hidden_layers", 40),
            .integer("num_attention_heads", 40), .integer("n_shared_head", 8),
            .real("rms_norm_eps", 1e-6),
            .computed("num_key_value_heads") { configuration in
                guard let heads = configuration["num_attention_heads"]?.integer,
                    let shared = configuration["n_shared_head"]?.integer, shared > 0
                else { return nil }
                return .integer(heads / shared)
            },
        ],
        keys: [
            // The configuration has no word for it.
            .constant("context_length", .uint32(4096)),
            .count("embedding_length", "hidden_size"),
            .count("feed_forward_length", "intermediate_size"), .blockCount,
            .count("attention.head_count", "num_attention_heads"),
            .size("attention.head_count_kv", .keyValueHeadCount),
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"), .fileType,
        ],
        tensors: [
            .ends(),
            .blocks(
                of: "model.layers.layers.{bid}.", .norm("norm", "attn_norm"),
                .tensor(
                    "self_attn.q_proj.weight", "attn_q.weight", [.hidden, .hidden],
                    view: .reshaped([shared, .keyValueHeadCount, .head, .hidden])
                        .permuted([1, 0, 2, 3])),
                .init("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden]),
                .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
                .tensor(
                    "self_attn.o_proj.weight", "attn_output.weight", [.hidden, .hidden],
                    view: .reshaped([.hidden, shared, .keyValueHeadCount, .head])
                        .permuted([0, 2, 1, 3])),
                .gatedNetwork()),
            .ignoring("model.layers.layers.{bid}.self_attn.rotary_emb.inv_freq"),
        ],
        rotary: .unscaled,
        checks: [.activation(.silu), .headsShareWidth],
        decoder: .blocks(.init(pairing: .halves, arrangement: .parallel)))

    private static let shared = Dimension.headCount / .keyValueHeadCount
}
