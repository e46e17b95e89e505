import TensorCore

extension ModelFamily {
    /// Cohere's Command R and Aya: one layer norm without bias for attention and feed-forward
    /// network, which run side by side; the embeddings serve as output.
    public static let cohere = ModelFamily(
        name: "Cohere",
        architecture: "command-r",
        classes: ["CohereForCausalLM"],
        // transformers: CohereConfig
        defaults: cohereDefaults + [
            .real("rope_theta", 500_000),
            // What it was trained with; max_position_embeddings is what it was published with.
            .replacement("max_position_embeddings", by: "model_max_length"),
        ],
        keys: .common + [.number("logit_scale", "logit_scale"), .noRotaryScaling],
        tensors: [
            .cohereEnds,
            .blocks(
                .cohereLayer(biases: .optional),
                // Every head has weights of its own.
                .init("self_attn.q_norm", "attn_q_norm", [.headCount, .head], presence: .optional),
                .init(
                    "self_attn.k_norm", "attn_k_norm", [.keyValueHeadCount, .head],
                    presence: .optional)),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(.silu)],
        export: .init(
            modelType: "cohere",
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"),
                ("blk.0.attn_q_norm.weight", "use_qk_norm"),
            ]),
        decoder: .cohere(turnsInWindowsOnly: false))

    /// What both generations' configuration classes assume.
    static let cohereDefaults: [ConfigurationDefault] = [
        .integer("vocab_size", 256_000), .integer("hidden_size", 8192),
        .integer("intermediate_size", 22528), .integer("num_hidden_layers", 40),
        .integer("num_attention_heads", 64),
        .same("num_key_value_heads", as: "num_attention_heads"),
        .integer("max_position_embeddings", 8192), .real("layer_norm_eps", 1e-5),
        .real("logit_scale", 0.0625), .boolean("tie_word_embeddings", true),
    ]

}

extension DecoderRule {
    /// Attention and network side by side behind one layer norm without bias, and scaled logits.
    ///
    /// The large models normalise every head with weights of its own; Command R7B has sliding
    /// windows (SWA) in three blocks of four, and only those turn.
    static func cohere(turnsInWindowsOnly: Bool) -> Self {
        .custom { model throws(DecoderDescriptionError) in
            let style = DecoderStyle(
                pairing: .interleaved, norm: .layer, headNorms: .eachHead, headNormsMayMiss: true,
                arrangement: .parallel, windowPeriod: 4)
            var decoder = try model.decoder(style) { _, block in
                if turnsInWindowsOnly, block.attention.window == nil {
                    block.attention.rotary = nil
                }
            }
            decoder.logitScale = try model.number("logit_scale") ?? 1
            return decoder
        }
    }
}

extension TensorModules {
    /// Embeddings and last norm; GGUF has no output matrix beside the embeddings.
    static let cohereEnds: Self = [
        .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
        .norm("model.norm", "output_norm"), .copyOfEmbeddings("lm_head.weight"),
    ]

    /// What the layers of both generations have.
    static func cohereLayer(biases: TensorRule.Presence? = nil) -> Self {
        [
            .norm("input_layernorm", "attn_norm"),
            .attention(biases: biases, outputBias: biases), .gatedNetwork(),
        ]
    }
}
