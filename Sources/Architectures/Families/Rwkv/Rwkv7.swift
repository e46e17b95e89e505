import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension ModelFamily {
    /// RWKV 7 (Goose), under the names of flash-linear-attention's class.
    public static let rwkv7 = ModelFamily(
        name: "Rwkv7",
        architecture: "rwkv7",
        classes: ["Rwkv7ForCausalLM", "RWKV7ForCausalLM"],
        // flash-linear-attention: RWKV7Config
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 2048),
            .integer("num_hidden_layers", 24), .same("head_dim", as: "head_size"),
            .integer("head_dim", 64), .same("norm_eps", as: "layer_norm_epsilon"),
            .real("norm_eps", 1e-5),
            .computed("intermediate_size") { configuration in
                guard configuration["intermediate_size"] == nil,
                    let width = configuration["hidden_size"]?.integer,
                    (0..<(1 << 40)).contains(width)
                else { return nil }
                return .integer(4 * width)
            },
            rank("lora_rank_decay", "decay_low_rank_dim", 0.5, 1.8),
            rank("lora_rank_iclr", "a_low_rank_dim", 0.5, 1.8),
            rank("lora_rank_value_residual_mix", "v_low_rank_dim", 0.5, 1.3),
            rank("lora_rank_gate", "gate_low_rank_dim", 0.8, 0.6),
        ],
        keys: [
            .rwkvContext, .count("embedding_length", "hidden_size"), .blockCount,
            .number("attention.layer_norm_epsilon", "norm_eps"),
            .count("wkv.head_size", "head_dim"),
        ] + .rwkvRanks + [
            .count("feed_forward_length", "intermediate_size"), .fileType, .noHeads,
        ],
        tensors: [
            .ends(
                "model.embeddings", norm: "model.norm", normBias: .required,
                outputPresence: .required),
            .norm("model.layers.0.pre_norm", "token_embd_norm", bias: .required),
            .blocks(
                .norm("attn_norm", "attn_norm", bias: .required),
                .norm("ffn_norm", "attn_norm_2", bias: .required),
                .mixLerps("attn.x_", ["r", "w", "k", "v", "a", "g"]),
                .mixRows("attn.k_k", "time_mix_k_k"), .mixRows("attn.k_a", "time_mix_k_a"),
                .tensor(
                    "attn.r_k", "time_mix_r_k.weight", [.hidden],
                    from: [.hidden / .key("head_dim"), .key("head_dim")]),
                .init("attn.r_proj", "time_mix_receptance", [.hidden, .hidden]),
                .init("attn.k_proj", "time_mix_key", [.hidden, .hidden]),
                .init("attn.v_proj", "time_mix_value", [.hidden, .hidden]),
                .init("attn.o_proj", "time_mix_output", [.hidden, .hidden]),
                .norm("attn.g_norm", "time_mix_ln", bias: .required),
                .mixRows("ffn.x_k", "channel_mix_lerp_k"),
                .init("ffn.key", "channel_mix_key", [.feedForward, .hidden]),
                .init("ffn.value", "channel_mix_value", [.hidden, .feedForward]),
                .factors("w", "lora_rank_decay"), .factors("g", "lora_rank_gate", base: false)),
            .blocks(
                where: !.isFirstRwkvBlock, .factors("a", "lora_rank_iclr"),
                .factors("v", "lora_rank_value_residual_mix")),
            // Readers want tensors of values in the first block, too, and do not use them.
            .blocks(where: .isFirstRwkvBlock, .factors("a", "lora_rank_iclr", copiedTo: "v")),
            .blocks(where: .isFirstRwkvBlock, .ignoringValueFactors),
        ],
        tokenizer: .init(model: "rwkv"), decoder: .rwkv)

    /// The rank of two factors: what the file says by either name, or what goes with the width.
    private static func rank(
        _ key: String, _ other: String, _ exponent: Double, _ multiplier: Double
    ) -> ConfigurationDefault {
        .computed(key) { configuration in
            guard configuration[key] == nil else { return nil }
            if let rank = configuration[other] { return rank }
            let width = Double(configuration["hidden_size"]?.integer ?? 0)
            let rank = (pow(width, exponent) * multiplier / 32).rounded(.toNearestOrEven)
            return .integer(Int(min(max(1, rank), 1_048_576)) * 32)
        }
    }
}

extension [MetadataRule] {
    /// The ranks of RWKV 7's factors.
    static let rwkvRanks: Self = [
        .count("attention.decay_lora_rank", "lora_rank_decay"),
        .count("attention.iclr_lora_rank", "lora_rank_iclr"),
        .count("attention.value_residual_mix_lora_rank", "lora_rank_value_residual_mix"),
        .count("attention.gate_lora_rank", "lora_rank_gate"),
    ]
}

extension TensorRule.Condition {
    /// The first block.
    static let isFirstRwkvBlock = TensorRule.Condition { _, block in block == 0 }
}

extension TensorModules {
    /// A row, stored as one or as a box.
    static func mixRows(_ source: String, _ name: String) -> Self {
        [
            .tensor(source, "\(name).weight", [.hidden]),
            .tensor(source, "\(name).weight", [.hidden], from: [1, 1, .hidden]),
        ]
    }

    /// What rows are mixed by, one row below the other.
    static func mixLerps(_ prefix: String, _ letters: [String]) -> Self {
        .tensors(
            letters.map { .init(prefix + $0, [1, 1, .hidden]) },
            into: [
                .init(
                    "time_mix_lerp_fused.weight", [.constant(letters.count), 1, 1, .hidden],
                    letters.indices.map { .init($0) })
            ])
    }

    /// Two factors of a small matrix and the row that is added, under flash-linear-attention's names.
    ///
    /// - Parameter copy: The letter under which readers want them once more.
    fileprivate static func factors(
        _ letter: String, _ rank: String, base: Bool = true, copiedTo copy: String? = nil
    ) -> Self {
        func matrix(_ source: String, _ number: String, _ shape: [Dimension]) -> Self {
            let letters = (copy.map { [$0] } ?? []) + [letter]
            return .tensors(
                [.init("attn.\(letter)_lora.lora.\(source)", shape)],
                into: letters.map { .init("time_mix_\($0)\(number).weight", shape, [.init(0)]) })
        }
        return [
            matrix("0.weight", "1", [.key(rank), .hidden]),
            matrix("2.weight", "2", [.hidden, .key(rank)]),
            base ? matrix("2.bias", "0", [.hidden]) : [],
        ]
    }

    /// The factors of values that some checkpoints have in the first block and nothing uses.
    fileprivate static let ignoringValueFactors = ignoring(
        "attn.v_lora.lora.0.weight", "attn.v_lora.lora.2.weight", "attn.v_lora.lora.2.bias")
}
