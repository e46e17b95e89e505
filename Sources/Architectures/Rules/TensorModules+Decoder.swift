extension TensorModules {
    /// Token embeddings, the norm after the last layer, and the output matrix where it is not the
    /// embeddings.
    ///
    /// A checkpoint that carries the output matrix although the two are tied has it written, as the
    /// reference converter does.
    @inline(never)
    static func ends(
        _ embeddings: String = "model.embed_tokens", norm: String = "model.norm",
        normBias: TensorRule.Presence? = nil, normTransform: TensorTransform = .none,
        output: String = "lm_head", outputPresence: TensorRule.Presence = .optional,
        outputBias: TensorRule.Presence? = nil
    ) -> Self {
        [
            .init(embeddings, "token_embd", [.vocabulary, .hidden]),
            .norm(norm, "output_norm", bias: normBias, transform: normTransform),
            .init(
                output, "output", [.vocabulary, .hidden], bias: outputBias,
                presence: outputPresence),
        ]
    }

    /// The norms before attention and before the feed-forward network.
    @inline(never)
    static func preNorms(
        bias: TensorRule.Presence? = nil, transform: TensorTransform = .none
    ) -> Self {
        [
            .norm("input_layernorm", "attn_norm", bias: bias, transform: transform),
            .norm("post_attention_layernorm", "ffn_norm", bias: bias, transform: transform),
        ]
    }

    /// Norms of queries and keys, head by head, or over whole rows.
    @inline(never)
    static func headNorms(
        _ query: String = "self_attn.q_norm", _ key: String = "self_attn.k_norm",
        wholeRows: Bool = false, presence: TensorRule.Presence = .required,
        transform: TensorTransform = .none
    ) -> Self {
        [
            .norm(
                query, "attn_q_norm", wholeRows ? .queryHeads : .head, presence: presence,
                transform: transform),
            .norm(
                key, "attn_k_norm", wholeRows ? .keyValueHeads : .head, presence: presence,
                transform: transform),
        ]
    }

    /// Separate projections to queries, keys and values, and one back.
    ///
    /// - Parameters:
    ///   - output: The name of the projection back.
    ///   - pairs: Whether queries and keys are reordered for the rotation of neighbouring pairs.
    @inline(never)
    static func attention(
        output: String = "self_attn.o_proj", biases: TensorRule.Presence? = nil,
        outputBias: TensorRule.Presence? = nil, rotaryPairs pairs: Bool = false
    ) -> Self {
        [
            .init(
                "self_attn.q_proj", "attn_q", [.queryHeads, .hidden], bias: biases,
                transform: pairs ? .rotaryPairs(.query) : .none),
            .init(
                "self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden], bias: biases,
                transform: pairs ? .rotaryPairs(.keyValue) : .none),
            .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], bias: biases),
            .init(output, "attn_output", [.hidden, .queryHeads], bias: outputBias),
        ]
    }

    /// A matrix in which each head's query, key and value stand together; GGUF has all queries,
    /// then all keys, then all values.
    @inline(never)
    static func queriesKeysValuesByHead(_ source: String, bias: TensorRule.Presence) -> Self {
        func rule(_ suffix: String, _ inner: [Dimension], _ presence: TensorRule.Presence) -> Self {
            .tensor(
                source + suffix, "attn_qkv" + suffix, [3 * .hidden] + inner,
                view: .reshaped([.headCount, 3, .hidden / .headCount] + inner)
                    .permuted([1, 0, 2] + inner.indices.map { $0 + 3 }), presence: presence)
        }
        return [rule(".weight", [.hidden], .required), rule(".bias", [], bias)]
    }

    /// A gated feed-forward network.
    ///
    /// - Parameters:
    ///   - source: The name of the network.
    ///   - suffix: What follows the GGUF names: `_shexp` for a network beside experts.
    @inline(never)
    static func gatedNetwork(
        _ source: String = "mlp", width: Dimension = .feedForward, suffix: String = "",
        bias: TensorRule.Presence? = nil, presence: TensorRule.Presence = .required
    ) -> Self {
        .init(
            ["gate", "up", "down"].flatMap { role in
                TensorModules(
                    "\(source).\(role)_proj", "ffn_\(role)\(suffix)",
                    role == "down" ? [.hidden, width] : [width, .hidden], bias: bias,
                    presence: presence
                ).rules
            })
    }

    /// A gated feed-forward network whose gate and up are one matrix, here and in a GGUF file.
    static let stackedNetwork: Self = [
        .init("mlp.gate_up_proj", "ffn_up", [2 * .feedForward, .hidden]),
        .init("mlp.down_proj", "ffn_down", [.hidden, .feedForward]),
    ]

    /// A feed-forward network of two matrices.
    @inline(never)
    static func plainNetwork(
        _ up: String, _ down: String, width: Dimension = .feedForward,
        bias: TensorRule.Presence? = nil, transform: TensorTransform = .none
    ) -> Self {
        [
            .init(up, "ffn_up", [width, .hidden], bias: bias, transform: transform),
            .init(down, "ffn_down", [.hidden, width], bias: bias, transform: transform),
        ]
    }
}
