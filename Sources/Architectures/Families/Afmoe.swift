import TensorCore

extension ModelFamily {
    /// Arcee's Trinity (AFMoE): norms before and after, gated attention that sees a window and turns
    /// in three blocks of four, DeepSeek V3's experts after dense blocks.
    public static let afmoe = ModelFamily(
        name: "Afmoe",
        architecture: "afmoe",
        classes: ["AfmoeForCausalLM"],
        // transformers: AfmoeConfig
        defaults: [
            .integer("vocab_size", 200192), .integer("hidden_size", 2048),
            .integer("intermediate_size", 6144), .integer("moe_intermediate_size", 1408),
            .integer("num_hidden_layers", 32), .integer("num_dense_layers", 1),
            .integer("num_attention_heads", 16),
            .same("num_key_value_heads", as: "num_attention_heads"), .integer("head_dim", 128),
            .integer("max_position_embeddings", 16384), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 64), .integer("num_experts_per_tok", 6),
            .integer("num_shared_experts", 2), .real("route_scale", 1),
            .integer("global_attn_every_n_layers", 4), .integer("sliding_window", 1024),
            .boolean("mup_enabled", false),
        ],
        keys: .common + .llama + [
            .count("expert_shared_count", "num_shared_experts"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("leading_dense_block_count", "num_dense_layers"),
            .flag("expert_weights_norm", "route_norm"),
            .number("expert_weights_scale", "route_scale"),
            .count("attention.sliding_window", "sliding_window"),
        ],
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_attention_layernorm", "post_attention_norm"),
                .norm("pre_mlp_layernorm", "ffn_norm"),
                .norm("post_mlp_layernorm", "post_ffw_norm"),
                .headNorms(), .init("self_attn.gate_proj", "attn_gate", [.queryHeads, .hidden]),
                .attention()),
            .blocks(where: !.sparse(after: "num_dense_layers"), .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparse(after: "num_dense_layers"),
                .init("router.gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("expert_bias", "exp_probs_b.bias", [.experts]),
                .gatedNetwork(
                    "shared_experts",
                    width: .key("moe_intermediate_size") * .key("num_shared_experts"),
                    suffix: "_shexp"),
                .experts(
                    [("gate_proj", "gate"), ("up_proj", "up"), ("down_proj", "down")],
                    width: .key("moe_intermediate_size"))),
        ],
        checks: [
            .activation(.silu), .on("mup_enabled"), .without("attention_bias"),
            .departing { configuration throws(ArchitectureError) in
                guard configuration["route_norm"] == nil else { return }
                throw configuration.inexpressible(
                    "route_norm", found: "nothing, which is true,", expected: "false")
            },
            .departing { configuration throws(ArchitectureError) in
                let period = try configuration.required("global_attn_every_n_layers")
                guard period != 4, configuration["layer_types"] == nil else { return }
                throw configuration.inexpressible(
                    "global_attn_every_n_layers", found: "\(period)", expected: "4")
            }, .layerTypes("full attention in every fourth layer") { ($0 + 1) % 4 != 0 },
        ],
        tokenizer: .llama,
        export: .init(
            modelType: "afmoe",
            words: [
                "expert_shared_count": "num_shared_experts",
                "leading_dense_block_count": "num_dense_layers",
                "expert_weights_norm": "route_norm", "expert_weights_scale": "route_scale",
            ],
            constants: [("mup_enabled", .bool(true))],
            computed: { source in
                source.integer("expert_gating_func") == 2
                    ? [("score_func", .text("sigmoid"))] : []
            }),
        // Gated attention, in every fourth block to all positions and without rotation.
        decoder: .blocks(
            .init(
                pairing: .halves, headNorms: .head, hasPostNorms: true, windowPeriod: 4,
                scalesEmbeddings: true,
                experts: .init(scoring: .sigmoid, normalisesWeights: true, shared: .counted))
        ) { model, index, block in
            if (index + 1) % 4 == 0 { block.attention.rotary = nil }
            block.attention.gate = model.projection(
                "blk.\(index).attn_gate", outputs: block.attention.output.inputs,
                inputs: block.attention.output.outputs)
        })

}
