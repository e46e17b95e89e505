import TensorCore

extension ModelFamily {
    /// T5, Flan-T5, mT5 and UMT5: an encoder and a decoder that looks at it, with positions told by
    /// learned biases of attention.
    public static let t5 = ModelFamily(
        name: "T5",
        architecture: "t5",
        classes: [
            "T5ForConditionalGeneration", "T5WithLMHeadModel", "MT5ForConditionalGeneration",
            "UMT5ForConditionalGeneration", "UMT5Model",
        ],
        defaults: t5Defaults + [
            .same("num_decoder_layers", as: "num_layers"),
            // Blocks are numbered on both sides; the longer side counts.
            .computed("num_hidden_layers") { configuration in
                let counts = ["num_layers", "num_decoder_layers"].compactMap {
                    configuration[$0]?.integer
                }
                return counts.max().map { .integer($0) }
            },
        ],
        keys: .t5(
            blocks: [
                .count("block_count", "num_layers"),
                .count("decoder_block_count", "num_decoder_layers"),
            ]) + [
                .count("decoder_start_token_id") { configuration throws(ArchitectureError) in
                    guard let id = try configuration.integer("decoder_start_token_id") else {
                        throw configuration.fault(.missingKey, "decoder_start_token_id")
                    }
                    return id
                }, .fileType,
            ],
        tensors: [
            .t5Encoder,
            .t5Attention("decoder", "SelfAttention", 0, "attn"),
            .t5Attention("decoder", "EncDecAttention", 1, "cross_attn"),
            .t5Network("decoder", 2), .norm("decoder.final_layer_norm", "dec.output_norm"),
            .t5Embeddings, .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
        ],
        checks: .t5,
        tokenizer: .init(model: "t5"),
        export: .t5(
            otherClass: {
                $0.hasBiasesInBlocks ? ("UMT5ForConditionalGeneration", "umt5") : nil
            }))

    // transformers: T5Config
    static let t5Defaults: [ConfigurationDefault] =
        .ofType(
            "mt5", "umt5",
            values: [
                "vocab_size": .integer(250_112), "d_ff": .integer(1024), "num_layers": .integer(8),
                "num_heads": .integer(6), "decoder_start_token_id": .integer(0),
            ]) + [
            .integer("vocab_size", 32128), .integer("d_model", 512), .integer("d_kv", 64),
            .integer("d_ff", 2048), .integer("num_layers", 6), .integer("num_heads", 8),
            .integer("relative_attention_num_buckets", 32), .real("layer_norm_epsilon", 1e-6),
            .integer("n_positions", 512), .boolean("tie_word_embeddings", true),
            .same("hidden_size", as: "d_model"), .same("head_dim", as: "d_kv"),
            .same("intermediate_size", as: "d_ff"), .same("num_attention_heads", as: "num_heads"),
        ]

}

extension TensorRule.Condition {
    /// Blocks that T5's encoder or decoder has.
    fileprivate static func isBlock(of side: String) -> Self {
        .init { configuration, block throws(ArchitectureError) in
            let key = side == "encoder" ? "num_layers" : "num_decoder_layers"
            return try block < configuration.required(key)
        }
    }

    /// Models whose networks have a gate.
    fileprivate static let isT5Gated = TensorRule.Condition { configuration, _ in
        configuration["feed_forward_proj"]?.text?.hasPrefix("gated-") ?? false
    }
}

