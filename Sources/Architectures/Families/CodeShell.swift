import TensorCore

extension ModelFamily {
    /// CodeShell: layer norms, grouped queries in one matrix, a network of two matrices.
    public static let codeShell = ModelFamily(
        name: "CodeShell",
        architecture: "codeshell",
        classes: ["CodeShellForCausalLM"],
        // the model's own CodeShellConfig
        defaults: [
            .integer("vocab_size", 70144), .integer("n_positions", 8192), .integer("n_embd", 4096),
            .integer("n_layer", 42), .integer("n_head", 32), .integer("num_query_groups", 8),
            .real("layer_norm_epsilon", 1e-5), .same("num_key_value_heads", as: "num_query_groups"),
        ],
        keys: [
            .count("context_length", "n_positions"), .count("embedding_length", "n_embd"),
            .size("feed_forward_length", 4 * .hidden), .blockCount,
            .count("attention.head_count", "n_head"),
            .count("attention.head_count_kv", "num_query_groups"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"), .fileType,
            .constant("rope.freq_base", .float32(10000)),
        ] + MetadataRule.stretchedByOne,
        tensors: [
            .ends("transformer.wte", norm: "transformer.ln_f", normBias: .required),
            .blocks(
                of: "transformer.h.{bid}.", .norm("ln_1", "attn_norm", bias: .required),
                .norm("ln_2", "ffn_norm", bias: .required),
                .init(
                    "attn.c_attn", "attn_qkv", [.hidden + 2 * .keyValueHeads, .hidden],
                    bias: .required),
                .init("attn.c_proj", "attn_output", [.hidden, .hidden], bias: .required),
                .plainNetwork("mlp.c_fc", "mlp.c_proj", width: 4 * .hidden, bias: .required)),
            .ignoring("transformer.h.{bid}.attn.rotary_emb.inv_freq"),
        ],
        rotary: .unscaledOrLinearByOne,
        checks: [
            .activation(.geluTanh, at: "activation_function"),
            .refused(.text("position_embedding_type", "rope")), .needing("group_query_attention"),
            .refusing { configuration throws(ArchitectureError) in
                let width = try configuration.hiddenSize()
                guard let found = try configuration.integer("n_inner"), found != 4 * width else {
                    return
                }
                throw configuration.inexpressible(
                    "n_inner", found: "\(found)", expected: "four times the width, \(4 * width)")
            },
        ],
        decoder: .blocks(
            .init(pairing: .halves, norm: .layer, network: .plain, activation: .geluTanh)))
}

extension RotaryRules {
    /// A rotation that is not stretched, which configurations also say as a stretching by 1.
    fileprivate static let unscaledOrLinearByOne = Self(["default", "linear"]) {
        configuration throws(ArchitectureError) in
        let rotary = try RotaryParameters(configuration)
        guard rotary.type == "linear", let factor = try rotary.number("factor"), factor != 1 else {
            return []
        }
        throw rotary.invalid("factor", found: "\(factor)", expected: "1")
    }
}
