import TensorCore

extension ModelFamily {
    /// PLaMo 3: norms before, after and of each head, gate and up in one matrix, a sliding window in all
    /// but every so-many-th layer.
    public static let plamo3 = ModelFamily(
        name: "Plamo3",
        architecture: "plamo3",
        classes: ["Plamo3ForCausalLM", "PLaMo3ForCausalLM"],
        // the model's own Plamo3Config
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 13312), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 4),
            .integer("head_dim", 128), .integer("max_position_embeddings", 2048),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 1_000_000),
            .computed("rope_scaling") { $0.plamoScaling },
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"),
            .count("attention.sliding_window", "window_size", "sliding_window"),
            .entries { configuration throws(ArchitectureError) in
                guard try configuration.integer("window_size", "sliding_window") != nil else {
                    return []
                }
                let period = try configuration.required("sliding_window_pattern")
                return [
                    .init(
                        "{arch}.attention.sliding_window_pattern",
                        try configuration.uint32(period, "sliding_window_pattern"))
                ]
            },
        ],
        tensors: [
            .plamoEnds,
            .blocks(
                of: "model.layers.layers.{bid}.", .plamoBlock,
                .init(
                    "mixer.qkv_proj", "attn_qkv", [.queryHeads + 2 * .keyValueHeads, .hidden]),
                .init("mixer.o_proj", "attn_output", [.hidden, .queryHeads]),
                .headNorms("mixer.q_norm", "mixer.k_norm", transform: .plusOne)),
        ],
        rotary: .yarn,
        checks: [.activation(.silu), .without("attention_bias")],
        tokenizer: .init(model: "plamo2"),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let localBase = try model.positiveNumber("rope.freq_base_swa")
            return try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, network: .stacked, windowPeriod: 8)
            ) { index, block throws(DecoderDescriptionError) in
                try model.addPlamoNorms(to: &block, index)
                guard block.attention.window != nil, let localBase else { return }
                block.attention.rotary?.base = Double(localBase)
            }
        })
}

extension ModelConfiguration {
    /// The stretching of the rotation, which the configuration has as numbers of its own.
    fileprivate var plamoScaling: JSON? {
        guard let factor = self["rope_scaling_factor"]?.double, factor != 1,
            self["rope_scaling"] == nil, self["rope_parameters"]?["rope_type"] == nil,
            let context = self["initial_context_length"]
        else { return nil }
        return .object([
            .init(key: "rope_type", value: .string("yarn")),
            .init(key: "factor", value: .real(factor)),
            .init(key: "original_max_position_embeddings", value: context),
            .init(key: "beta_fast", value: .real(32)), .init(key: "beta_slow", value: .real(1)),
        ])
    }
}

extension TensorModules {
    /// Embeddings, the last norm and the output matrix of PLaMo 2 and 3.
    static let plamoEnds = ends(normTransform: .plusOne)

    /// What all layers of PLaMo 2 and 3 have: norms stored as the difference from numbers of their own,
    /// and a network.
    static let plamoBlock: Self = [
        .norm("pre_mixer_norm", "attn_norm", transform: .plusOne),
        .norm("pre_mlp_norm", "ffn_norm", transform: .plusOne),
        // The names without a suffix are the reference converter's and its readers'.
        .tensor(
            "post_mixer_norm.weight", "post_attention_norm", [.hidden], change: .plus(1.0 / 5)),
        .tensor(
            "post_mlp_norm.weight", "post_ffw_norm", [.hidden],
            change: .plus(Float(1 / (5 * 5.0.squareRoot())))),
        .stackedNetwork,
    ]
}

extension DecoderMetadata {
    /// The norms after both parts of a block, whose tensors have no suffix.
    func addPlamoNorms(
        to block: inout BlockDescription, _ index: Int
    ) throws(DecoderDescriptionError) {
        let epsilon = try epsilon(of: .rootMeanSquare)
        block.postAttentionNorm = .init(
            .rootMeanSquare, epsilon: epsilon, weight: "blk.\(index).post_attention_norm")
        block.postFeedForwardNorm = .init(
            .rootMeanSquare, epsilon: epsilon, weight: "blk.\(index).post_ffw_norm")
    }
}
