import TensorCore

extension ModelFamily {
    /// ModernBERT: an encoder with rotary positions, norms in front, gated networks whose two
    /// matrices are one, and windows in all layers but every third.
    public static let modernBert = ModelFamily(
        name: "ModernBert",
        architecture: "modern-bert",
        classes: [
            "ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification",
        ],
        // transformers: ModernBertConfig
        defaults: [
            .integer("vocab_size", 50368), .integer("hidden_size", 768),
            .integer("intermediate_size", 1152), .integer("num_hidden_layers", 22),
            .integer("num_attention_heads", 12), .integer("max_position_embeddings", 8192),
            .real("norm_eps", 1e-5),
            // Readers take layer norms' ε; the published files have both keys.
            .same("layer_norm_eps", as: "norm_eps"), .integer("local_attention", 128),
            .real("rope_theta", 160_000), .real("rope_local_base_freq", 10000),
            .replacement("rope_theta", by: "global_rope_theta"),
            .replacement("rope_local_base_freq", by: "local_rope_theta"),
            .text("hidden_activation", "gelu"), .text("classifier_pooling", "cls"), .labelCount,
        ],
        keys: .common + .encoder + [
            .count("attention.sliding_window", "local_attention"),
            .count("attention.sliding_window_pattern", "global_attn_every_n_layers"),
            .constant("rope.scaling.type", .string("none")),
            .count("vocab_size", "vocab_size"),
            .entries { configuration in
                configuration["hidden_activation"]?.bytes.map {
                    [.init("{arch}.hidden_activation", .string($0))]
                } ?? []
            },
        ],
        tensors: [
            .init("embeddings.tok_embeddings", "token_embd", [.vocabulary, .hidden]),
            .norm("embeddings.norm", "token_embd_norm"), .norm("final_norm", "output_norm"),
            .init("head.dense", "cls", [.hidden, .hidden], presence: .optional),
            .norm("head.norm", "cls.norm", presence: .optional),
            .classifier("classifier", "cls.output"),
            .blocks(
                of: "layers.{bid}.",
                .init("attn.Wqkv", "attn_qkv", [3 * .hidden, .hidden]),
                .init("attn.Wo", "attn_output", [.hidden, .hidden]),
                .norm("mlp_norm", "ffn_norm"),
                .init("mlp.Wi", "ffn_up", [2 * .feedForward, .hidden]),
                .init("mlp.Wo", "ffn_down", [.hidden, .feedForward])),
            // The first layer takes the embeddings, which have their norm already.
            .blocks(
                of: "layers.{bid}.", where: .init { _, block in block > 0 },
                .norm("attn_norm", "attn_norm")),
            // The head of language models is the embeddings with a bias.
            .ignoring("decoder.weight", "decoder.bias"),
        ],
        rotary: .unscaled,
        checks: [
            .activation(["gelu", "silu"], at: "hidden_activation"),
            .without("attention_bias", "mlp_bias", "norm_bias"),
            .departing { configuration throws(ArchitectureError) in
                let period = try configuration.integer("global_attn_every_n_layers") ?? 3
                guard period > 0 else {
                    throw configuration.fault(
                        .invalidValue(found: "\(period)", expected: "a positive integer"),
                        "global_attn_every_n_layers")
                }
                try configuration.requireLayerTypes("windows but in every \(period)th layer") {
                    $0 % period != 0
                }
            },
        ],
        tokenizer: .init(leadingKeys: [
            .entries { _ in
                ["bos", "eos", "sep"].map { .init("tokenizer.ggml.add_\($0)_token", .bool(true)) }
            }
        ]),
        export: .init(
            modelType: "modernbert",
            words: [
                "attention.layer_norm_epsilon": "norm_eps",
                "attention.sliding_window": "local_attention",
                "attention.sliding_window_pattern": "global_attn_every_n_layers",
                "rope.freq_base": "global_rope_theta", "rope.freq_base_swa": "local_rope_theta",
                "hidden_activation": "hidden_activation",
            ],
            otherClass: { source in
                if source.hasTensor("cls.output.weight") {
                    return ("ModernBertForSequenceClassification", "modernbert")
                }
                return source.hasTensor("cls.weight")
                    ? ("ModernBertForMaskedLM", "modernbert") : nil
            },
            computed: { classLabels($0) + classifierPooling($0) }),
        // The first layer takes the normalised embeddings as they are.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let localBase = try model.positiveNumber("rope.freq_base_swa")
            let activation = try model.text("hidden_activation")
            let norm = BlockDescription.Norm.Kind.layer
            var encoder = try model.encoder(
                .init(
                    pairing: .halves, norm: norm, hasPreNorms: false, network: .stacked,
                    activation: activation == "silu" ? .silu : .gelu, windowPeriod: 3,
                    fullBlockIsFirst: true)
            ) { index, block throws(DecoderDescriptionError) in
                if index > 0 {
                    block.attentionNorm = try model.norm(norm, "blk.\(index).attn_norm")
                }
                block.feedForwardNorm = try model.norm(norm, "blk.\(index).ffn_norm")
                guard block.attention.window != nil, let localBase else { return }
                block.attention.rotary?.base = Double(localBase)
            }
            let headNorm = try model.present("cls.norm.weight").map {
                _ throws(DecoderDescriptionError) in try model.norm(norm, "cls.norm")
            }
            encoder.classifier = try model.classifier(activation: .gelu, norm: headNorm)
            return encoder
        })
}
