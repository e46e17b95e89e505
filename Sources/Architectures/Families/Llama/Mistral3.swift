#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension ModelFamily {
    /// The language model of Mistral Small 3.1 and later, and Ministral 3, whose queries grow with
    /// the position beyond the context that it was trained with first.
    public static let mistral3 = ModelFamily(
        name: "Mistral3",
        architecture: "mistral3",
        classes: ["Ministral3ForCausalLM", "Mistral3ForConditionalGeneration"],
        // transformers: MistralConfig, Ministral3Config
        defaults: .ofType(
            "ministral3",
            values: [
                "num_hidden_layers": .integer(34), "head_dim": .integer(128),
                "max_position_embeddings": .integer(262_144), "rope_theta": .integer(1_000_000),
            ]) + [
                .integer("vocab_size", 131072), .integer("hidden_size", 4096),
                .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
                .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
                .same("num_key_value_heads", as: "num_attention_heads"),
                .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
                .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
                .real("rope_theta", 10000),
                .computed("tie_word_embeddings") { configuration in
                    configuration["tie_word_embeddings"]
                        ?? .bool(configuration["text_config"] != nil)
                },
            ],
        keys: .common + .llama + [
            .entries { configuration throws(ArchitectureError) in
                guard configuration["model_type"]?.text == "ministral3" else { return [] }
                let rotary = try RotaryParameters(configuration)
                guard rotary.type == "yarn" else {
                    throw rotary.invalid("rope_type", found: rotary.type, expected: "yarn")
                }
                var entries: [MetadataEntry] = []
                for (key, name) in [
                    ("rope.scaling.yarn_log_multiplier", "mscale_all_dim"),
                    ("attention.temperature_scale", "llama_4_scaling_beta"),
                ] {
                    guard let value = try rotary.number(name) else {
                        throw rotary.invalid(name, found: "nothing", expected: "a number")
                    }
                    entries.append(.init("{arch}.\(key)", .float32(Float(value))))
                }
                return entries
            }
        ],
        tensors: [.ends(), .blocks(.preNorms(), .attention(rotaryPairs: true), .gatedNetwork())],
        rotary: .llama3,
        checks: [
            .activation(.silu), .lostSlidingWindow,
            .noting { configuration throws(ArchitectureError) in
                guard configuration["model_type"]?.text == "ministral3",
                    let scale = try RotaryParameters(configuration).number("mscale"), scale != 1
                else { return [] }
                return [
                    "the rotary scaling's mscale, \(scale), is not carried over; readers of mistral3 "
                        + "take 1"
                ]
            },
        ],
        tokenizer: .llama,
        export: .init(
            modelType: "ministral3",
            // Of the others the file has the language model only.
            fits: { $0.value("attention.temperature_scale") != nil },
            computed: { source in
                var members: [JSON.Member] = [
                    .init(key: "rope_type", value: .text("yarn")),
                    .init(key: "type", value: .text("yarn")),
                    .init(key: "mscale", value: .real(1)),
                ]
                for (key, word) in [
                    ("rope.scaling.factor", "factor"),
                    (
                        "rope.scaling.original_context_length",
                        "original_max_position_embeddings"
                    ),
                    ("rope.scaling.yarn_ext_factor", "extrapolation_factor"),
                    ("rope.scaling.yarn_attn_factor", "attention_factor"),
                    ("rope.scaling.yarn_beta_fast", "beta_fast"),
                    ("rope.scaling.yarn_beta_slow", "beta_slow"),
                    ("rope.scaling.yarn_log_multiplier", "mscale_all_dim"),
                    ("attention.temperature_scale", "llama_4_scaling_beta"),
                    ("rope.freq_base", "rope_theta"),
                ] {
                    guard let value = source.value(key)?.json else { continue }
                    members.append(.init(key: ByteString(word), value: value))
                }
                return [("rope_scaling", .object(members))]
            }),
        // Llama, with a temperature where the file has one.
        decoder: .custom { model throws(DecoderDescriptionError) in
            var temperature: BlockDescription.Temperature?
            if let scale = try model.number("attention.temperature_scale"), scale != 0 {
                temperature = .init(
                    scale: scale,
                    length: try model.count(firstOf: ["rope.scaling.original_context_length"]),
                    offset: 0)
            }
            // YaRN's magnitude for queries and keys over that for their product.
            var divisor: Float = 1
            if let multiplier = try model.number("rope.scaling.yarn_log_multiplier"),
                let factor = try model.positiveNumber("rope.scaling.factor"), factor > 1
            {
                divisor = 1 + 0.1 * multiplier * log(factor)
            }
            return try model.decoder(DecoderStyle(pairing: .interleaved)) { _, block in
                block.attention.temperature = temperature
                block.attention.rotary?.magnitude /= divisor
            }

        })
}
