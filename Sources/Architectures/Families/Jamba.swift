import TensorCore

extension ModelFamily {
    /// Jamba: layers of Mamba's selective scan between layers of attention without positions, dense
    /// and with experts in turn.
    public static let jamba = ModelFamily(
        name: "Jamba",
        architecture: "jamba",
        classes: ["JambaForCausalLM"],
        // transformers: JambaConfig
        defaults: [
            .integer("vocab_size", 65536), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 262_144), .real("rms_norm_eps", 1e-6),
            .integer("num_experts_per_tok", 2), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 16), .integer("expert_layer_period", 2),
            .integer("expert_layer_offset", 1), .integer("attn_layer_period", 8),
            .integer("attn_layer_offset", 4), .integer("mamba_d_state", 16),
            .integer("mamba_d_conv", 4), .integer("mamba_expand", 2),
            .computed("mamba_dt_rank") { configuration in
                // A sixteenth of the width, rounded up, where the file says `auto` or nothing.
                guard configuration["mamba_dt_rank"]?.integer == nil,
                    let width = configuration["hidden_size"]?.integer, (1..<(1 << 40)) ~= width
                else { return nil }
                return .integer((width + 15) / 16)
            },
        ],
        keys: [
            .blockCount, .count("context_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"),
            .count("feed_forward_length", "intermediate_size"),
            .count("attention.head_count", "num_attention_heads"),
            .keyValueHeads(where: attends),
            .count("ssm.conv_kernel", "mamba_d_conv"), .size("ssm.inner_size", inner),
            .count("ssm.state_size", "mamba_d_state"),
            .count("ssm.time_step_rank", "mamba_dt_rank"),
            .number("attention.layer_norm_rms_epsilon", "layer_norm_epsilon", "rms_norm_eps"),
            .count("expert_count", "num_local_experts", "num_experts"),
            .count("expert_used_count", "num_experts_per_tok"), .fileType,
        ],
        tensors: [
            .ends(norm: "model.final_layernorm"),
            .blocks(
                .norm("input_layernorm", "attn_norm"), .norm("pre_ff_layernorm", "ffn_norm")),
            .blocks(where: attends, .attention()),
            .blocks(of: "model.layers.{bid}.mamba.", where: !attends, scan),
            .blocks(where: !hasExperts, .gatedNetwork("feed_forward")),
            .blocks(
                of: "model.layers.{bid}.feed_forward.", where: hasExperts,
                .init("router", "ffn_gate_inp", [.experts, .hidden]),
                .experts(width: .feedForward)),
        ],
        checkpoint: .init(spellings: [
            .init(".moe.", means: ".feed_forward."),
            .init(".pre_moe_layernorm.", means: ".pre_ff_layernorm."),
        ]),
        rotary: .unscaled,
        checks: [.activation(.silu), .without("mamba_proj_bias"), .headsShareWidth],
        export: .init(
            modelType: "jamba",
            words: [
                "ssm.conv_kernel": "mamba_d_conv", "ssm.state_size": "mamba_d_state",
                "ssm.time_step_rank": "mamba_dt_rank", "attention.head_count_kv": nil,
            ],
            computed: { source in
                var entries: [ConfigurationExport.Entry] = [
                    ("mamba_proj_bias", .bool(false)),
                    ("mamba_conv_bias", .bool(source.anyBlock(has: "ssm_conv1d.bias"))),
                ]
                if let inner = source.integer("ssm.inner_size"),
                    let width = source.integer("embedding_length"), width > 0
                {
                    entries.append(("mamba_expand", .integer(inner / width)))
                }
                let heads = source.value("attention.head_count_kv")?.integers ?? []
                entries += period("attn_layer", heads.map { $0 > 0 })
                entries.append(("num_key_value_heads", .integer(heads.max() ?? 0)))
                entries += period(
                    "expert_layer",
                    heads.indices.map { source.hasTensor("blk.\($0).ffn_gate_inp.weight") })
                return entries
            }),
        decoder: .blocks(
            .init(
                recurrence: .selectiveScan, experts: .init(normalisesWeights: false, mayMiss: true))
        ))

    private static let inner = Dimension.key("mamba_expand") * .hidden

    /// The period and the first of layers of a kind; one that never comes where there are none.
    private static func period(
        _ key: String, _ layers: [Bool]
    ) -> [ConfigurationExport.Entry] {
        let places = layers.indices.filter { layers[$0] }
        let first = places.first ?? layers.count
        let period = places.count > 1 ? places[1] - places[0] : layers.count + first + 1
        return [("\(key)_offset", .integer(first)), ("\(key)_period", .integer(period))]
    }

    private static let scan: TensorModules = {
        let (state, rank) = (Dimension.key("mamba_d_state"), Dimension.key("mamba_dt_rank"))
        let kernel = Dimension.key("mamba_d_conv")
        return [
            .tensor("A_log", "ssm_a", [inner, state], change: .negatedExponential),
            .tensor("D", "ssm_d", [inner]),
            .tensor("conv1d.bias", "ssm_conv1d.bias", [inner], presence: .optional),
            .tensor(
                "conv1d.weight", "ssm_conv1d.weight", [inner, kernel], from: [inner, 1, kernel]),
            .init("dt_proj", "ssm_dt", [inner, rank], bias: .required),
            .init("in_proj", "ssm_in", [2 * inner, .hidden]),
            .init("out_proj", "ssm_out", [.hidden, inner]),
            .init("x_proj", "ssm_x", [rank + 2 * state, inner]),
            .norm("dt_layernorm", "ssm_dt_norm", rank),
            .norm("b_layernorm", "ssm_b_norm", state),
            .norm("c_layernorm", "ssm_c_norm", state),
        ]
    }()

    private static let attends = isEvery("attn_layer")
    private static let hasExperts = isEvery("expert_layer")

    /// The layers from an offset on, every so many.
    private static func isEvery(_ key: String) -> TensorRule.Condition {
        .init { configuration, block throws(ArchitectureError) in
            let period = try configuration.required("\(key)_period")
            let offset = try configuration.integer("\(key)_offset") ?? 0
            return block >= offset && (block - offset) % period == 0
        }
    }
}
