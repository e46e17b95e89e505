import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension ModelFamily {
    /// Apertus: norms of every head, and a network without a gate whose activation, xIELU, has
    /// learned numbers in every layer.
    public static let apertus = ModelFamily(
        name: "Apertus",
        architecture: "apertus",
        classes: ["ApertusForCausalLM"],
        // transformers: ApertusConfig
        defaults: [
            .integer("vocab_size", 131072), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 65536), .real("rms_norm_eps", 1e-5),
            .computed("rope_parameters") { configuration in
                // A `rope_theta` alone does not count.
                let isGiven = ["rope_parameters", "rope_scaling"].contains {
                    configuration[$0] != nil
                }
                return isGiven ? nil : usualRotation
            },
            .real("rope_theta", 12_000_000),
        ],
        keys: .common + .llama,
        tensors: [
            .ends(),
            .blocks(
                .norm("attention_layernorm", "attn_norm"),
                .norm("feedforward_layernorm", "ffn_norm"), .headNorms(),
                .attention(biases: .optional, outputBias: .optional),
                .plainNetwork("mlp.up_proj", "mlp.down_proj")),
        ],
        checkpoint: .init(layerScalars: [
            .init(activation + "alpha_n", "xielu.alpha_n", shape: [1]),
            .init(activation + "alpha_p", "xielu.alpha_p", shape: [1]),
            .init(activation + "beta", "xielu.beta", shape: []),
            .init(activation + "eps", "xielu.eps", shape: []),
        ]),
        rotary: .llama3,
        checks: [.refused(.activation(["xielu"]))],
        tokenizer: .llama,
        export: .init(
            modelType: "apertus", constants: [("hidden_act", .text("xielu"))],
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            computed: { source in
                guard !source.hasTensor("rope_freqs.weight"),
                    source.value("rope.scaling.type") == nil,
                    let theta = source.value("rope.freq_base")?.json
                else { return [] }
                // A base alone would get the usual scaling.
                return [
                    (
                        "rope_parameters",
                        .object([
                            .init(key: "rope_type", value: .text("default")),
                            .init(key: "rope_theta", value: theta),
                        ])
                    )
                ]
            }),
        // Norms of every head, and an activation whose shape each block has learned.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let blockCount = try model.blockCount()
            let alphaP = try model.numbers("xielu.alpha_p", blockCount: blockCount)
            let alphaN = try model.numbers("xielu.alpha_n", blockCount: blockCount)
            let beta = try model.numbers("xielu.beta", blockCount: blockCount)
            let limit = try model.numbers("xielu.eps", blockCount: blockCount)
            return try model.decoder(.init(pairing: .halves, headNorms: .head, network: .plain)) {
                index, block in
                guard case .dense(var network) = block.feedForward else { return }
                network.activation = .xIELU(
                    quadratic: softplus(alphaP[index]),
                    exponential: beta[index] + softplus(alphaN[index]),
                    linear: beta[index], limit: limit[index])
                block.feedForward = .dense(network)
            }
        })

    private static let activation = "model.layers.{bid}.mlp.act_fn."

    /// The rotation of a configuration that says nothing about it.
    private static let usualRotation = JSON.object([
        .init(key: "rope_type", value: .text("llama3")),
        .init(key: "rope_theta", value: .real(12_000_000)),
        .init(key: "factor", value: .real(8)),
        .init(key: "original_max_position_embeddings", value: .integer(8192)),
        .init(key: "low_freq_factor", value: .real(1)),
        .init(key: "high_freq_factor", value: .real(4)),
    ])

}

/// The logarithm of `1 + e^x`.
private func softplus(_ x: Float) -> Float { max(x, 0) + log1p(exp(-abs(x))) }
