import TensorCore

extension ModelFamily {
    /// Moonshot's Kimi K3: Kimi Linear's layers with gates, experts that see a shorter row, and residual
    /// streams that are kept every few layers and mixed anew before each part.
    public static let kimiK3 = ModelFamily(
        name: "KimiK3", architecture: "kimi-k3", classes: ["KimiK3ForConditionalGeneration"],
        // The words of the published checkpoints
        defaults: [
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("first_k_dense_replace", 0), .integer("num_shared_experts", 1),
            .real("routed_scaling_factor", 1),
        ] + .kimiDelta,
        keys: .common + [
            .count("vocab_size", "vocab_size"), .keyValueHeads(oneWhere: .kimiSeesAll),
            .count("ssm.conv_kernel", "kda_kernel"), .count("kda.head_dim", "kda_head_dim"),
            .number("kda.gate_lower_bound", "kda_lower_bound"),
            .count("attention.q_lora_rank", "q_lora_rank"),
            .count("attention.kv_lora_rank", "kv_lora_rank"),
            .count("rope.dimension_count", "qk_rope_head_dim"),
            .size("attention.key_length", .key("kv_lora_rank") + .key("qk_rope_head_dim")),
            .size("attention.value_length", .key("kv_lora_rank")),
            .size("attention.key_length_mla", .key("qk_nope_head_dim") + .key("qk_rope_head_dim")),
            .count("attention.value_length_mla", "v_head_dim"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "num_shared_experts"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "moe_renormalize"),
            .constant("expert_gating_func", .uint32(2)),
            .count("expert_latent_length", "routed_expert_hidden_size"),
            .number("activation.situ_beta", "activation_situ_beta"),
            .number("activation.situ_linear_beta", "activation_situ_linear_beta"),
            .count("attn_res.block_size", "attn_res_block_size"),
        ],
        tensors: [
            .ends(outputPresence: .optional), .blocks(.preNorms()),
            .keptResidual("model.output_attn_res", "output_res_score.weight"),
            .blocks(
                .keptResidual("self_attention_res", "attn_res_score.weight"),
                .keptResidual("mlp_res", "ffn_res_score.weight")),
            .blocks(of: "model.layers.{bid}.self_attn.", where: .kimiSeesAll, .k3Latent),
            .blocks(
                of: "model.layers.{bid}.self_attn.", where: !.kimiSeesAll,
                .kimiDelta(
                    gate: .init(
                        "g_proj", "ssm_g", [.key("kda_num_heads") * .key("kda_head_dim"), .hidden]))
            ),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.", where: .sparseAfterFirst, .k3Experts),
        ],
        checkpoint: .init(packedMethods: ["compressed-tensors"], sortsLeading: true),
        checks: [
            .refused(
                .activation(["situ"], at: "hidden_act"),
                .text("moe_router_activation_func", "sigmoid")),
            .statesNoPositions, .kimiDeltaHeads,
        ],
        // Generation ends with a turn, not with a document, as the tokenizer's files have it.
        tokenizer: .init(keys: { configuration in
            let end = configuration["eos_token_id"]?.integer.flatMap { UInt32(exactly: $0) }
            return end.map { [.init("tokenizer.ggml.eos_token_id", .uint32($0))] } ?? []
        }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.keptDecoder()
        })
}

extension DecoderMetadata {
    /// Kimi Linear's blocks whose residual rows are kept every few of them.
    fileprivate func keptDecoder() throws(DecoderDescriptionError) -> DecoderDescription {
        guard let beta = try positiveNumber("activation.situ_beta") else {
            throw missing("activation.situ_beta")
        }
        let activation = BlockDescription.Activation.situ(
            beta: beta, linear: try number("activation.situ_linear_beta") ?? 0)
        var decoder = try latentDecoder(
            .init(
                activation: activation, recurrence: .kimiDelta,
                experts: .init(
                    scoring: .sigmoid, normalisesWeights: true, activation: activation,
                    shared: .counted)))
        for index in decoder.blocks.indices {
            guard case .attention(var attention) = decoder.blocks[index].mixer,
                present("blk.\(index).attn_gate.weight") != nil
            else { continue }
            attention.gate = projection(
                "blk.\(index).attn_gate", outputs: attention.output.inputs,
                inputs: attention.output.outputs)
            decoder.blocks[index].mixer = .attention(attention)
        }
        guard let length = try optionalCountOrZero("attn_res.block_size"), length > 0 else {
            return decoder
        }
        let epsilon = try epsilon(of: .rootMeanSquare)
        let count = 1 + (decoder.blocks.count + length - 1) / length
        for index in decoder.blocks.indices {
            let name = "blk.\(index)"
            let kept = (index + length - 1) / length
            decoder.blocks[index].streams = .init(
                count: count,
                mixer: .kept(
                    .init(
                        score: "\(name).attn_res_score.weight", epsilon: epsilon, keptCount: kept,
                        keeps: index % length == 0)),
                feedForward: .kept(
                    .init(
                        score: "\(name).ffn_res_score.weight", epsilon: epsilon,
                        keptCount: index / length + 1)))
        }
        decoder.blocks[decoder.blocks.count - 1].streams?.head = .connection(
            .kept(
                .init(score: "output_res_score.weight", epsilon: epsilon, keptCount: count - 1)))
        decoder.streamStart = .first
        return decoder
    }
}

