import TensorCore

extension ModelFamily {
    /// Tencent's Hunyuan A13B: Hunyuan dense with routed experts beside a network for all tokens.
    public static let hunyuanMoe = ModelFamily(
        name: "HunyuanMoe",
        architecture: "hunyuan-moe",
        classes: ["HunYuanMoEV1ForCausalLM"],
        // transformers: HunYuanMoEV1Config
        defaults: [
            .integer("vocab_size", 290943), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 1), .same("moe_topk", as: "num_experts_per_tok"),
            .integer("moe_topk", 1), .integer("num_shared_expert", 1),
            .same("moe_intermediate_size", as: "intermediate_size"),
            .sameInEveryLayer("moe_topk"), .sameInEveryLayer("num_shared_expert"),
            .sameInEveryLayer("moe_intermediate_size"),
        ],
        keys: .common + [
            .count("expert_shared_feed_forward_length", "intermediate_size"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_used_count", "moe_topk"),
            .count("expert_shared_count", "num_shared_expert"),
            .hunyuanScaling(alpha: 1000),
        ],
        tensors: [
            .ends(outputPresence: .unlessTied), .blocks(.hunyuanAttention),
            .blocks(
                of: "model.layers.{bid}.mlp.",
                .init("gate.wg", "ffn_gate_inp", [.experts, .hidden]),
                .gatedNetwork("shared_mlp", suffix: "_shexp"),
                .experts(width: .key("moe_intermediate_size"))),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .refused(.count("num_shared_expert", 1))],
        tokenizer: .init(keys: { configuration in
            // What the tokenizer's files say is not what the model begins a text with.
            let begin: UInt32 = 127959
            guard let count = configuration["vocab_size"]?.integer, count > begin else { return [] }
            return [.init("tokenizer.ggml.bos_token_id", .uint32(begin))]
        }),
        export: .init(
            modelType: "hunyuan_v1_moe",
            words: [
                "expert_used_count": "moe_topk", "expert_shared_count": "num_shared_expert",
                "expert_shared_feed_forward_length": nil,
            ], presence: [("blk.0.attn_q.bias", "attention_bias")],
            computed: { source in
                let separator = source.tokenizer("seperator_token_id")?.json ?? .null
                return [("sep_token_id", separator)] + hunyuanScaling(source)
            }),
        // Norms of every head after it has turned, experts beside a shared network.
        decoder: .blocks(
            .init(
                pairing: .halves, headNorms: .head,
                experts: .init(scoring: .softmax, normalisesWeights: true, shared: .stated))
        ) { _, _, block in
            block.attention.normAfterRotation = true
        })
}

extension ConfigurationDefault {
    /// One number in place of a list with the same number for every layer.
    fileprivate static func sameInEveryLayer(_ key: String) -> Self {
        .computed(key) { configuration in
            guard let list = configuration[key]?.array, let first = list.first,
                list.allSatisfy({ $0 == first })
            else { return nil }
            return first
        }
    }
}
