extension [TensorRule] {
    /// The tensors of a decoder in the style of Llama: two RMS norms, separate projections for
    /// queries, keys and values, and a gated feed-forward network.
    ///
    /// - Parameters:
    ///   - biases: Whether the projections of the attention may or must have biases; `nil` when
    ///     there are none.
    ///   - pairs: Whether queries and keys are reordered for the rotation of neighbouring pairs.
    ///   - headNorms: Whether queries and keys are normalised, head by head.
    ///   - dense: The blocks with such a feed-forward network; `nil` when there are none.
    static func gatedDecoder(
        attentionBiases biases: TensorRule.Presence? = nil,
        outputBias: TensorRule.Presence? = nil,
        feedForwardBiases: TensorRule.Presence? = nil,
        rotaryPairs pairs: Bool, headNorms: Bool = false,
        feedForwardWhere dense: TensorRule.Condition? = .always
    ) -> [TensorRule] {
        let layer = "model.layers.{bid}."
        let block = "blk.{bid}."
        let query: TensorTransform = pairs ? .rotaryPairs(.query) : .none
        let key: TensorTransform = pairs ? .rotaryPairs(.keyValue) : .none

        var rules: [TensorRule] = [
            .init("model.embed_tokens.weight", "token_embd.weight", [.vocabulary, .hidden]),
            .init("model.norm.weight", "output_norm.weight", [.hidden]),
            // Without it the embedding serves as output; a checkpoint that carries it although
            // the two are tied has it written, as the reference converter does.
            .init(
                "lm_head.weight", "output.weight", [.vocabulary, .hidden], presence: .optional),
            .init(layer + "input_layernorm.weight", block + "attn_norm.weight", [.hidden]),
            .init(layer + "post_attention_layernorm.weight", block + "ffn_norm.weight", [.hidden]),
        ]
        func projection(
            _ source: String, _ name: String, _ shape: [Dimension], bias: TensorRule.Presence?,
            where condition: TensorRule.Condition = .always, transform: TensorTransform = .none
        ) {
            rules += .projection(
                layer + source, block + name, shape, bias: bias, where: condition,
                transform: transform)
        }
        projection(
            "self_attn.q_proj", "attn_q", [.queryHeads, .hidden], bias: biases, transform: query)
        projection(
            "self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden], bias: biases, transform: key)
        projection("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], bias: biases)
        projection("self_attn.o_proj", "attn_output", [.hidden, .queryHeads], bias: outputBias)
        if let dense {
            for (source, name, shape) in [
                ("mlp.gate_proj", "ffn_gate", [Dimension.feedForward, .hidden]),
                ("mlp.up_proj", "ffn_up", [.feedForward, .hidden]),
                ("mlp.down_proj", "ffn_down", [.hidden, .feedForward]),
            ] {
                projection(source, name, shape, bias: feedForwardBiases, where: dense)
            }
        }
        if headNorms {
            rules.append(
                .init(layer + "self_attn.q_norm.weight", block + "attn_q_norm.weight", [.head]))
            rules.append(
                .init(layer + "self_attn.k_norm.weight", block + "attn_k_norm.weight", [.head]))
        }
        return rules
    }

    /// A matrix in which each head's query, key and value stand together; GGUF has all queries,
    /// then all keys, then all values.
    static func queriesKeysValuesByHead(
        _ source: String, bias: TensorRule.Presence
    ) -> [TensorRule] {
        func rule(
            _ suffix: String, _ inner: [Dimension], _ presence: TensorRule.Presence
        ) -> TensorRule {
            TensorRule(
                [.init(source + suffix, [3 * .hidden] + inner)],
                into: [
                    .init(
                        "blk.{bid}.attn_qkv" + suffix, [3 * .hidden] + inner,
                        [
                            .init(
                                0,
                                TensorView(
                                    as: [.headCount, 3, .hidden / .headCount] + inner,
                                    order: [1, 0, 2] + inner.indices.map { $0 + 3 }))
                        ])
                ], presence: presence)
        }
        return [rule(".weight", [.hidden], .required), rule(".bias", [], bias)]
    }

    /// A matrix and its bias.
    ///
    /// - Parameter bias: Whether the bias may or must be there; `nil` when there is none.
    static func projection(
        _ source: String, _ name: String, _ shape: [Dimension],
        presence: TensorRule.Presence = .required, bias: TensorRule.Presence?,
        where condition: TensorRule.Condition = .always, transform: TensorTransform = .none
    ) -> [TensorRule] {
        var rules = [
            TensorRule(
                source + ".weight", name + ".weight", shape, presence: presence,
                where: condition, transform: transform)
        ]
        if let bias {
            rules.append(
                TensorRule(
                    source + ".bias", name + ".bias", [shape[0]], presence: bias,
                    where: condition, transform: transform == .transposed ? .none : transform))
        }
        return rules
    }
}
