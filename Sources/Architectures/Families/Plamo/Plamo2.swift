import TensorCore

extension ModelFamily {
    /// PLaMo 2: a state space of Mamba's kind, with one decay for each head, between layers of
    /// attention.
    public static let plamo2 = ModelFamily(
        name: "Plamo2",
        architecture: "plamo2",
        classes: ["Plamo2ForCausalLM", "PLaMo2ForCausalLM"],
        // the model's own PlamoConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 13312), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 4),
            .integer("hidden_size_per_head", 128), .same("head_dim", as: "hidden_size_per_head"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("mamba_d_state", 64),
            .integer("mamba_d_conv", 4), .integer("mamba_num_heads", 64),
            .integer("mamba_step", 2), .boolean("mamba_enabled", true),
            .computed("dt_rank") {
                guard let width = $0["hidden_size"]?.integer else { return nil }
                return .integer(max(64, width / 16))
            },
        ],
        keys: [
            .count("vocab_size", "vocab_size"), .plamoHeads("_kv", "num_key_value_heads"),
            .plamoHeads("", "num_attention_heads"),
            .count("context_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"),
            .count("attention.key_length", "hidden_size_per_head"),
            .count("attention.value_length", "hidden_size_per_head"), .blockCount,
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"), .rotaryBase,
            .count("ssm.state_size", "mamba_d_state"), .count("ssm.conv_kernel", "mamba_d_conv"),
            .count("ssm.time_step_rank", "mamba_num_heads"), .size("ssm.inner_size", inner),
            .constant("ssm.group_count", .uint32(0)),
            .count("feed_forward_length", "intermediate_size"), .fileType,
        ],
        tensors: [
            .plamoEnds, .blocks(of: layer, .plamoBlock),
            .blocks(
                of: layer, where: !.plamoMamba,
                .init(
                    "mixer.qkv_proj", "attn_qkv", [.queryHeads + 2 * .keyValueHeads, .hidden]),
                .init("mixer.o_proj", "attn_output", [.hidden, .queryHeads]),
                .tensor("mixer.q_weight", "attn_q_norm.weight", [.headCount, .head]),
                .tensor("mixer.k_weight", "attn_k_norm.weight", [.keyValueHeadCount, .head])),
            .blocks(
                of: layer, where: .plamoMamba,
                .init("mixer.in_proj", "ssm_in", [2 * inner, .hidden]),
                .tensor(
                    "mixer.conv1d.weight", "ssm_conv1d.weight", [inner, kernel],
                    from: [inner, 1, kernel]),
                .init("mixer.bcdt_proj", "ssm_x", [rank + 2 * state, inner]),
                .init("mixer.dt_proj", "ssm_dt", [heads, rank]),
                .tensor("mixer.dt_bias", "ssm_dt.bias", [heads]),
                .tensor("mixer.A_log", "ssm_a", [heads], change: .negatedExponential),
                .tensor("mixer.D", "ssm_d", [heads]),
                .tensor("mixer.dt_norm_weight", "ssm_dt_norm", [rank]),
                .tensor("mixer.B_norm_weight", "ssm_b_norm", [state]),
                .tensor("mixer.C_norm_weight", "ssm_c_norm", [state]),
                .init("mixer.out_proj", "ssm_out", [.hidden, inner])),
        ],
        rotary: .unscaled,
        checks: [
            .activation(.silu), .needing("mamba_enabled"), .plamoWindow,
        ],
        tokenizer: .init(model: "plamo2"),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.decoder(
                .init(
                    pairing: .halves, headNorms: .eachHead, network: .stacked,
                    recurrence: .headScan)
            ) { index, block throws(DecoderDescriptionError) in
                try model.addPlamoNorms(to: &block, index)
            }
        })

    private static let layer = "model.layers.layers.{bid}."
    private static let heads = Dimension.key("mamba_num_heads")
    private static let inner = heads * .key("hidden_size_per_head")
    private static let state = Dimension.key("mamba_d_state")
    private static let kernel = Dimension.key("mamba_d_conv")
    private static let rank = Dimension.key("dt_rank")
}

extension MetadataRule {
    /// The heads of each layer, none in those with a state space.
    fileprivate static func plamoHeads(_ suffix: String, _ key: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let heads = try configuration.required(key)
            guard let narrow = Int32(exactly: heads) else {
                throw configuration.fault(.invalidHeadCount(heads), key)
            }
            var counts: [Int32] = []
            for block in 0..<(try configuration.numHiddenLayers()) {
                let isRecurrent = try configuration.isPlamoMamba(block)
                counts.append(isRecurrent ? 0 : narrow)
            }
            return [.init("{arch}.attention.head_count\(suffix)", .int32s(counts))]
        }
    }
}

extension ConfigurationCheck {
    /// A window that readers do not have.
    fileprivate static let plamoWindow = noting { configuration throws(ArchitectureError) in
        guard let window = try configuration.integer("attention_window_size"),
            let context = try configuration.integer("max_position_embeddings"), window < context
        else { return [] }
        return [
            "attention_window_size \(window) is not carried over; texts up to that length are not "
                + "affected"
        ]
    }
}

extension TensorRule.Condition {
    /// The layers with a state space.
    fileprivate static let plamoMamba = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.isPlamoMamba(block)
    }
}

extension ModelConfiguration {
    /// All but every so-many-th layer; of fewer layers than half of that, all but the last.
    fileprivate func isPlamoMamba(_ block: Int) throws(ArchitectureError) -> Bool {
        let (step, count) = (try required("mamba_step"), try numHiddenLayers())
        return count <= step / 2 ? block != count - 1 : block % step != step / 2
    }
}