extension TensorModules {
    /// What a kept row counts for: its norm's weight and the vector that it is multiplied with, in one.
    fileprivate static func keptResidual(_ source: String, _ name: String) -> Self {
        .tensors(
            [
                .init("\(source)_norm.weight", [.hidden]),
                .init("\(source)_proj.weight", [1, .hidden]),
            ],
            into: [.init(name, [.hidden], values: .product(0, 1))],
            presence: .optional)
    }

    /// Latent attention with a gate.
    fileprivate static let k3Latent: Self = {
        let (rank, queryRank) = (Dimension.key("kv_lora_rank"), Dimension.key("q_lora_rank"))
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        let rope = Dimension.key("qk_rope_head_dim")
        let rows = Dimension.headCount * (nope + rope)
        return [
            .only(
                where: .hasQueryRank, .init("q_a_proj", "attn_q_a", [queryRank, .hidden]),
                .norm("q_a_layernorm", "attn_q_a_norm", queryRank),
                .init("q_b_proj", "attn_q_b", [rows, queryRank])),
            .only(where: !.hasQueryRank, .init("q_proj", "attn_q", [rows, .hidden])),
            .init("kv_a_proj_with_mqa", "attn_kv_a_mqa", [rank + rope, .hidden]),
            .norm("kv_a_layernorm", "attn_kv_a_norm", rank),
            .latentExpansion(rank: rank, key: nope, value: value),
            .init("g_proj", "attn_gate", [.headCount * value, .hidden], presence: .optional),
            .init("o_proj", "attn_output", [.hidden, .headCount * value]),
        ]
    }()

    /// Experts that see a shorter row, packed or not, and a network that every token passes.
    fileprivate static let k3Experts: Self = {
        let width = Dimension.key("moe_intermediate_size")
        let inner = Dimension.key("routed_expert_hidden_size", or: .hidden)
        let matrices: [(name: String, role: String, shape: [Dimension])] = [
            ("w1", "gate", [width, inner]), ("w2", "down", [inner, width]),
            ("w3", "up", [width, inner]),
        ]
        return [
            .packedExperts(
                width: width, hidden: inner, codes: ".weight_packed", exponents: ".weight_scale"),
            .tensors(
                matrices.map { .init("experts.{xid}.\($0.name).weight", $0.shape) },
                into: matrices.enumerated().map { number, matrix in
                    .init(
                        "ffn_\(matrix.role)_exps.weight", [.experts] + matrix.shape,
                        [.init(number)])
                }),
            .init("gate", "ffn_gate_inp", [.experts, .hidden]),
            .tensor("gate.e_score_correction_bias", "exp_probs_b.bias", [.experts]),
            .only(
                where: .hasShortRows,
                .init("routed_expert_down_proj", "ffn_routed_down", [inner, .hidden]),
                .init("routed_expert_up_proj", "ffn_routed_up", [.hidden, inner]),
                .norm("routed_expert_norm", "ffn_routed_norm", inner, presence: .optional)),
            .gatedNetwork(
                "shared_experts", width: width * .key("num_shared_experts"), suffix: "_shexp",
                presence: .optional),
        ]
    }()
}

extension TensorRule.Condition {
    /// Models whose queries are made in two steps.
    fileprivate static let hasQueryRank = TensorRule.Condition { configuration, _ in
        configuration["q_lora_rank"] != nil
    }
    /// Models whose experts see a shorter row than the layers have.
    fileprivate static let hasShortRows = TensorRule.Condition { configuration, _ in
        configuration["routed_expert_hidden_size"] != nil
    }
}
