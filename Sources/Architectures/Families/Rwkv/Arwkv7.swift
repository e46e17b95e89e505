import TensorCore

extension ModelFamily {
    /// ARWKV 7: Qwen 2 whose attention became a recurrence of RWKV 7's kind.
    public static let arwkv7 = ModelFamily(
        name: "Arwkv7",
        architecture: "arwkv7",
        classes: ["RwkvHybridForCausalLM"],
        // the model's own RwkvHybridConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("head_size", 64), .real("rms_norm_eps", 1e-6), .boolean("wkv_has_gate", true),
            .integer("wkv_version", 7),
            // The configuration has no word for them.
            .integer("lora_rank_decay", 64), .integer("lora_rank_iclr", 64),
            .integer("lora_rank_value_residual_mix", 32),
            .computed("lora_rank_gate") {
                .integer($0["wkv_has_gate"]?.boolean == false ? 0 : 128)
            },
        ],
        keys: [
            .rwkvContext, .count("embedding_length", "hidden_size"), .blockCount,
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            .count("wkv.head_size", "head_size"),
        ] + .rwkvRanks + [
            .count("feed_forward_length", "intermediate_size"), .fileType,
            .constant("token_shift_count", .uint32(1)), .noHeads,
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .gatedNetwork(), .mixRows(mixer + "k_k", "time_mix_k_k"),
                .mixRows(mixer + "k_a", "time_mix_k_a"),
                .tensor(
                    mixer + "r_k", "time_mix_r_k.weight", [.hidden],
                    from: [.hidden / .key("head_size"), .key("head_size")]),
                .init(mixer + "receptance", "time_mix_receptance", [.hidden, .hidden]),
                .init(mixer + "key", "time_mix_key", [.hidden, .hidden]),
                .init(mixer + "value", "time_mix_value", [.hidden, .hidden]),
                .init(mixer + "output", "time_mix_output", [.hidden, .hidden]),
                .norm(
                    mixer + "ln_x", "time_mix_ln", bias: .optional, presence: .optional),
                .columns("w", "lora_rank_decay")),
            .blocks(
                where: .hasGate, .mixLerps(mixer + "x_", ["r", "w", "k", "v", "a", "g"]),
                .columns("g", "lora_rank_gate", base: false)),
            .blocks(where: !.hasGate, .mixLerps(mixer + "x_", ["r", "w", "k", "v", "a"])),
            .blocks(
                where: !.isFirstRwkvBlock, .columns("a", "lora_rank_iclr"),
                .columns("v", "lora_rank_value_residual_mix")),
            // Readers want tensors of values in the first block, too, and do not use them.
            .blocks(where: .isFirstRwkvBlock, .columns("a", "lora_rank_iclr", copiedTo: "v")),
            .blocks(
                where: .isFirstRwkvBlock,
                .ignoring(mixer + "v0", mixer + "v1", mixer + "v2")),
        ],
        checks: [.activation(.silu), .refused(.count("wkv_version", 7))], decoder: .rwkvQwen)

    private static let mixer = "self_attn.time_mixer."
}

extension TensorRule.Condition {
    /// Models whose recurrence has a gate.
    fileprivate static let hasGate = TensorRule.Condition { configuration, _ in
        configuration["wkv_has_gate"]?.boolean != false
    }
}

extension TensorModules {
    /// Two factors of a small matrix, stored with a column for each output, and the row that is added.
    ///
    /// - Parameter copy: The letter under which readers want them once more.
    fileprivate static func columns(
        _ letter: String, _ rank: String, base: Bool = true, copiedTo copy: String? = nil
    ) -> Self {
        func factor(
            _ number: String, _ stored: [Dimension], _ shape: [Dimension], _ view: TensorView?
        ) -> Self {
            let letters = (copy.map { [$0] } ?? []) + [letter]
            return .tensors(
                [.init("self_attn.time_mixer.\(letter)\(number)", stored)],
                into: letters.map {
                    .init("time_mix_\($0)\(number).weight", shape, [.init(0, view)])
                })
        }
        let rank = Dimension.key(rank)
        return [
            factor(
                "1", [.hidden, rank], [rank, .hidden],
                .reshaped([.hidden, rank]).permuted([1, 0])),
            factor(
                "2", [rank, .hidden], [.hidden, rank],
                .reshaped([rank, .hidden]).permuted([1, 0])),
            base ? factor("0", [1, 1, .hidden], [.hidden], nil) : [],
        ]
    }
}
