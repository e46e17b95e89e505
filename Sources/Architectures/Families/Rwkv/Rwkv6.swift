import TensorCore

extension ModelFamily {
    /// RWKV 6 (Finch): no attention, a matrix for every head that decays by the token.
    public static let rwkv6 = ModelFamily(
        name: "Rwkv6",
        architecture: "rwkv6",
        classes: ["Rwkv6ForCausalLM"],
        // the model's own Rwkv6Config
        defaults: [
            .integer("vocab_size", 65536), .integer("hidden_size", 768),
            .integer("num_hidden_layers", 24), .integer("head_size", 64),
            .real("layer_norm_epsilon", 1e-5), .integer("rescale_every", 6),
            .computed("intermediate_size") { configuration in
                guard configuration["intermediate_size"] == nil,
                    let width = configuration["hidden_size"]?.integer,
                    (0..<(1 << 40)).contains(width)
                else { return nil }
                return .integer(width * 7 / 2 / 32 * 32)
            },
            .computed("token_shift_rank") {
                .integer($0["hidden_size"]?.integer == 4096 ? 64 : 32)
            },
            .computed("decay_rank") {
                .integer($0["hidden_size"]?.integer == 4096 ? 128 : 64)
            },
            .computed("rescales") { $0.rwkvScales },
        ],
        keys: [
            .rwkvContext, .count("embedding_length", "hidden_size"), .blockCount,
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .count("rescale_every_n_layers", "rescale_every"),
            .count("wkv.head_size", "head_size"),
            .count("time_mix_extra_dim", "token_shift_rank"),
            .count("time_decay_extra_dim", "decay_rank"),
            .count("feed_forward_length", "intermediate_size"), .fileType, .noHeads,
        ],
        tensors: [
            .ends(
                "rwkv.embeddings", norm: "rwkv.ln_out", normBias: .required, output: "head",
                outputPresence: .required),
            .norm("rwkv.blocks.0.pre_ln", "token_embd_norm", bias: .required),
            .blocks(
                of: "rwkv.blocks.{bid}.", .norm("ln1", "attn_norm", bias: .required),
                .norm("ln2", "attn_norm_2", bias: .required),
                .timeMix("attention.", order: [0, 1, 2, 3, 4]),
                .tensor(
                    "attention.time_faaaa", "time_mix_first.weight",
                    [.hidden / .key("head_size"), .key("head_size")]),
                .init("attention.receptance", "time_mix_receptance", [.hidden, .hidden]),
                .init("attention.key", "time_mix_key", [.hidden, .hidden]),
                .init("attention.value", "time_mix_value", [.hidden, .hidden]),
                .init("attention.gate", "time_mix_gate", [.hidden, .hidden]),
                .init(
                    "attention.output", "time_mix_output", [.hidden, .hidden], times: rescale),
                .norm("attention.ln_x", "time_mix_ln", bias: .required),
                .mixRow("feed_forward.time_maa_k", "channel_mix_lerp_k.weight"),
                .mixRow("feed_forward.time_maa_r", "channel_mix_lerp_r.weight"),
                .init("feed_forward.key", "channel_mix_key", [.feedForward, .hidden]),
                .init(
                    "feed_forward.value", "channel_mix_value", [.hidden, .feedForward],
                    times: rescale),
                .init("feed_forward.receptance", "channel_mix_receptance", [.hidden, .hidden])),
        ],
        tokenizer: .init(model: "rwkv"), decoder: .rwkv)

    private static let rescale = [TensorRule.Factor(byBlock: "rescales")]
}

extension ModelConfiguration {
    /// What the outputs of each layer are multiplied by, so that half floats hold the sum; readers halve
    /// the sum as often.
    fileprivate var rwkvScales: JSON? {
        guard let every = self["rescale_every"]?.integer, every > 0,
            let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        return .array(
            (0..<count).map { .real(0x1p0 / Double(UInt64(1) << UInt64(min(63, $0 / every)))) })
    }
}

extension MetadataRule {
    /// A recurrence is not limited to a context.
    static let rwkvContext = MetadataRule.constant("context_length", .uint32(1_048_576))
    /// There are no heads of attention, and readers want to be told.
    static let noHeads = MetadataRule.constant("attention.head_count", .uint32(0))
}

extension TensorModules {
    /// A row that is stored as a box, `[1, 1, hidden]`.
    static func mixRow(
        _ source: String, _ name: String, presence: TensorRule.Presence = .required
    ) -> Self { .tensor(source, name, [.hidden], from: [1, 1, .hidden], presence: presence) }

    /// What a token's row is mixed from, and the decay, in RWKV 6.
    ///
    /// - Parameter order: The places in the checkpoint of the parts for decay, keys, values,
    ///   receptance and gate.
    static func timeMix(_ prefix: String, order: [Int]) -> Self {
        let (mix, decay) = (Dimension.key("token_shift_rank"), Dimension.key("decay_rank"))
        return [
            .mixRow(prefix + "time_maa_x", "time_mix_lerp_x.weight"),
            .tensors(
                ["w", "k", "v", "r", "g"].map {
                    .init(prefix + "time_maa_\($0)", [1, 1, .hidden])
                },
                into: [
                    .init(
                        "time_mix_lerp_fused.weight", [5, 1, 1, .hidden],
                        (0..<5).map { .init($0) })
                ]),
            .tensors(
                [.init(prefix + "time_maa_w1", [.hidden, 5 * mix])],
                into: [
                    .init(
                        "time_mix_w1.weight", [5 * mix, .hidden],
                        order.map { place in
                            .init(
                                0,
                                .reshaped([.hidden, 5, mix])
                                    .narrowed(1, from: .constant(place)).permuted([1, 2, 0]))
                        })
                ]),
            .tensors(
                [.init(prefix + "time_maa_w2", [5, mix, .hidden])],
                into: [
                    .init(
                        "time_mix_w2.weight", [5, .hidden, mix],
                        order.map { place in
                            .init(
                                0,
                                .reshaped([5, mix, .hidden])
                                    .narrowed(0, from: .constant(place)).permuted([0, 2, 1]))
                        })
                ]),
            .mixRow(prefix + "time_decay", "time_mix_decay.weight"),
            mixColumns(prefix + "time_decay_w1", "time_mix_decay_w1.weight", [decay, .hidden]),
            mixColumns(prefix + "time_decay_w2", "time_mix_decay_w2.weight", [.hidden, decay]),
        ]
    }

    /// A matrix stored with a column for each output, without a suffix.
    static func mixColumns(
        _ source: String, _ name: String, _ shape: [Dimension],
        presence: TensorRule.Presence = .required
    ) -> Self {
        .tensor(
            source, name, shape, from: shape.reversed(),
            view: .reshaped(shape.reversed()).permuted([1, 0]), presence: presence)
    }
}
