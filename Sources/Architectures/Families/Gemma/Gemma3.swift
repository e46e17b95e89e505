import TensorCore

extension ModelFamily {
    /// Gemma 3, text-only or the language model of a multimodal checkpoint: Gemma 2 with norms of
    /// queries and keys, without capped logits, and windows in five of six layers, which have a
    /// rotary base of their own.
    public static let gemma3 = ModelFamily(
        name: "Gemma3",
        architecture: "gemma3",
        classes: ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"],
        // transformers: Gemma3TextConfig
        defaults: [
            .integer("vocab_size", 262_208), .integer("hidden_size", 2304),
            .integer("intermediate_size", 9216), .integer("num_hidden_layers", 26),
            .integer("num_attention_heads", 8), .integer("num_key_value_heads", 4),
            .integer("head_dim", 256), .integer("max_position_embeddings", 131_072),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 1_000_000),
            .real("rope_local_base_freq", 10000), .integer("query_pre_attn_scalar", 256),
            .integer("sliding_window", 4096), .boolean("tie_word_embeddings", true),
        ],
        keys: .common + [
            .entries { configuration throws(ArchitectureError) in
                guard let cap = try configuration.number(["final_logit_softcapping"]), cap != 0
                else { return [] }
                return [.init("{arch}.final_logit_softcapping", .float32(Float(cap)))]
            },
            .entries { configuration throws(ArchitectureError) in
                // Without a window all layers are alike, and the key is left out.
                guard configuration["sliding_window_pattern"]?.integer != 1,
                    try configuration.slidingLayers()?.contains(true) != false,
                    let window = try configuration.integer("sliding_window")
                else { return [] }
                return [
                    .init(
                        "{arch}.attention.sliding_window",
                        try configuration.uint32(window, "sliding_window"))
                ]
            },
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                var layers = try configuration.slidingLayers()
                if layers == nil, let period = try configuration.integer("sliding_window_pattern") {
                    layers = try configuration.slidingLayers(period: period)
                }
                // Every reader takes this one where there is no key.
                let usual = try configuration.slidingLayers(period: 6)
                return layers == usual || layers?.contains(true) == false ? nil : layers
            },
        ],
        tensors: [
            .gemma3, .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
        ],
        rotary: .yarnOrDynamic,
        checks: .gemma3(),
        tokenizer: .init(keys: { _ in [.init("tokenizer.ggml.add_space_prefix", .bool(false))] }),
        export: .init(
            modelType: "gemma3_text",
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            tokenizerClass: "GemmaTokenizer",
            computed: { [("query_pre_attn_scalar", .integer($0.gemmaScale(largest: 62)))] }),
        decoder: .gemma3())
}

extension DecoderRule {
    /// Norms before and after and of every head; five blocks of six have a sliding window and turn by
    /// a base of their own, unscaled.
    static func gemma3(seesAhead: Bool = false) -> Self {
        .custom { model throws(DecoderDescriptionError) in
            let isLargest = try model.blockCount() == 62
            let localBase = try model.positiveNumber("rope.freq_base_swa") ?? 10000
            var decoder = try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, hasPostNorms: true, seesAhead: seesAhead,
                    activation: .geluTanh, windowPeriod: 6, scalesEmbeddings: true)
            ) { _, block in
                // The 27B model alone divides by the width over the heads; its file does not say so.
                if isLargest {
                    block.attention.scale = model.scaleByWidth(heads: block.attention.headCount)
                }
                guard block.attention.window != nil else { return }
                block.attention.rotary?.removeScaling()
                block.attention.rotary?.base = Double(localBase)
            }
            decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping")
            return decoder
        }
    }
}

extension [ConfigurationCheck] {
    /// What GGUF's Gemma 3 takes for granted.
    static func gemma3(seesAhead: Bool = false) -> Self {
        .gemma(seesAhead: seesAhead) + [
            .gemmaAttentionScale(largest: 62),
            .refusing { configuration throws(ArchitectureError) in
                guard let cap = configuration["attn_logit_softcapping"]?.double else { return }
                throw configuration.inexpressible(
                    "attn_logit_softcapping", found: "\(cap)", expected: "no limit")
            },
        ]
    }
}

extension TensorModules {
    /// The tensors of Gemma 3 but for the output matrix.
    static let gemma3 = gemma([.gemmaNorms(.plusOne), .headNorms(transform: .plusOne)])
}
