import TensorCore

extension ModelFamily {
    /// Nanbeige 4.2: Llama whose layers are run several times over, with the last norm between or
    /// without.
    public static let nanbeige = ModelFamily(
        name: "Nanbeige",
        architecture: "nanbeige",
        classes: ["NanbeigeForCausalLM"],
        // the model's own NanbeigeConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("num_loops", 1),
            .boolean("skip_loop_final_norm", false),
        ],
        keys: .common + .llama + [
            .count("num_loops") { configuration throws(ArchitectureError) in
                max(1, try configuration.integer("num_loops") ?? 1)
            },
            .flag("skip_loop_final_norm", "skip_loop_final_norm"),
        ],
        tensors: [
            .ends(),
            .blocks(.preNorms(), .attention(rotaryPairs: true), .gatedNetwork()),
        ],
        rotary: .llama3,
        checks: [.activation(.silu)],
        tokenizer: .llama,
        decoder: .custom { model throws(DecoderDescriptionError) in
            let loops = try model.optionalCount("num_loops") ?? 1
            let isNormed = try !model.flag("skip_loop_final_norm", standard: false)
            var decoder = try model.decoder(.init(pairing: .interleaved))
            let once = decoder.blocks
            guard loops <= DecoderMetadata.mostBlocks / once.count else {
                throw model.invalid(
                    "num_loops",
                    expected: "at most \(DecoderMetadata.mostBlocks) blocks with all repetitions")
            }
            for _ in 1..<max(2, loops) where loops > 1 {
                if isNormed {
                    decoder.blocks[decoder.blocks.count - 1].feedForwardSumNorm = decoder.outputNorm
                }
                decoder.blocks += once
            }
            return decoder
        })
}
