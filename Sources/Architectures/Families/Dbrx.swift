import TensorCore

extension ModelFamily {
    /// DBRX: layer norms without biases, queries, keys and values cut to a range, experts in every
    /// layer.
    public static let dbrx = ModelFamily(
        name: "Dbrx",
        architecture: "dbrx",
        classes: ["DbrxForCausalLM"],
        // transformers: DbrxConfig
        defaults: [
            .integer("d_model", 2048), .integer("n_heads", 16), .integer("n_layers", 24),
            .integer("max_seq_len", 2048), .integer("vocab_size", 32000),
            .same("hidden_size", as: "d_model"),
            .part("num_key_value_heads", of: "attn_config", "kv_n_heads", else: 1),
            .part("rope_theta", of: "attn_config", "rope_theta", else: 10000),
            .part("clip_qkv", of: "attn_config", "clip_qkv", else: nil),
            .part("intermediate_size", of: "ffn_config", "ffn_hidden_size", else: 3584),
            .part("num_experts", of: "ffn_config", "moe_num_experts", else: 4),
            .part("num_experts_per_tok", of: "ffn_config", "moe_top_k", else: 1),
            .part(
                "moe_normalize_expert_weights", of: "ffn_config", "moe_normalize_expert_weights",
                else: 1),
            .computed("hidden_act") { $0["ffn_config"]?["ffn_act_fn"]?["name"] },
        ],
        keys: [
            .blockCount, .count("context_length", "max_seq_len"),
            .count("embedding_length", "d_model"),
            .count("feed_forward_length", "intermediate_size"),
            .count("attention.head_count", "n_heads"),
            .count("attention.head_count_kv", "num_key_value_heads"), .rotaryBase,
            .number("attention.clamp_kqv", "clip_qkv"), .count("expert_count", "num_experts"),
            .count("expert_used_count", "num_experts_per_tok"),
            // The configuration has no word for it.
            .constant("attention.layer_norm_epsilon", .float32(1e-5)), .fileType,
        ],
        tensors: [
            .ends("transformer.wte", norm: "transformer.norm_f"),
            .blocks(
                of: "transformer.blocks.{bid}.", .norm("norm_attn_norm.norm_1", "attn_norm"),
                .norm("norm_attn_norm.norm_2", "attn_output_norm"),
                .init(
                    "norm_attn_norm.attn.Wqkv", "attn_qkv",
                    [.hidden + 2 * .keyValueHeads, .hidden]),
                .init("norm_attn_norm.attn.out_proj", "attn_output", [.hidden, .hidden]),
                .init("ffn.router.layer", "ffn_gate_inp", [.experts, .hidden]),
                matrix("w1", "gate"), matrix("v1", "up"),
                .tensor(
                    "ffn.experts.mlp.w2", "ffn_down_exps.weight",
                    [.experts, .hidden, .feedForward],
                    from: [.experts * .feedForward, .hidden],
                    view: .reshaped([.experts, .feedForward, .hidden]).permuted([0, 2, 1]))),
        ],
        checkpoint: .init(roundsRouters: true),
        rotary: .unscaled,
        checks: [
            .activation(.silu), .headsShareWidth, .number("moe_normalize_expert_weights", 1),
        ],
        export: .init(
            modelType: "dbrx",
            words: [
                "embedding_length": "d_model", "block_count": "n_layers",
                "attention.head_count": "n_heads", "context_length": "max_seq_len",
                "attention.layer_norm_epsilon": nil, "feed_forward_length": nil,
                "attention.head_count_kv": nil, "expert_count": nil, "expert_used_count": nil,
                "rope.freq_base": nil,
            ],
            computed: { source in
                func member(_ key: ByteString, _ name: String) -> JSON.Member {
                    .init(key: key, value: source.value(name)?.json ?? .null)
                }
                let activation = JSON.object([.init(key: "name", value: .text("silu"))])
                return [
                    (
                        "attn_config",
                        .object([
                            member("kv_n_heads", "attention.head_count_kv"),
                            member("rope_theta", "rope.freq_base"),
                            member("clip_qkv", "attention.clamp_kqv"),
                        ])
                    ),
                    (
                        "ffn_config",
                        .object([
                            member("ffn_hidden_size", "feed_forward_length"),
                            member("moe_num_experts", "expert_count"),
                            member("moe_top_k", "expert_used_count"),
                            .init(key: "moe_normalize_expert_weights", value: .real(1)),
                            .init(key: "ffn_act_fn", value: activation),
                        ])
                    ),
                ]
            }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let limit = try model.inputLimit()
            let style = DecoderStyle(
                pairing: .halves, norm: .layer, feedForwardNorm: "attn_output_norm",
                experts: .init(normalisesWeights: true))
            return try model.decoder(style) { _, block in block.attention.inputLimit = limit }
        })

    private static func matrix(_ source: String, _ role: String) -> TensorModules {
        .tensor(
            "ffn.experts.mlp.\(source)", "ffn_\(role)_exps.weight",
            [.experts, .feedForward, .hidden], from: [.experts * .feedForward, .hidden])
    }
}

extension ConfigurationDefault {
    /// The value of a member of an object of the configuration, or a constant.
    fileprivate static func part(
        _ key: String, of object: String, _ member: String, else constant: Int?
    ) -> Self {
        .computed(key) { configuration in
            guard let value = configuration[object]?[member], !value.isNull else {
                return constant.map { .integer($0) }
            }
            return value
        }
    }
}
