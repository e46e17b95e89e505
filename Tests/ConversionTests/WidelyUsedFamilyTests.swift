import Architectures
import Conversion
import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// Where rules put the values of matrices whose heads are parted, and layers of several sizes.
@Suite struct WidelyUsedFamilyTests {
    private static let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")

    /// The values of a tensor of the file that a model becomes.
    private func values(_ name: String, of model: SyntheticModel) throws -> [Float] {
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: WidelyUsedFamilyTests.options)
            let place = try #require(source.tensors.firstIndex { $0.name == name })
            return try model.floats(ofTensor: place, of: source, step: 7)
        }
    }

    private func model(_ name: String, _ more: [String: any Sendable]) throws -> SyntheticModel {
        try FamilyExportTests.model(name, more)
    }

    /// Rows of a source in the order in which the file has them.
    private func rows(
        _ order: [Int], of source: String, width: Int, in model: SyntheticModel
    ) -> [Float] {
        order.flatMap { row in (0..<width).map { model.value(source, row * width + $0) } }
    }

    /// InternLM 2 has groups of two queries, a key and a value; four elements a head become pairs.
    @Test func groupsArePartedAndPaired() throws {
        let model = try model("InternLM2", ["head_dim": 4])
        let source = "model.layers.1.attention.wqkv.weight"
        func pairs(_ head: Int) -> [Int] { [0, 2, 1, 3].map { head * 4 + $0 } }
        #expect(
            try values("blk.1.attn_q.weight", of: model)
                == rows([0, 1, 4, 5].flatMap(pairs), of: source, width: 16, in: model))
        #expect(
            try values("blk.1.attn_k.weight", of: model)
                == rows([2, 6].flatMap(pairs), of: source, width: 16, in: model))
        #expect(
            try values("blk.1.attn_v.weight", of: model)
                == rows(
                    [3, 7].flatMap { head in (0..<4).map { head * 4 + $0 } }, of: source, width: 16,
                    in: model))
    }

    /// Bamba turns a part of each head, and only its rows become pairs.
    @Test func onlyThePartThatTurnsIsPaired() throws {
        let model = try model(
            "Bamba",
            [
                "hidden_size": 32, "head_dim": 8, "attn_rotary_emb": 4, "attn_layer_indices": [0],
                "mamba_n_heads": 4, "mamba_d_state": 3,
            ])
        let order = (0..<4).flatMap { head in
            [0, 2, 1, 3, 4, 5, 6, 7].map { head * 8 + $0 }
        }
        #expect(
            try values("blk.0.attn_q.weight", of: model)
                == rows(
                    order, of: "model.layers.0.self_attn.q_proj.weight", width: 32, in: model))
    }

    /// GLM-4.1V's pairs become halves, the rest of a head stays.
    @Test func pairsBecomeHalvesWhereTheRotationHasSections() throws {
        var model = try model(
            "Glm4V",
            [
                "hidden_size": 32, "head_dim": 8,
                "rope_parameters": [
                    "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 0],
                    "partial_rotary_factor": 0.5,
                ] as [String: any Sendable],
            ])
        model.tensors.removeAll { $0.name.hasSuffix("_proj.bias") }
        let order = (0..<2).flatMap { head in
            [0, 2, 1, 3, 4, 5, 6, 7].map { head * 8 + $0 }
        }
        let source = try #require(
            model.tensors.first { $0.name.hasSuffix("layers.2.self_attn.k_proj.weight") })
        let found = try model.with { folder in
            // The tokens that GLM's files have.
            for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
                let path = "\(folder)/\(name)"
                guard FileManager.default.fileExists(atPath: path) else { continue }
                let text = try String(contentsOfFile: path, encoding: .utf8)
                    .replacing("<|begin_of_text|>", with: "<|endoftext|>")
                    .replacing("<|eot_id|>", with: "<|user|>")
                try FileManager.default.removeItem(atPath: path)
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            }
            let file = try ConversionSource(
                directory: folder, options: WidelyUsedFamilyTests.options)
            let place = try #require(
                file.tensors.firstIndex { $0.name == "blk.2.attn_k.weight" })
            return try model.floats(ofTensor: place, of: file, step: 7)
        }
        #expect(found == rows(order, of: source.name, width: 32, in: model))
    }

    /// OpenELM's layers have heads and widths of their own.
    @Test func layersHaveSizesOfTheirOwn() throws {
        let config: [String: any Sendable] = [
            "architectures": ["OpenELMForCausalLM"], "vocab_size": 512, "model_dim": 16,
            "head_dim": 4, "num_transformer_layers": 2, "num_query_heads": [2, 4],
            "num_kv_heads": [1, 2], "ffn_multipliers": [0.5, 2.0], "ffn_dim_divisor": 8,
        ]
        var tensors: [(name: String, shape: [Int])] = [
            ("transformer.token_embeddings.weight", [512, 16]), ("transformer.norm.weight", [16]),
        ]
        for (layer, sizes) in [(2, 1, 8), (4, 2, 32)].enumerated() {
            let name = "transformer.layers.\(layer)."
            tensors += [
                (name + "attn_norm.weight", [16]), (name + "ffn_norm.weight", [16]),
                (name + "attn.q_norm.weight", [4]), (name + "attn.k_norm.weight", [4]),
                (name + "attn.qkv_proj.weight", [(sizes.0 + 2 * sizes.1) * 4, 16]),
                (name + "attn.out_proj.weight", [16, sizes.0 * 4]),
                (name + "ffn.proj_1.weight", [2 * sizes.2, 16]),
                (name + "ffn.proj_2.weight", [16, sizes.2]),
            ]
        }
        let model = SyntheticModel(config: config, tensors: tensors)
        let source = "transformer.layers.1.ffn.proj_1.weight"
        #expect(
            try values("blk.1.ffn_up.weight", of: model)
                == rows(Array(32..<64), of: source, width: 16, in: model))
        try model.with { folder in
            let file = try ConversionSource(
                directory: folder, options: WidelyUsedFamilyTests.options)
            #expect(file.metadata["openelm.attention.head_count"] == .int32s([2, 4]))
            #expect(file.metadata["openelm.feed_forward_length"] == .int32s([8, 32]))
        }
        var wrong = model
        let place = try #require(wrong.tensors.firstIndex { $0.name == source })
        wrong.tensors[place].shape = [16, 16]
        let refusal = try wrong.refusal() as? ConversionError
        #expect(
            refusal?.kind
                == .shapeMismatch(found: try #require(Shape([16, 16])), expected: [64, 16]))
    }

    /// DBRX's router has the type of its other matrices, as the reference converter has it.
    @Test func routersOfDbrxAreRounded() throws {
        let more = try #require(FamilyExportTests.families.first { $0.name == "Dbrx" }).config
        try model("Dbrx", more).with { folder in
            let source = try ConversionSource(
                directory: folder, options: .init(outputType: .f16, pre: "llama-bpe"))
            let router = source.tensors.first { $0.name == "blk.0.ffn_gate_inp.weight" }
            #expect(router?.format == .F16)
            let norm = source.tensors.first { $0.name == "blk.0.attn_output_norm.weight" }
            #expect(norm?.format == .F32)
        }
    }
}
