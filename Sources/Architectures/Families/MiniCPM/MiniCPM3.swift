import TensorCore

extension ModelFamily {
    /// MiniCPM 3: multi-head latent attention (MLA) with MiniCPM's factors, which readers of the
    /// architecture take for granted.
    public static let miniCPM3 = ModelFamily(
        name: "MiniCPM3",
        architecture: "minicpm3",
        classes: ["MiniCPM3ForCausalLM"],
        // transformers: MiniCPM3Config
        defaults: [
            .integer("vocab_size", 73448), .integer("hidden_size", 2560),
            .integer("intermediate_size", 6400), .integer("num_hidden_layers", 62),
            .integer("num_attention_heads", 40),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .integer("q_lora_rank", 768),
            .integer("kv_lora_rank", 256), .integer("qk_nope_head_dim", 64),
            .integer("qk_rope_head_dim", 32),
            .quotient("v_head_dim", "hidden_size", by: "num_attention_heads"),
            .boolean("tie_word_embeddings", true),
            // What turns is all that the rotary part is about.
            .replacement("head_dim", by: "qk_rope_head_dim"),
        ],
        keys: [
            .fileType, .count("context_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"), .blockCount,
            .count("feed_forward_length", "intermediate_size"),
            .count("attention.head_count", "num_attention_heads"),
            .count("attention.head_count_kv", "num_key_value_heads"),
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            .count("vocab_size", "vocab_size"),
            .count("attention.q_lora_rank", "q_lora_rank"),
            .count("attention.kv_lora_rank", "kv_lora_rank"),
            .size("attention.key_length", .key("qk_nope_head_dim") + .key("qk_rope_head_dim")),
            .count("rope.dimension_count", "qk_rope_head_dim"), .unusualRotaryBase,
            .longRopeMagnitude,
        ],
        tensors: .latentDecoderTogether([.gatedNetwork()]),
        rotary: .longRope(.key("qk_rope_head_dim")),
        checks: [
            .activation(.silu), .without("attention_bias"), .number("scale_emb", 12),
            .number("scale_depth", 1.4), .number("dim_model_base", 256),
            .refusing { configuration throws(ArchitectureError) in
                let share = try configuration.hiddenSize() / configuration.numAttentionHeads()
                let found = try configuration.required("v_head_dim")
                guard found != share else { return }
                throw configuration.inexpressible(
                    "v_head_dim", found: "\(found)",
                    expected: "\(share), the hidden size shared out among the heads")
            },
        ],
        export: .init(
            modelType: "minicpm3",
            words: [
                "attention.key_length": nil, "rope.dimension_count": "qk_rope_head_dim",
            ],
            constants: [
                ("scale_emb", .integer(12)), ("scale_depth", .real(1.4)),
                ("dim_model_base", .integer(256)),
            ],
            computed: { source in
                guard let length = source.integer("attention.key_length"),
                    let rotary = source.integer("rope.dimension_count"), length >= rotary
                else { return [] }
                return [("qk_nope_head_dim", .integer(length - rotary))]
            }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let residualScale = 1.4 / Float(try model.blockCount()).squareRoot()
            var decoder = try model.latentDecoder(.init(pairing: .halves))
            for index in decoder.blocks.indices {
                decoder.blocks[index].residualScale = residualScale
            }
            decoder.embeddingScale = 12
            decoder.logitScale = 256 / Float(decoder.embeddingLength)
            return decoder
        })
}
