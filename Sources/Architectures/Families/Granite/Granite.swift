import TensorCore

extension ModelFamily {
    /// Granite 3: Llama's shape with factors on embeddings, scores, residuals and logits.
    public static let granite = ModelFamily(
        name: "Granite",
        architecture: "granite",
        classes: [
            "GraniteForCausalLM",
            // The language models of models that also take sound.
            "GraniteSpeechForConditionalGeneration", "GraniteSpeechPlusForConditionalGeneration",
        ],
        // transformers: GraniteConfig
        defaults: graniteDefaults,
        keys: .granite,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .gatedNetwork(bias: .optional)),
        ],
        checkpoint: .init(foreignPrefixes: ["encoder.", "projector."]),
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .headsShareWidth],
        tokenizer: .llama,
        export: .init(
            modelType: "granite",
            words: [
                "attention.scale": "attention_multiplier",
                "embedding_scale": "embedding_multiplier",
                "residual_scale": "residual_multiplier", "logit_scale": "logits_scaling",
            ],
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_gate.bias", "mlp_bias"),
            ],
            // Granite 4 has keys of a state space even in files without one.
            fits: { $0.value("ssm.conv_kernel") == nil }),
        decoder: .granite())

    /// What the configuration classes assume, with experts or without.
    static let graniteDefaults: [ConfigurationDefault] = [
        .integer("vocab_size", 32000), .integer("hidden_size", 4096),
        .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
        .integer("num_attention_heads", 32),
        .same("num_key_value_heads", as: "num_attention_heads"),
        .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
        .real("rope_theta", 10000), .real("attention_multiplier", 1),
        .real("embedding_multiplier", 1), .real("residual_multiplier", 1),
        .real("logits_scaling", 1),
    ]
}

extension [MetadataRule] {
    /// The keys of all Granite models.
    static let granite: [MetadataRule] =
        .commonWithoutHeadLength + [.fileType] + .llama + [
            .factor("attention.scale", "attention_multiplier"),
            .factor("embedding_scale", "embedding_multiplier"),
            .factor("residual_scale", "residual_multiplier"),
            .factor("logit_scale", "logits_scaling"),
        ]
}

extension MetadataRule {
    /// `{arch}.<key>` as FLOAT32, when the configuration key is there and not zero.
    static func factor(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let value = try configuration.number([name]), value != 0 else { return [] }
            return [.init("{arch}.\(key)", .float32(Float(value)))]
        }
    }
}

extension DecoderRule {
    /// All Granite models: Llama with scaled embeddings, residuals and logits.
    ///
    /// - Parameter recurrence: What blocks without key heads have; `nil` where all have attention.
    static func granite(recurrence: RecurrenceStyle? = nil) -> Self {
        .custom { model throws(DecoderDescriptionError) in
            // The key tells in files of Granite whether positions are told at all.
            let turns = try model.flag("rope.scaling.finetuned", standard: true)
            let residualScale = try model.number("residual_scale") ?? 1
            let style = DecoderStyle(
                pairing: turns ? .interleaved : nil, recurrence: recurrence,
                experts: .init(
                    scoring: .softmaxOfChosen, normalisesWeights: false, shared: .stated,
                    mayMiss: true))
            var decoder = try model.decoder(style) { _, block in
                block.residualScale = residualScale
            }
            decoder.embeddingScale = try model.number("embedding_scale") ?? 1
            decoder.logitScale = 1 / (try model.positiveNumber("logit_scale") ?? 1)
            return decoder
        }
    }
}
