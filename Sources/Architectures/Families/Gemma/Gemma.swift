import TensorCore

extension ModelFamily {
    /// Gemma 1: norms stored as the difference from 1, output tied to the embeddings.
    public static let gemma = ModelFamily(
        name: "Gemma",
        architecture: "gemma",
        classes: ["GemmaForCausalLM"],
        // transformers: GemmaConfig
        defaults: [
            .integer("vocab_size", 256_000), .integer("hidden_size", 3072),
            .integer("intermediate_size", 24576), .integer("num_hidden_layers", 28),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 16),
            .integer("head_dim", 256), .integer("max_position_embeddings", 8192),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .boolean("tie_word_embeddings", true),
        ],
        keys: .gemma + [.rotaryScaling, .unusualRotaryBase],
        tensors: [.gemma([.preNorms(transform: .plusOne)]), .copyOfEmbeddings("lm_head.weight")],
        rotary: .yarnOrDynamic,
        checks: .gemma(),
        tokenizer: .init(keys: { _ in
            [
                .init("tokenizer.ggml.eot_token_id", .uint32(107)),
                .init("tokenizer.ggml.add_space_prefix", .bool(false)),
            ]
        }),
        export: .init(
            modelType: "gemma", presence: [("blk.0.attn_q.bias", "attention_bias")],
            tokenizerClass: "GemmaTokenizer"),
        // Embeddings scaled by the root of their length, a gated GELU network. (The converter adds
        // the 1 to the weights of norms.)
        decoder: .blocks(.init(pairing: .halves, activation: .geluTanh, scalesEmbeddings: true)))
}

extension [MetadataRule] {
    /// The keys of Gemma 1 and 2, in their order.
    static let gemma: [MetadataRule] = [
        .count("context_length", "max_position_embeddings"),
        .count("embedding_length", "hidden_size"),
        .blockCount,
        .count("feed_forward_length", "intermediate_size"),
        .count("attention.head_count", "num_attention_heads"),
        .size("attention.head_count_kv", .keyValueHeadCount),
        .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
        .count("attention.key_length", "head_dim"),
        .count("attention.value_length", "head_dim"),
        .fileType,
    ]
}

extension [ConfigurationCheck] {
    /// What all of Gemma's generations take for granted.
    static func gemma(seesAhead: Bool = false) -> Self {
        [
            // Old files say `gelu` and mean its tanh form, as transformers notes.
            .activation(.geluTanh, at: "hidden_activation", "hidden_act"),
            seesAhead
                ? .on("use_bidirectional_attention") : .off("use_bidirectional_attention"),
        ]
    }
}

extension ConfigurationCheck {
    /// The scale of attention scores, for which GGUF has no key: readers take it from the size of a
    /// head, and from the width shared out among the heads in the model with `largest` layers.
    static func gemmaAttentionScale(largest: Int) -> Self {
        .departing { configuration throws(ArchitectureError) in
            let expected =
                try configuration.numHiddenLayers() == largest
                ? configuration.hiddenSize() / configuration.numAttentionHeads()
                : configuration.headDim()
            guard let value = configuration["query_pre_attn_scalar"],
                value.double != Double(expected)
            else { return }
            throw configuration.inexpressible(
                "query_pre_attn_scalar",
                found: value.double.map { "\($0)" } ?? value.kindName, expected: "\(expected)")
        }
    }
}

extension TensorModules {
    /// The tensors of Gemma's decoders but for the output matrix.
    ///
    /// - Parameter norms: The norms of a block.
    static func gemma(_ norms: Self) -> Self {
        [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .norm("model.norm", "output_norm", transform: .plusOne),
            .blocks(
                norms, .attention(biases: .optional, outputBias: .optional), .gatedNetwork()),
        ]
    }

    /// The norms of a block from Gemma 2 on.
    static func gemmaNorms(_ transform: TensorTransform) -> Self {
        [
            .norm("input_layernorm", "attn_norm", transform: transform),
            .norm("post_attention_layernorm", "post_attention_norm", transform: transform),
            .norm("pre_feedforward_layernorm", "ffn_norm", transform: transform),
            .norm("post_feedforward_layernorm", "post_ffw_norm", transform: transform),
        ]
    }
}
