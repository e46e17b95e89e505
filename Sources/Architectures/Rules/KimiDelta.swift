import TensorCore

// Kimi delta attention (KDA) as Kimi Linear, Kimi K3 and GLM 5.3 have it.

extension [ConfigurationDefault] {
    /// The sizes that stand in a part of the configuration of their own.
    static let kimiDelta: Self = [
        .computed("kda_head_dim") { $0["linear_attn_config"]?["head_dim"] },
        .computed("kda_num_heads") { $0["linear_attn_config"]?["num_heads"] },
        .computed("kda_kernel") { $0["linear_attn_config"]?["short_conv_kernel_size"] },
        .computed("kda_lower_bound") { $0["linear_attn_config"]?["gate_lower_bound"] },
    ]
}

extension ConfigurationCheck {
    /// Files have one number of heads for both kinds of attention.
    static let kimiDeltaHeads = refusing { configuration throws(ArchitectureError) in
        let heads = try configuration.numAttentionHeads()
        let own = try configuration.required("kda_num_heads")
        guard own != heads else { return }
        throw configuration.inexpressible(
            "linear_attn_config.num_heads", found: "\(own)", expected: "\(heads)")
    }

    /// Latent attention beside it has no positions, which has to be said.
    static let statesNoPositions = refusing { configuration throws(ArchitectureError) in
        guard configuration["mla_use_nope"]?.boolean != true else { return }
        throw configuration.inexpressible("mla_use_nope", found: "false", expected: "true")
    }
}

extension TensorModules {
    /// The attention's tensors.
    ///
    /// - Parameters:
    ///   - decay: The shape of `A_log`.
    ///   - gate: What makes the output's gate.
    @inline(never)
    static func kimiDelta(
        decay: [Dimension] = [.key("kda_num_heads")], gate: TensorModules = .kimiDeltaGate
    ) -> Self {
        let (heads, head) = (Dimension.key("kda_num_heads"), Dimension.key("kda_head_dim"))
        let width = heads * head
        return [
            .deltaInputs(width: width, kernel: .key("kda_kernel")),
            .init("f_a_proj", "ssm_f_a", [head, .hidden]),
            .init("f_b_proj", "ssm_f_b", [width, head]),
            .init("b_proj", "ssm_beta", [heads, .hidden]),
            .tensor("A_log", "ssm_a", decay, change: .negatedExponential),
            .tensor("dt_bias", "ssm_dt.bias", [width]), gate,
            .norm("o_norm", "ssm_norm", head), .init("o_proj", "attn_output", [.hidden, width]),
        ]
    }

    /// A gate of two matrices.
    static let kimiDeltaGate: Self = {
        let (heads, head) = (Dimension.key("kda_num_heads"), Dimension.key("kda_head_dim"))
        return [
            .init("g_a_proj", "ssm_g_a", [head, .hidden]),
            .init("g_b_proj", "ssm_g_b", [heads * head, head]),
        ]
    }()
}
