import TensorCore

extension ModelFamily {
    /// Liquid's LFM2: layers of short convolutions between layers of attention.
    public static let lfm2 = ModelFamily(
        name: "Lfm2",
        architecture: "lfm2",
        classes: ["Lfm2ForCausalLM", "LFM2ForCausalLM"],
        // transformers: Lfm2Config
        defaults: [
            .integer("vocab_size", 65536), .integer("hidden_size", 2560),
            .integer("intermediate_size", 12288), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .integer("max_position_embeddings", 128_000), .real("norm_eps", 1e-5),
            .real("rope_theta", 1_000_000), .integer("conv_L_cache", 3),
            .boolean("tie_word_embeddings", true),
            .integer("block_multiple_of", 256), .real("block_ffn_dim_multiplier", 1),
            .boolean("block_auto_adjust_ff_dim", true), .boolean("conv_bias", false),
            .replacement("intermediate_size", by: "block_ff_dim"),
            .computed("intermediate_size") { $0.lfm2Width() },
            .computed("layer_types") { $0.lfm2LayerTypes() },
        ],
        keys: .common + [
            .keyValueHeads(where: .lfm2Attention),
            .count("vocab_size", "vocab_size"),
            .count("shortconv.l_cache", "conv_L_cache"),
        ],
        tensors: [.lfm2Mixers, .blocks(.lfm2Network)],
        checks: [.without("conv_bias")],
        export: .init(
            modelType: "lfm2",
            words: [
                "attention.head_count_kv": nil, "attention.layer_norm_rms_epsilon": "norm_eps",
                "shortconv.l_cache": "conv_L_cache",
            ],
            // The width is the network's, not two thirds of it.
            constants: [("block_auto_adjust_ff_dim", .bool(false)), ("conv_bias", .bool(false))],
            computed: { $0.attentionLayers("full_attention", others: "conv") }),
        decoder: .lfm2)

}

extension TensorRule.Condition {
    /// The layers with attention, which `layer_types` names.
    static let lfm2Attention = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.hasLfm2Attention(block)
    }
}

extension ModelConfiguration {
    fileprivate func hasLfm2Attention(_ block: Int) throws(ArchitectureError) -> Bool {
        let types = self["layer_types"]?.array ?? []
        guard types.indices.contains(block), let type = types[block].text,
            type == "conv" || type == "full_attention"
        else {
            throw fault(
                .invalidValue(
                    found: "no known type of layer \(block)", expected: "conv or full_attention"),
                "layer_types")
        }
        return type == "full_attention"
    }

    /// The width that the network has: two thirds of what is asked for, rounded up.
    fileprivate func lfm2Width() -> JSON? {
        guard self["block_auto_adjust_ff_dim"]?.boolean == true,
            let asked = self["intermediate_size"]?.integer, (0..<(1 << 40)).contains(asked),
            let multiple = self["block_multiple_of"]?.integer, (1..<(1 << 32)).contains(multiple)
        else { return nil }
        var width = 2 * asked / 3
        if let factor = self["block_ffn_dim_multiplier"]?.double, (0...1024).contains(factor) {
            width = Int(factor * Double(width))
        }
        return .integer((width + multiple - 1) / multiple * multiple)
    }

    /// The layers' kinds as older files have them: the numbers of those with attention.
    fileprivate func lfm2LayerTypes() -> JSON? {
        guard self["layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        let full = self["full_attn_idxs"]?.array?.compactMap(\.integer) ?? Array(0..<count)
        return .array(
            (0..<count).map { .string(full.contains($0) ? "full_attention" : "conv") })
    }
}

extension DecoderRule {
    /// LFM2, with experts or without: blocks without key heads are gated convolutions; the last norm
    /// bears the name of one of embeddings.
    static let lfm2 = custom { model throws(DecoderDescriptionError) in
        var decoder = try model.decoder(
            .init(
                pairing: .halves, headNorms: .head, recurrence: .shortConvolution,
                experts: .init(scoring: .sigmoid, normalisesWeights: true, mayMiss: true)))
        decoder.outputNorm = try model.norm(.rootMeanSquare, "token_embd_norm")
        // Embedding models see both sides everywhere.
        guard try model.flag("attention.causal", standard: true) == false else { return decoder }
        for index in decoder.blocks.indices {
            guard case .recurrence(var recurrence) = decoder.blocks[index].mixer,
                case .shortConvolution(var convolution) = recurrence.kind
            else { continue }
            convolution.isCentred = true
            recurrence.kind = .shortConvolution(convolution)
            decoder.blocks[index].mixer = .recurrence(recurrence)
        }
        return decoder
    }
}

extension TensorModules {
    /// All but the networks, with experts or without.
    static let lfm2Mixers: Self = [
        .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
        .norm("model.embedding_norm", "token_embd_norm"),
        .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
        .blocks(.norm("operator_norm", "attn_norm"), .norm("ffn_norm", "ffn_norm")),
        .blocks(
            where: .lfm2Attention, .attention(output: "self_attn.out_proj"),
            .headNorms("self_attn.q_layernorm", "self_attn.k_layernorm")),
        .blocks(
            where: !.lfm2Attention,
            .init("conv.in_proj", "shortconv.in_proj", [3 * .hidden, .hidden]),
            .init("conv.out_proj", "shortconv.out_proj", [.hidden, .hidden]),
            .tensor(
                "conv.conv.weight", "shortconv.conv.weight", [.hidden, .key("conv_L_cache")],
                from: [.hidden, 1, .key("conv_L_cache")])),
    ]

    /// The network of a layer without experts.
    static let lfm2Network: Self = [
        .init("feed_forward.w1", "ffn_gate", [.feedForward, .hidden]),
        .init("feed_forward.w3", "ffn_up", [.feedForward, .hidden]),
        .init("feed_forward.w2", "ffn_down", [.hidden, .feedForward]),
    ]
}
