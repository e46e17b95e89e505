import TensorCore

extension ModelFamily {
    /// Gemma 1: norms stored as the difference from 1, output tied to the embeddings.
    public static let gemma = ModelFamily(
        name: "Gemma", architecture: "gemma",
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
        hyperparameters: .gemma + [.rotaryScaling, .unusualRotaryBase],
        tensors: .gemma(
            norms: [
                ("input_layernorm", "attn_norm", .hidden),
                ("post_attention_layernorm", "ffn_norm", .hidden),
            ]) + [.copyOfEmbeddings("lm_head.weight")],
        rotaryScalings: ["default", "linear", "yarn", "dynamic"],
        review: { configuration throws(ArchitectureError) in
            try configuration.reviewGemma(architecture: "gemma", activation: "hidden_act")
            return []
        },
        tokenizerKeys: { _ in
            [
                .init("tokenizer.ggml.eot_token_id", .uint32(107)),
                .init("tokenizer.ggml.add_space_prefix", .bool(false)),
            ]
        },
        export: .init(
            modelType: "gemma", presence: [("blk.0.attn_q.bias", "attention_bias")],
            tokenizerClass: "GemmaTokenizer"))
}

extension [HyperparameterRule] {
    /// The keys of Gemma 1 and 2, in their order.
    static let gemma: [HyperparameterRule] = [
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

extension [TensorRule] {
    /// The tensors of Gemma's decoders.
    ///
    /// - Parameter norms: The norms of a block: both names and the length.
    static func gemma(norms: [(source: String, name: String, length: Dimension)]) -> [TensorRule] {
        let layer = "model.layers.{bid}."
        let block = "blk.{bid}."
        var rules: [TensorRule] = [
            .init("model.embed_tokens.weight", "token_embd.weight", [.vocabulary, .hidden]),
            .init("model.norm.weight", "output_norm.weight", [.hidden], transform: .plusOne),
        ]
        for norm in norms {
            rules.append(
                .init(
                    "\(layer)\(norm.source).weight", "\(block)\(norm.name).weight", [norm.length],
                    transform: .plusOne))
        }
        for (source, name, shape) in [
            ("self_attn.q_proj", "attn_q", [Dimension.queryHeads, .hidden]),
            ("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden]),
            ("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
            ("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
        ] {
            rules += .projection(layer + source, block + name, shape, bias: .optional)
        }
        for (source, name, shape) in [
            ("mlp.gate_proj", "ffn_gate", [Dimension.feedForward, .hidden]),
            ("mlp.up_proj", "ffn_up", [.feedForward, .hidden]),
            ("mlp.down_proj", "ffn_down", [.hidden, .feedForward]),
        ] {
            rules += .projection(layer + source, block + name, shape, bias: nil)
        }
        return rules
    }
}

extension ModelConfiguration {
    /// Looks at the options that all of Gemma's generations have.
    func reviewGemma(
        architecture: String, activation key: String, seesAhead: Bool = false
    ) throws(ArchitectureError) {
        // Old files say `gelu` and mean its tanh form, as transformers notes.
        let names = ["gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu"]
        try requireActivation(
            ["hidden_activation", key], oneOf: names, architecture: architecture)
        try require("use_bidirectional_attention", seesAhead, architecture: architecture)
    }

    /// Checks the scale of attention scores, for which GGUF has no key: readers take it from the
    /// size of a head, and from the width shared out among the heads in the model with
    /// `largest` layers.
    func requireGemmaAttentionScale(
        architecture: String, largest: Int
    ) throws(ArchitectureError) {
        let expected =
            try numHiddenLayers() == largest ? hiddenSize() / numAttentionHeads() : headDim()
        guard let (key, value) = first(of: ["query_pre_attn_scalar"]),
            value.double != Double(expected)
        else { return }
        throw fault(
            .notExpressible(
                found: value.double.map { "\($0)" } ?? value.kindName, expected: "\(expected)",
                architecture: architecture), key)
    }
}

extension DecoderFamily {
    /// Gemma 1: embeddings scaled by the root of their length, a gated GELU network. (The converter
    /// adds the 1 to the weights of norms.)
    static let gemma = DecoderFamily(architectures: ["gemma"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.activation = .geluTanh
        var decoder = try model.decoder(style)
        decoder.embeddingScale = Float(decoder.embeddingLength).squareRoot()
        return decoder
    }
}
