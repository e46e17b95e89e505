#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension ModelFamily {
    /// Tencent's Hunyuan, dense: norms on every query and key head after rotation, and a rotary
    /// base that grows with the context.
    public static let hunyuanDense = ModelFamily(
        name: "HunyuanDense",
        architecture: "hunyuan-dense",
        classes: ["HunYuanDenseV1ForCausalLM"],
        // transformers: HunYuanDenseV1Config
        defaults: [
            .integer("vocab_size", 290943), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .integer("eod_token_id", 3),
        ],
        keys: .common + [.hunyuanScaling(alpha: 50)],
        tensors: [.ends(outputPresence: .unlessTied), .blocks(.hunyuanAttention, .gatedNetwork())],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu)],
        tokenizer: .init(keys: { configuration in
            var keys: [MetadataEntry] = []
            if let end = configuration["eod_token_id"]?.integer.flatMap({ UInt32(exactly: $0) }) {
                keys.append(.init("tokenizer.ggml.eos_token_id", .uint32(end)))
            }
            if configuration.endTokens.count > 1 {
                keys.append(
                    .init("tokenizer.ggml.eot_token_id", .uint32(configuration.endTokens[0])))
            }
            return keys
        }),
        export: .init(
            modelType: "hunyuan_v1_dense", presence: [("blk.0.attn_q.bias", "attention_bias")],
            endTokens: { source in
                guard let turn = source.tokenizer("eot_token_id")?.integer,
                    let end = source.tokenizer("eos_token_id")?.integer
                else { return [] }
                return [turn, end]
            },
            computed: { source in
                let end = source.tokenizer("eos_token_id")?.json ?? .null
                return [("eod_token_id", end)] + hunyuanScaling(source)
            }),
        // Norms of every head after it has turned. (The converter works the scaling of the
        // rotation into its base.)
        decoder: .blocks(.init(pairing: .halves, headNorms: .head)) { _, _, block in
            block.attention.normAfterRotation = true
        })

    /// The scaling by α that gives the file's base, where it was made by one.
    static func hunyuanScaling(
        _ source: ConfigurationExport.Source
    ) -> [ConfigurationExport.Entry] {
        guard source.value("rope.scaling.factor") != nil,
            source.value("rope.scaling.type")?.text == "none",
            case .float32(let base)? = source.value("rope.freq_base"), base > 10000,
            let length = source.headLength, length > 2
        else { return [] }
        let exponent = Double(length) / Double(length - 2)
        let exact = pow(Double(base) / 10000, 1 / exponent)
        let isRound = Float(10000 * pow(exact.rounded(), exponent)) == base
        return [
            ("rope_theta", .real(10000)),
            (
                "rope_scaling",
                .object([
                    .init(key: "type", value: .text("dynamic")),
                    .init(key: "alpha", value: .real(isRound ? exact.rounded() : exact)),
                    .init(key: "factor", value: .real(1)),
                ])
            ),
        ]
    }

}

extension MetadataRule {
    /// The keys of the scaling by α, with which Hunyuan reaches 256k positions: the base becomes
    /// `base · α^(d / (d − 2))`.
    ///
    /// - Parameter standard: α where the configuration does not say.
    static func hunyuanScaling(alpha standard: Double) -> Self {
        .entries { configuration throws(ArchitectureError) in
            try configuration.hunyuanScaling(alpha: standard)
        }
    }
}

extension ModelConfiguration {
    fileprivate func hunyuanScaling(
        alpha standard: Double
    ) throws(ArchitectureError) -> [MetadataEntry] {
        let rotary = try RotaryParameters(self)
        guard rotary.type == "dynamic" else { return [] }
        let base = rotary.theta ?? 10000
        let context = try required("max_position_embeddings")
        guard base == 10000, [1 << 15, 1 << 18].contains(context) else {
            throw rotary.invalid(
                "rope_type", found: "dynamic with a base of \(base) and \(context) positions",
                expected: "a base of 10000 and 32768 or 262144 positions, as Hunyuan has them")
        }
        let alpha = try rotary.number("alpha") ?? standard
        let size = Double(try headDim())
        let scaled = base * pow(alpha, size / (size - 2))
        return [
            .init("{arch}.rope.freq_base", .float32(Float(scaled))),
            .init("{arch}.rope.scaling.type", .string("none")),
            .init("{arch}.rope.scaling.factor", .float32(1)),
            .init("{arch}.rope.scaling.original_context_length", .uint32(1 << 18)),
            .init("{arch}.context_length", .uint32(1 << 18)),
        ]
    }
}

extension TensorModules {
    /// A layer of Hunyuan but its network.
    static let hunyuanAttention: Self = [
        .preNorms(), .headNorms("self_attn.query_layernorm", "self_attn.key_layernorm"),
        .attention(biases: .optional, outputBias: .optional),
    ]
}
