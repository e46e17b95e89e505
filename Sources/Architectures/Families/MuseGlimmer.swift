import TensorCore

extension ModelFamily {
    /// Muse Glimmer's language model: normalised embeddings, norms on both sides of each part, gated
    /// attention whose layers with a window turn and whose others tell no positions.
    public static let museGlimmer = ModelFamily(
        name: "MuseGlimmer", architecture: "muse-glimmer",
        classes: ["MuseGlimmerForConditionalGeneration"],
        // transformers: MuseGlimmerTextConfig
        defaults: [
            .integer("vocab_size", 202048), .integer("hidden_size", 6656),
            .integer("intermediate_size", 19968), .integer("num_hidden_layers", 52),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 2),
            .integer("head_dim", 128), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 10000),
            .integer("sliding_window", 2048), .real("final_logit_softcapping", 20),
            .real("qk_scale_factor", 3.87), .real("output_multiplier", 0.19611613513818404),
            .computed("layer_types") { configuration in
                guard configuration["layer_types"] == nil,
                    let count = configuration["num_hidden_layers"]?.integer,
                    (1...ModelConfiguration.layerLimit).contains(count)
                else { return nil }
                return .array(
                    (1...count).map {
                        .text($0 % 4 == 0 ? "full_attention" : "sliding_attention")
                    })
            },
        ],
        keys: .common + [
            .number("final_logit_softcapping", "final_logit_softcapping"),
            .number("logit_scale", "output_multiplier"),
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
        ],
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm", transform: .plusOne),
                .norm("post_attention_layernorm", "post_attention_norm", transform: .plusOne),
                .norm("pre_feedforward_layernorm", "ffn_norm", transform: .plusOne),
                .norm("post_feedforward_layernorm", "post_ffw_norm", transform: .plusOne),
                .museAttention, .gatedNetwork()),
        ],
        checks: [
            .activation(.silu, at: "hidden_activation"), .without("attention_bias"),
            .number("post_norm_eps", 1e-8), .museRotation,
        ],
        tokenizer: .init(replacements: [.init("eot", "<|eot|>")]),
        decoder: .custom { model throws(DecoderDescriptionError) in
            var decoder = try model.decoder(
                .init(
                    pairing: .interleaved, headNorms: .head, hasPostNorms: true, windowPeriod: 4)
            ) { index, block in
                let attention = block.attention
                block.attention.gate = model.projection(
                    "blk.\(index).attn_gate", outputs: attention.output.inputs,
                    inputs: attention.output.outputs)
                block.postAttentionNorm?.epsilon = 1e-8
                block.postFeedForwardNorm?.epsilon = 1e-8
                if attention.window == nil { block.attention.rotary = nil }
            }
            decoder.embeddingNorm = .init(
                .rootMeanSquare, epsilon: try model.epsilon(of: .rootMeanSquare), weight: nil)
            decoder.logitScale = try model.positiveNumber("logit_scale") ?? 1
            decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping")
            return decoder
        })
}

extension TensorModules {
    /// Queries and keys for the rotation of neighbours, with norms that have the scale of queries as
    /// their weights; the model has norms without any.
    fileprivate static let museAttention: Self = [
        .tensors(
            [.init("self_attn.q_proj.weight", [.queryHeads, .hidden])],
            into: [
                .init("attn_q_norm.weight", [.head], values: .filled(.init("qk_scale_factor"))),
                .init("attn_k_norm.weight", [.head], values: .filled(.init(constant: 1))),
                .init(
                    "attn_q.weight", [.queryHeads, .hidden],
                    .rotaryPairs(heads: .headCount, of: [.queryHeads, .hidden])),
            ]),
        .init(
            "self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden],
            transform: .rotaryPairs(.keyValue)),
        .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
        .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
        .init("self_attn.gate_proj", "attn_gate", [.queryHeads, .hidden]),
    ]
}

extension ConfigurationCheck {
    /// One base in layers with a window, no rotation in the others.
    fileprivate static let museRotation = refusing { configuration throws(ArchitectureError) in
        let slides = try configuration.slidingLayers() ?? []
        let usual = try RotaryParameters(configuration).theta ?? 10000
        for (layer, base) in (configuration["layer_rope_theta"]?.array ?? []).enumerated()
        where slides.indices.contains(layer) {
            let expected = slides[layer] ? usual : 0
            guard base.double != expected else { continue }
            throw configuration.inexpressible(
                "layer_rope_theta", found: "\(base.double ?? 0) in layer \(layer)",
                expected: "\(expected)")
        }
    }
}