extension [MetadataRule] {
    /// The keys of T5.
    static func t5(blocks: [MetadataRule]) -> Self {
        [
            .count("context_length", "n_positions"), .count("embedding_length", "d_model"),
            .count("feed_forward_length", "d_ff"),
        ] + blocks + [
            .count("attention.head_count", "num_heads"), .count("attention.key_length", "d_kv"),
            .count("attention.value_length", "d_kv"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            .count("attention.relative_buckets_count", "relative_attention_num_buckets"),
            .number("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
        ]
    }
}

extension ConfigurationExport {
    /// How files of T5 are exported.
    static func t5(
        otherClass: @escaping @Sendable (Source) -> (className: String, modelType: String)? = { _ in
            nil
        }
    ) -> Self {
        .init(
            modelType: "t5",
            words: [
                "context_length": "n_positions", "embedding_length": "d_model",
                "feed_forward_length": "d_ff", "block_count": "num_layers",
                "decoder_block_count": "num_decoder_layers", "attention.head_count": "num_heads",
                "attention.key_length": "d_kv", "attention.layer_norm_rms_epsilon": nil,
                "attention.layer_norm_epsilon": "layer_norm_epsilon",
                "attention.relative_buckets_count": "relative_attention_num_buckets",
                "decoder_start_token_id": "decoder_start_token_id",
            ],
            tokenizerClass: "T5Tokenizer", tokenizerFile: "spiece.model", otherClass: otherClass,
            computed: { source in
                let isGated = source.hasTensor("enc.blk.0.ffn_gate.weight")
                let hasOutput = source.hasTensor("output.weight")
                return [
                    // Of T5 it also says that logits are scaled, as the first models' are, whose
                    // networks have no gates.
                    (
                        "tie_word_embeddings",
                        .bool(!hasOutput && (!isGated || source.hasBiasesInBlocks))
                    ),
                    ("feed_forward_proj", .text(isGated ? "gated-gelu" : "relu")),
                    ("is_encoder_decoder", .bool(source.hasTensor("dec.output_norm.weight"))),
                ]
            })
    }
}

extension ConfigurationExport.Source {
    /// Whether blocks have biases of their own (UMT5).
    fileprivate var hasBiasesInBlocks: Bool { hasTensor("enc.blk.1.attn_rel_b.weight") }
}

extension [ConfigurationCheck] {
    /// What GGUF's T5 takes for granted.
    static let t5: Self = [
        // Readers tell the two by the gate.
        .departing { configuration throws(ArchitectureError) in
            guard let found = configuration["feed_forward_proj"]?.text else { return }
            let expected = found.hasPrefix("gated-") ? "gated-gelu" : "relu"
            guard found != expected else { return }
            throw configuration.inexpressible(
                "feed_forward_proj", found: "\"\(found)\"", expected: "\"\(expected)\"")
        },
        // So is the longest distance that the biases tell apart.
        .number("relative_attention_max_distance", 128),
    ]
}

extension TensorModules {
    /// The embeddings, which both sides share.
    static let t5Embeddings: Self = [
        .init("shared", "token_embd", [.vocabulary, .hidden]),
        .copyOfEmbeddings("encoder.embed_tokens.weight"),
        .copyOfEmbeddings("decoder.embed_tokens.weight"),
    ]

    /// The encoder without them.
    static let t5Encoder: Self = [
        .t5Attention("encoder", "SelfAttention", 0, "attn"), .t5Network("encoder", 1),
        .norm("encoder.final_layer_norm", "enc.output_norm"),
    ]

    /// Attention, its norm and, in the first block or in all, the biases of positions.
    fileprivate static func t5Attention(
        _ side: String, _ module: String, _ layer: Int, _ name: String
    ) -> Self {
        .blocks(
            of: "\(side).block.{bid}.layer.\(layer).", as: "\(side.prefix(3)).blk.{bid}.",
            where: .isBlock(of: side),
            .init("\(module).q", "\(name)_q", [.queryHeads, .hidden]),
            .init("\(module).k", "\(name)_k", [.queryHeads, .hidden]),
            .init("\(module).v", "\(name)_v", [.queryHeads, .hidden]),
            .init("\(module).o", "\(name)_o", [.hidden, .queryHeads]),
            .init(
                "\(module).relative_attention_bias", "\(name)_rel_b",
                [.key("relative_attention_num_buckets"), .headCount], presence: .optional),
            .norm("layer_norm", "\(name)_norm"))
    }

    /// A feed-forward network with a gate or without one, and its norm.
    fileprivate static func t5Network(_ side: String, _ layer: Int) -> Self {
        .blocks(
            of: "\(side).block.{bid}.layer.\(layer).", as: "\(side.prefix(3)).blk.{bid}.",
            where: .isBlock(of: side),
            .init("DenseReluDense.wo", "ffn_down", [.hidden, .feedForward]),
            .norm("layer_norm", "ffn_norm"),
            .only(
                where: .isT5Gated,
                .init("DenseReluDense.wi_0", "ffn_gate", [.feedForward, .hidden]),
                .init("DenseReluDense.wi_1", "ffn_up", [.feedForward, .hidden])),
            .only(
                where: !.isT5Gated,
                .init("DenseReluDense.wi", "ffn_up", [.feedForward, .hidden])))
    }
}
