import TensorCore

extension ModelFamily {
    /// Chameleon: Llama's shape with a layer norm for every query and key head; pictures are tokens,
    /// and what makes them is no part of a file.
    public static let chameleon = ModelFamily(
        name: "Chameleon",
        architecture: "chameleon",
        classes: ["ChameleonForConditionalGeneration", "ChameleonForCausalLM"],
        // transformers: ChameleonConfig
        defaults: [
            .integer("vocab_size", 65536), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 4096), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .boolean("swin_norm", false),
        ],
        keys: .common + [.flag("swin_norm", "swin_norm")],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .attention(biases: .optional, rotaryPairs: true), .gatedNetwork(),
                norm("q_norm", .headCount), norm("k_norm", .keyValueHeadCount)),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .without("mlp_bias"), .headsShareWidth],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let isSwin = try model.flag("swin_norm", standard: false)
            return try model.decoder(.init(pairing: .interleaved)) {
                index, block throws(DecoderDescriptionError) in
                func norm(_ name: String) -> BlockDescription.Norm {
                    .init(
                        .layer, epsilon: 1e-5, weight: "blk.\(index).\(name).weight",
                        bias: model.present("blk.\(index).\(name).bias"))
                }
                block.attention.normScope = .eachHead
                block.attention.queryNorm = norm("attn_q_norm")
                block.attention.keyNorm = norm("attn_k_norm")
                guard isSwin else { return }
                (block.postAttentionNorm, block.attentionNorm) = (block.attentionNorm, nil)
                (block.postFeedForwardNorm, block.feedForwardNorm) = (block.feedForwardNorm, nil)
            }
        })

    /// A norm of every head, whose elements follow those of the rotation.
    private static func norm(_ source: String, _ heads: Dimension) -> TensorModules {
        .init(
            ["weight", "bias"].flatMap { suffix in
                TensorModules.tensor(
                    "self_attn.\(source).\(suffix)", "attn_\(source).\(suffix)", [heads, .head],
                    view: .reshaped([heads, 2, .head / 2]).permuted([0, 2, 1])
                ).rules
            })
    }
}
