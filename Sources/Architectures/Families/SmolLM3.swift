import TensorCore

extension ModelFamily {
    /// SmolLM 3: Llama's shape, without positions in every fourth layer.
    public static let smolLM3 = ModelFamily(
        name: "SmolLM3",
        architecture: "smollm3",
        classes: ["SmolLM3ForCausalLM"],
        // transformers: SmolLM3Config
        defaults: [
            .integer("vocab_size", 128256), .integer("hidden_size", 2048),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 36),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 4),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 2_000_000), .boolean("tie_word_embeddings", true),
        ],
        keys: .common + .llama,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .gatedNetwork(bias: .optional)),
        ],
        rotary: .llama3,
        checks: [
            .activation(.silu),
            .departing { configuration throws(ArchitectureError) in
                // Which layers do without positions is not in the file.
                let count = try configuration.numHiddenLayers()
                let rotated = configuration["no_rope_layers"]?.array?.prefix(count).map(\.integer)
                let interval = try configuration.integer("no_rope_layer_interval") ?? 4
                let isEveryFourth =
                    rotated.map { layers in
                        layers.indices.allSatisfy { layers[$0] == ($0 % 4 == 3 ? 0 : 1) }
                    } ?? (interval == 4)
                guard !isEveryFourth else { return }
                throw configuration.inexpressible(
                    rotated == nil ? "no_rope_layer_interval" : "no_rope_layers",
                    found: "another pattern", expected: "no positions in every fourth layer")
            }, .lostSlidingWindow,
        ],
        tokenizer: .llama,
        export: .init(
            modelType: "smollm3",
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_gate.bias", "mlp_bias"),
            ]),
        // Llama whose every fourth block knows no positions.
        decoder: .blocks(.init(pairing: .interleaved)) { _, index, block in
            if (index + 1) % 4 == 0 { block.attention.rotary = nil }
        })
}
