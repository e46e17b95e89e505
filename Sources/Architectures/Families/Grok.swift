#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension ModelFamily {
    /// xAI's Grok 1, under the names of its port to transformers, and Grok 2, which has a network
    /// beside its experts.
    public static let grok = ModelFamily(
        name: "Grok",
        architecture: "grok",
        classes: ["Grok1ForCausalLM", "GrokForCausalLM"],
        // the port's own Grok1Config
        defaults: [
            .integer("vocab_size", 131072), .integer("hidden_size", 6144),
            .integer("intermediate_size", 32768), .integer("num_hidden_layers", 64),
            .integer("num_attention_heads", 48), .integer("num_key_value_heads", 8),
            .integer("max_position_embeddings", 8192), .real("rms_norm_eps", 1e-5),
            .same("num_local_experts", as: "num_experts"), .integer("num_local_experts", 8),
            .integer("num_experts_per_tok", 2), .real("rope_theta", 10000),
            .real("embedding_multiplier_scale", 78.38367176906169),
            .real("output_multiplier_scale", 0.5773502691896257),
        ],
        keys: .common + .grok,
        tensors: [
            .ends(),
            .blocks(
                .norm("pre_attn_norm", "attn_norm"), .norm("post_attn_norm", "attn_output_norm"),
                .norm("pre_moe_norm", "ffn_norm"), .attention()),
            // Readers know the last norm by both names.
            .blocks(
                .norm("rms_norm_3", "layer_output_norm", presence: .optional),
                .norm("post_moe_norm", "post_ffw_norm", presence: .optional),
                .gatedNetwork(presence: .optional)),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(.numbered, width: .key("moe_intermediate_size", or: .feedForward))),
        ],
        checkpoint: .init(spellings: grok1Names),
        rotary: .unscaled,
        checks: [
            .activation(["gelu", "gelu_new", "gelu_pytorch_tanh"]), .headsShareWidth,
            .refused(.text("rope_type", "yarn", "original")),
        ],
        decoder: .grok)

    /// How the port of Grok 1 calls things.
    private static let grok1Names: [Spelling] = [
        .init("transformer.in_out_embed.", means: "model.embed_tokens."),
        .init("transformer.rms_norm.", means: "model.norm."),
        .init("transformer.decoder_layer.", means: "model.layers."),
        .init(".multi_head_attention.query.", means: ".self_attn.q_proj."),
        .init(".multi_head_attention.key.", means: ".self_attn.k_proj."),
        .init(".multi_head_attention.value.", means: ".self_attn.v_proj."),
        .init(".multi_head_attention.linear.", means: ".self_attn.o_proj."),
        .init(".rms_norm.", means: ".pre_attn_norm."),
        .init(".rms_norm_1.", means: ".post_attn_norm."),
        .init(".rms_norm_2.", means: ".pre_moe_norm."),
        .init(".router.", means: ".block_sparse_moe.gate."),
        .init(".moe.", means: ".block_sparse_moe.experts."),
        .init(".linear.", means: ".w1."), .init(".linear_1.", means: ".w2."),
        .init(".linear_v.", means: ".w3."),
    ]
}

