import Architectures
import Conversion
import GGUF
import TensorCore
import TestSupport
import Testing

/// What the newest families' files have and their checkpoints do without.
@Suite struct NewestFamilyTests {
    private static let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")

    /// The values of a tensor of the file that a model becomes.
    private func values(_ name: String, of model: SyntheticModel) throws -> [Float] {
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: NewestFamilyTests.options)
            let place = try #require(source.tensors.firstIndex { $0.name == name })
            return try model.floats(ofTensor: place, of: source, step: 3)
        }
    }

    /// Muse Glimmer's norms of heads are the factor of its queries, and ones.
    @Test func normsAreFilled() throws {
        let model = try FamilyExportTests.model(
            "MuseGlimmer", ["head_dim": 4, "qk_scale_factor": 2.5])
        #expect(
            try values("blk.1.attn_q_norm.weight", of: model) == [Float](repeating: 2.5, count: 4))
        #expect(
            try values("blk.0.attn_k_norm.weight", of: model) == [Float](repeating: 1, count: 4))
    }

    /// Sarvam's experts are chosen with numbers that have a mean of 0.
    @Test func choicesAreCentred() throws {
        let model = try FamilyExportTests.model(
            "Sarvam",
            ["first_k_dense_replace": 0, "moe_intermediate_size": 8, "num_shared_experts": 1])
        let found = try values("blk.0.exp_probs_b.bias", of: model)
        #expect(found.count > 1)
        #expect(found.reduce(0, +) == 0)
        #expect(zip(found, found.dropFirst()).allSatisfy { $1 - $0 == 1 })
    }

    /// Gemma 3n has rows of zeros for tokens that have no embeddings for layers.
    @Test func tablesArePadded() throws {
        let model = try FamilyExportTests.model(
            "Gemma3n",
            [
                "head_dim": 4, "hidden_size_per_layer_input": 2, "laurel_rank": 2,
                "vocab_size_per_layer_input": 500, "num_kv_shared_layers": 0,
            ])
        let table = try #require(
            model.tensors.first { $0.name == "model.embed_tokens_per_layer.weight" })
        let found = try values("per_layer_token_embd.weight", of: model)
        let count = table.shape[0] * table.shape[1]
        #expect(found.count == 512 * table.shape[1])
        #expect(found[count - 1] == model.value(table.name, count - 1))
        #expect(found[count...].allSatisfy { $0 == 0 })
    }

    /// Talkie turns the other way round: the second half of every head changes its sign.
    @Test func secondHalvesChangeTheirSign() throws {
        var tensors: [(name: String, shape: [Int])] = [
            ("lm_head.weight", [512, 8]), ("lm_head_gain.w_g", [1]),
            ("model.embed.weight", [512, 8]),
        ]
        for (name, shape) in [
            ("attn.attn_query.weight", [8, 8]), ("attn.attn_key.weight", [8, 8]),
            ("attn.attn_value.weight", [8, 8]), ("attn.attn_resid.weight", [8, 8]),
            ("attn.head_gain.head_g", [2]), ("attn_gain.a_g", [1]), ("mlp_gain.a_g", [1]),
            ("embed_skip.a_g", [1]), ("mlp.mlp_gate.weight", [12, 8]),
            ("mlp.mlp_linear.weight", [12, 8]), ("mlp.mlp_resid.weight", [8, 12]),
        ] {
            tensors.append(("model.blocks.0." + name, shape))
        }
        let model = SyntheticModel(
            config: [
                "architectures": ["TalkieForCausalLM"], "vocab_size": 512, "hidden_size": 8,
                "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
                "head_dim": 4, "max_position_embeddings": 64,
            ], tensors: tensors)
        let found = try values("blk.0.attn_q.weight", of: model)
        for row in 0..<8 {
            let sign: Float = row % 4 < 2 ? 1 : -1
            let stored = model.value("model.blocks.0.attn.attn_query.weight", row * 8)
            #expect(found[row * 8] == sign * stored)
        }
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: NewestFamilyTests.options)
            #expect(
                source.metadata["talkie.logit_scale"]
                    == .float32(model.value("lm_head_gain.w_g", 0)))
        }
    }
}
