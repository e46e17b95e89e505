import Architectures
import Conversion
import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

@Suite("Families of projectors")
struct ProjectorFamilyTests {
    /// The metadata and the values of a model's projector file in F32.
    private func convert(
        _ model: SyntheticModel, preprocessor: String = #"{"image_mean": [0], "image_std": [1]}"#
    ) throws -> (metadata: Metadata, values: [String: [Float]]) {
        try model.with { folder in
            try OutputFile.write(
                Array(preprocessor.utf8), to: folder + "/preprocessor_config.json")
            let source = try ProjectorSource(directory: folder, options: .init(outputType: .f32))
            var values: [String: [Float]] = [:]
            for (number, tensor) in source.tensors.enumerated() {
                var floats = [Float](repeating: 0, count: tensor.shape.elementCount)
                try floats.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    try source.readRows(
                        0..<tensor.shape.rowCount, ofTensor: number, into: base,
                        scratch: ScratchBuffer())
                }
                values[tensor.name] = floats
            }
            return (source.metadata, values)
        }
    }

    private func problem(_ model: SyntheticModel) throws -> String {
        do {
            _ = try convert(model)
            return "accepted"
        } catch let error as any IngotError { return error.description }
    }

    @Test("Muse Glimmer: the two frames of a patch are added")
    func frames() throws {
        let patch = "model.vision_tower.patch_embedder.patch_embedding.weight"
        let model = SyntheticModel(
            config: [
                "architectures": ["MuseGlimmerForConditionalGeneration"],
                "text_config": ["hidden_size": 8],
                "vision_config": [
                    "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 0,
                    "num_attention_heads": 2, "patch_size": 2, "pos_emb_height": 3,
                ],
            ], tensors: [(patch, [4, 24])])
        let (metadata, values) = try convert(model)
        #expect(metadata["clip.vision.image_size"] == .uint32(12))
        let sums = (0..<4).flatMap { row in
            (0..<12).map {
                model.value(patch, row * 24 + $0) + model.value(patch, row * 24 + 12 + $0)
            }
        }
        #expect(values["v.patch_embd.weight"] == sums)
        var other = model
        other.tensors[0].shape = [4, 36]
        #expect(try problem(other).contains("shape [4, 36] found"))
    }

    /// Granite Speech's conformer, of which only what is tested is there.
    private static var granite: SyntheticModel {
        let norm = "encoder.layers.0.conv.batch_norm."
        return SyntheticModel(
            config: [
                "architectures": ["GraniteSpeechForConditionalGeneration"],
                "text_config": ["hidden_size": 8], "window_size": 3, "downsample_rate": 1,
                "projector_config": ["num_attention_heads": 2],
                "encoder_config": [
                    "hidden_dim": 4, "feedforward_mult": 2, "num_heads": 2, "num_layers": 1,
                    "input_dim": 3, "context_size": 4, "conv_kernel_size": 3, "max_pos_emb": 4,
                ],
            ],
            tensors: [
                ("encoder.layers.0.attn.to_kv.weight", [4, 4]), (norm + "weight", [2]),
                (norm + "running_var", [2]), (norm + "running_mean", [2]), (norm + "bias", [2]),
                ("encoder.layers.0.conv.depth_conv.conv.weight", [4, 1, 3]),
            ])
    }

    @Test("Granite Speech: norms over batches become a factor and an addend")
    func batchNorms() throws {
        let model = Self.granite
        let (metadata, values) = try convert(model)
        #expect(metadata["clip.audio.feed_forward_length"] == .uint32(8))
        let parts = ["weight", "running_var", "running_mean", "bias"].map { part in
            (0..<2).map { model.value("encoder.layers.0.conv.batch_norm." + part, $0) }
        }
        let factors = (0..<2).map { parts[0][$0] / (parts[1][$0] + 1e-5).squareRoot() }
        #expect(values["a.blk.0.conv_norm_var.weight"] == factors)
        let addends = (0..<2).map { parts[3][$0] - parts[2][$0] * factors[$0] }
        #expect(values["a.blk.0.conv_norm_var.bias"] == addends)
        let keyValue = "encoder.layers.0.attn.to_kv.weight"
        #expect(values["a.blk.0.attn_v.weight"] == (8..<16).map { model.value(keyValue, $0) })
        #expect(values["a.blk.0.conv_dw.weight"]?.count == 12)
    }

    @Test("Granite Speech: a norm that lacks a part is refused")
    func batchNormRefusals() throws {
        var model = Self.granite
        model.tensors.remove(at: 3)
        #expect(
            try problem(model).contains("tensors are missing: a.blk.0.conv_norm_var.running_mean"))
        model = Self.granite
        model.tensors[3].shape = [3]
        #expect(try problem(model).contains("shape [3] found"))
    }

    @Test("dots3-note: experts are stacked where the pyramid has some")
    func experts() throws {
        let tensors: [(String, [Int])] = [1, 0].map {
            ("vision_encoder.blocks.1.mlp.experts.\($0).fc1.weight", [2, 4])
        }
        let model = SyntheticModel(
            config: [
                "architectures": ["Dots3NoteForCausalLM"], "hidden_size": 8,
                "vision_config": [
                    "embed_dim": 4, "intermediate_size": 2, "num_hidden_layers": 2,
                    "num_attention_heads": 2, "patch_size": 2, "spatial_merge_size": 2,
                    "pyramid_num_routed": [-1, 2], "capacity_factor": 1,
                    "adapter_type": "patch_merger", "pre_pixel_shuffle": true,
                    "use_qk_norm": true,
                ],
                "audio_config": [
                    "use_conv2d_stem": true, "use_rope": true, "use_rms_norm": true,
                    "chunk_seconds": 60,
                    "rope_parameters": ["partial_rotary_factor": 0.5, "rope_theta": 10000],
                    "whisper_config": [
                        "activation_function": "swiglu", "d_model": 4, "encoder_ffn_dim": 8,
                        "encoder_attention_heads": 2, "encoder_layers": 0, "num_mel_bins": 3,
                    ],
                ],
            ], tensors: tensors)
        let (metadata, values) = try convert(model)
        #expect(metadata["clip.vision.expert_count_per_layer"] == .int32s([0, 2]))
        let expected = [0, 1].flatMap { expert in
            (0..<8).map {
                model.value("vision_encoder.blocks.1.mlp.experts.\(expert).fc1.weight", $0)
            }
        }
        #expect(values["v.blk.1.ffn_gate_exps.weight"] == expected)
        var fewer = model
        fewer.tensors.removeLast()
        #expect(try problem(fewer).contains("v.blk.1.ffn_gate_exps.weight"))
        var causal = model
        var sound = try #require(causal.config["audio_config"] as? [String: Any])
        sound["use_causal"] = true
        causal.config["audio_config"] = sound
        #expect(try problem(causal).contains("use_causal"))
    }

    @Test("Phi 4: the last layer is left out, sizes are told by tensors and preprocessing")
    func lastLayer() throws {
        let tower = "model.vision_tower.vision_tower.vision_model."
        let model = SyntheticModel(
            config: [
                "architectures": ["Phi4ForCausalLMV"], "hidden_size": 8,
                "vision_config": [
                    "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 2,
                    "num_attention_heads": 2, "patch_size": 7,
                ],
            ],
            tensors: [
                (tower + "embeddings.patch_embedding.weight", [4, 12]),
                (tower + "embeddings.position_embedding.weight", [9, 4]),
                (tower + "encoder.layers.0.layer_norm1.weight", [4]),
                (tower + "encoder.layers.1.layer_norm1.weight", [4]),
                ("model.mm_projector.2.weight", [8, 8]),
            ])
        let (metadata, values) = try convert(
            model,
            preprocessor: """
                {"image_mean": [0], "image_std": [1], "patch_size": 2, "min_num_patches": 4,
                 "max_num_patches": 9}
                """)
        #expect(metadata["clip.vision.block_count"] == .uint32(1))
        #expect(metadata["clip.vision.image_size"] == .uint32(6))
        #expect(metadata["clip.vision.patch_size"] == .uint32(2))
        #expect(metadata["clip.vision.image_max_pixels"] == .uint32(36))
        #expect(Set(values.keys).isDisjoint(with: ["v.blk.1.ln1.weight"]))
        // Pixels of three colours become three planes.
        let patch = tower + "embeddings.patch_embedding.weight"
        let planes = (0..<3).flatMap { color in (0..<4).map { model.value(patch, $0 * 3 + color) } }
        #expect(values["v.patch_embd.weight"].map { Array($0.prefix(12)) } == planes)
    }
}