extension [MetadataRule] {
    /// Limits, factors, and YaRN's numbers, which stand at the top of Grok's configuration.
    fileprivate static let grok: Self = [
        .entries { configuration throws(ArchitectureError) in
            try ["attn", "router"].map { name throws(ArchitectureError) in
                let cap = try configuration.number(["\(name)_logit_softcapping"]) ?? 30
                return .init("{arch}.\(name)_logit_softcapping", .float32(Float(cap)))
            }
        },
        .entries { configuration throws(ArchitectureError) in
            let key = "final_logit_softcapping"
            guard let cap = try configuration.number([key]), cap != 0 else { return [] }
            return [.init("{arch}.\(key)", .float32(Float(cap)))]
        },
        .count("expert_feed_forward_length", "moe_intermediate_size"),
        .entries { configuration throws(ArchitectureError) in
            guard configuration["rope_type"] != nil else { return [] }
            let prefix = "{arch}.rope.scaling."
            let context = try configuration.required("original_max_position_embeddings")
            var entries: [MetadataEntry] = [.init(prefix + "type", .string("yarn"))]
            for (name, key) in [
                ("factor", "scaling_factor"), ("yarn_ext_factor", "extrapolation_factor"),
                ("yarn_attn_factor", "attn_factor"), ("yarn_beta_fast", "beta_fast"),
                ("yarn_beta_slow", "beta_slow"),
            ] {
                guard let value = try configuration.number([key]) else {
                    throw configuration.fault(.missingKey, key)
                }
                entries.append(.init(prefix + name, .float32(Float(value))))
                guard name == "factor" else { continue }
                entries.append(
                    .init(
                        prefix + "original_context_length",
                        try configuration.uint32(context, "original_max_position_embeddings")))
            }
            return entries
        },
        .entries { configuration throws(ArchitectureError) in
            guard let length = try configuration.integer("attn_temperature_len"), length != 0
            else { return [] }
            return [
                .init(
                    "{arch}.attention.temperature_length",
                    try configuration.uint32(length, "attn_temperature_len"))
            ]
        },
        .entries { configuration throws(ArchitectureError) in
            let head = try configuration.headDim()
            let scale =
                try configuration.number(["attn_output_multiplier"])
                ?? 1 / Double(head).squareRoot()
            return [.init("{arch}.attention.output_scale", .float32(Float(scale)))]
        },
        .number("embedding_scale", "embedding_multiplier_scale"),
        .number("logit_scale", "output_multiplier_scale"),
    ]
}

extension DecoderRule {
    /// Norms before and after each part; experts and a network beside them whose sum is halved in
    /// power.
    fileprivate static let grok = custom { model throws(DecoderDescriptionError) in
        let scale = try model.number("attention.output_scale")
        let cap = try model.positiveNumber("attn_logit_softcapping") ?? 30
        var decoder = try model.decoder(
            .init(
                pairing: .halves, activation: .geluTanh,
                experts: .init(
                    scoring: .softmax, normalisesWeights: true, activation: .geluTanh))
        ) { index, block throws(DecoderDescriptionError) in
            let name = "blk.\(index)"
            block.attention.softCap = cap
            block.attention.scale = scale ?? 0.08838834764831845
            // Readers go by the factor, whatever yarn_attn_factor says.
            if let factor = block.attention.rotary?.yarn?.factor, factor > 1 {
                block.attention.rotary?.magnitude = Float(0.1 * log(factor) + 1)
            }
            block.postAttentionNorm = try model.norm(.rootMeanSquare, "\(name).attn_output_norm")
            let isOld = model.present("\(name).layer_output_norm.weight") != nil
            block.postFeedForwardNorm = try model.norm(
                .rootMeanSquare, "\(name).\(isOld ? "layer_output_norm" : "post_ffw_norm")")
            guard case .experts(var experts) = block.feedForward,
                model.present("\(name).ffn_up.weight") != nil
            else { return }
            let (width, hidden) = (
                block.attention.output.outputs, try model.count("feed_forward_length")
            )
            experts.shared = .init(
                activation: .geluTanh, isGated: true,
                input: ["gate", "up"].map {
                    model.projection("\(name).ffn_\($0)", outputs: hidden, inputs: width)
                },
                output: model.projection("\(name).ffn_down", outputs: width, inputs: hidden))
            experts.sumScale = Float(0.5).squareRoot()
            block.feedForward = .experts(experts)
        }
        decoder.embeddingScale = try model.number("embedding_scale") ?? 78.38367176906169
        decoder.logitScale = try model.positiveNumber("logit_scale") ?? 0.5773502691896257
        decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping")
        return decoder
    }
}
