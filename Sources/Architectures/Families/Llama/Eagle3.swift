import TensorCore

extension ModelFamily {
    /// EAGLE-3: one layer of Llama's kind that drafts tokens from rows of three of another model's
    /// layers.
    public static let eagle3 = ModelFamily(
        name: "Eagle3",
        architecture: "eagle3",
        classes: [
            "LlamaForCausalLMEagle3", "Eagle3LlamaForCausalLM", "Eagle3Speculator",
            "Eagle3DraftModel",
        ],
        defaults: ownLlamaDefaults,
        keys: llama.keys,
        tensors: [
            .init("model.fc", "fc", [.hidden, .key(fusedLength)]),
            .norm(
                "model.input_norm", "enc.output_norm", .key(fusedLength), presence: .optional),
            .init(
                "model.embed_tokens", "token_embd", [.vocabulary, .hidden], presence: .optional),
            .norm("model.norm", "output_norm"),
            .init(
                "lm_head", "output", [.key("draft_vocab_size"), .hidden], presence: .optional),
            .blocks(
                .preNorms(), .norm("hidden_norm", "attn_norm_2"),
                .init(
                    "self_attn.q_proj", "attn_q", [.queryHeads, 2 * .hidden],
                    transform: .rotaryPairs(.query)),
                .init(
                    "self_attn.k_proj", "attn_k", [.keyValueHeads, 2 * .hidden],
                    transform: .rotaryPairs(.keyValue)),
                .init("self_attn.v_proj", "attn_v", [.keyValueHeads, 2 * .hidden]),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                .gatedNetwork()),
            .draftTokens,
        ],
        checkpoint: .init(
            spellings: [.init("midlayer.", means: "model.layers.0.")],
            measured: [.init("fc.weight", dimension: 1, as: fusedLength)],
            tokenizer: .ofTarget(rules: .own)),
        rotary: .init(
            RotaryRules.llama3.scalings, leadingKeys: .eagle3, tensors: RotaryRules.llama3.tensors),
        checks: [.activation(.silu), .hasTarget, .refused(.count("num_hidden_layers", 1))],
        tokenizer: .llama,
        claims: {
            $0["draft_vocab_size"] != nil && $0["num_hidden_layers"]?.integer == 1
                && $0["architectures"]?.array?.first?.text == "LlamaForCausalLM"
        })

    /// Where the length of the rows that are fused is kept.
    private static let fusedLength = "fused_length"
}

extension [MetadataRule] {
    /// What stands in front of all other keys.
    fileprivate static let eagle3: Self = [
        .entries { configuration throws(ArchitectureError) in
            let target = try configuration.targetConfiguration()
            let given = configuration["eagle_aux_hidden_state_layer_ids"]?.array ?? []
            var layers = given.compactMap(\.integer)
            if given.isEmpty {
                let count = try target.numHiddenLayers()
                layers = [2, count / 2, count - 3]
            }
            return [try configuration.targetLayers(layers)]
        },
        .entries { configuration throws(ArchitectureError) in
            var width = try configuration.integer("target_hidden_size")
            if width == nil { width = try configuration.targetConfiguration().hiddenSize() }
            return [
                .init(
                    "{arch}.target_hidden_size",
                    try configuration.uint32(width ?? 0, "target_hidden_size"))
            ]
        },
        .entries { configuration in
            ["norm_before_residual", "norm_before_fc"].map {
                .init("{arch}.\($0)", .bool(configuration[$0]?.boolean ?? false))
            }
        },
    ]
}
