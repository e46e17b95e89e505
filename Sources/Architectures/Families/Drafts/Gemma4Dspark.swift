import TensorCore

extension ModelFamily {
    /// DSpark made of layers of Gemma 4's kind, whose values are keys.
    public static let gemma4Dspark = ModelFamily(
        name: "Gemma4Dspark",
        architecture: "dflash",
        classes: ["Gemma4DSparkModel"],
        defaults: qwenDraftDefaults + [
            .replacement("num_key_value_heads", by: "num_global_key_value_heads"),
            .replacement("head_dim", by: "global_head_dim"),
            .computed("rope_parameters") { $0.gemmaDraftRotation },
        ],
        keys: .common + .pooling + .dflash + [
            .size("rope.dimension_count", .head),
            .entries { configuration throws(ArchitectureError) in
                let width = Double(try configuration.hiddenSize())
                return [
                    .init("{arch}.embedding_scale", .float32(Float(width.squareRoot()))),
                    .init("{arch}.attention.scale", .float32(1)),
                    .init("{arch}.hidden_activation", .string("gelu_pytorch_tanh")),
                    .init(
                        "{arch}.sample_from_anchor",
                        .bool(configuration["sample_from_anchor"]?.boolean ?? true)),
                ]
            }, .hasConfidence,
        ],
        tensors: [
            .init("model.fc", "fc", [.hidden, .key("fused_length")]),
            .norm("model.hidden_norm", "enc.output_norm"), .norm("model.norm", "output_norm"),
            .init(
                "model.embed_tokens", "token_embd", [.vocabulary, .hidden], presence: .optional),
            .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_attention_layernorm", "post_attention_norm"),
                .norm("pre_feedforward_layernorm", "ffn_norm"),
                .norm("post_feedforward_layernorm", "post_ffw_norm"), .headNorms(),
                .init("self_attn.q_proj", "attn_q", [.queryHeads, .hidden]),
                .init("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden]),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                .tensor(
                    "layer_scalar", "layer_output_scale.weight", [1], presence: .optional),
                .gatedNetwork()),
            .markov(vocabulary: .vocabulary),
            .init(
                "model.confidence_head.proj", "conf_proj", [1, .hidden + .key("markov_rank")],
                bias: .optional, presence: .optional),
        ],
        checkpoint: CheckpointRules(
            spellings: [.init("confidence_proj.", means: "confidence_head.proj.")],
            measured: CheckpointRules.dflash.measured,
            tokenizer: .ofTarget(rules: .target)),
        rotary: .init(["default", "proportional"]) { configuration throws(ArchitectureError) in
            let rotary = try RotaryParameters(configuration)
            guard rotary.type == "proportional" else { return [] }
            let head = try configuration.headDim()
            let share = rotary.partialFactor ?? 0.25
            let turned = Int(Double(head) * share / 2)
            guard share > 0, share <= 1, Double(head) * share == Double(2 * turned) else {
                throw rotary.invalid(
                    "partial_rotary_factor", found: "\(share)",
                    expected: "a part of \(head) that is even")
            }
            let stays = [Float](repeating: 1e30, count: head / 2 - turned)
            return [.init("rope_freqs.weight", [Float](repeating: 1, count: turned) + stays)]
        },
        checks: [
            .hasTarget, .needing("attention_k_eq_v"),
            .without("attention_bias", "enable_moe_block"),
            .refused(
                .activation(["gelu_pytorch_tanh"], at: "hidden_activation"),
                .text("markov_head_type", "vanilla"), .absent("final_logit_softcapping")),
            .refusing { configuration throws(ArchitectureError) in
                let layers = try configuration.slidingLayers()
                guard layers?.contains(true) != false else { return }
                throw configuration.inexpressible(
                    "layer_types", found: "other layers", expected: "full_attention in all")
            },
            .refusing { configuration throws(ArchitectureError) in
                guard let count = try configuration.integer("draft_vocab_size"),
                    count != (try configuration.vocabSize())
                else { return }
                throw configuration.inexpressible(
                    "draft_vocab_size", found: "\(count)", expected: "all tokens")
            },
        ],
        tokenizer: .init(keys: { $0.maskToken($0.draft("mask_token_id")) }))
}

extension ModelConfiguration {
    /// The rotation of all layers, which the class assumes where the file has none.
    fileprivate var gemmaDraftRotation: JSON? {
        if let given = self["rope_parameters"] {
            return given["full_attention"] ?? nil
        }
        return .object([
            .init(key: "rope_type", value: .string("proportional")),
            .init(key: "partial_rotary_factor", value: .real(0.25)),
            .init(key: "rope_theta", value: .real(1_000_000)),
        ])
    }
}
