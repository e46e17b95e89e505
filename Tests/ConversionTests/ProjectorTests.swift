import Architectures
import Conversion
import Foundation
import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

@Suite("Projectors")
struct ProjectorTests {
    /// Qwen 2-VL's encoder of one layer, width 4.
    private static var qwen: SyntheticModel {
        SyntheticModel(
            config: [
                "architectures": ["Qwen2VLForConditionalGeneration"], "model_type": "qwen2_vl",
                "hidden_size": 8,
                "vision_config": [
                    "embed_dim": 4, "hidden_size": 8, "depth": 1, "num_heads": 2, "patch_size": 2,
                ],
            ],
            tensors: [
                ("model.embed_tokens.weight", [4, 8]),
                ("visual.patch_embed.proj.weight", [4, 3, 2, 2, 2]),
                ("visual.blocks.0.norm1.weight", [4]),
                ("visual.blocks.0.attn.qkv.weight", [12, 4]),
                ("visual.blocks.0.attn.qkv.bias", [12]),
                ("visual.merger.mlp.0.weight", [8, 16]),
            ])
    }

    /// Opens the model with a preprocessor's means.
    private func convert(
        _ model: SyntheticModel, type: OutputType = .f32
    ) throws -> (source: ProjectorSource, values: [String: [Float]]) {
        try model.with { folder in
            try OutputFile.write(
                Array(#"{"image_mean": [0.5, 0.25, 1], "image_std": [1, 1, 1]}"#.utf8),
                to: folder + "/preprocessor_config.json")
            let source = try ProjectorSource(directory: folder, options: .init(outputType: type))
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
            return (source, values)
        }
    }

    @Test("Queries, keys and values are cut, kernels over two frames are two tensors")
    func layouts() throws {
        let model = Self.qwen
        let (source, values) = try convert(model)
        let qkv = "visual.blocks.0.attn.qkv.weight"
        for (part, name) in ["q", "k", "v"].enumerated() {
            #expect(
                values["v.blk.0.attn_\(name).weight"]
                    == (part * 16..<part * 16 + 16).map { model.value(qkv, $0) })
        }
        let patch = "visual.patch_embed.proj.weight"
        for frame in 0..<2 {
            let places = (0..<12).flatMap { kernel in (0..<4).map { kernel * 8 + frame * 4 + $0 } }
            let name = frame == 0 ? "v.patch_embd.weight" : "v.patch_embd.weight.1"
            #expect(values[name] == places.map { model.value(patch, $0) })
        }
        #expect(source.tensors.first { $0.name == "mm.0.weight" }?.shape.dimensions == [8, 16])
        #expect(source.notices.contains { $0.contains("1 tensors that are not the encoders'") })
    }

    @Test("Keys follow the reference converter's order")
    func keys() throws {
        let metadata = try convert(Self.qwen).source.metadata
        #expect(metadata["general.architecture"] == .string("clip"))
        #expect(metadata["general.type"] == .string("mmproj"))
        #expect(metadata["clip.vision.embedding_length"] == .uint32(4))
        #expect(metadata["clip.vision.feed_forward_length"] == .uint32(8))
        #expect(metadata["clip.vision.image_mean"] == .float32s([0.5, 0.25, 1]))
        let keys = metadata.entries.map(\.key).filter { $0.hasPrefix("clip.") }
        #expect(
            keys == [
                "clip.has_vision_encoder", "clip.vision.projection_dim", "clip.vision.image_size",
                "clip.vision.patch_size", "clip.vision.embedding_length",
                "clip.vision.feed_forward_length", "clip.vision.block_count",
                "clip.vision.attention.head_count", "clip.vision.image_mean",
                "clip.vision.image_std", "clip.projector_type",
                "clip.vision.attention.layer_norm_epsilon",
            ])
    }

    @Test("Kernels are F16 in a file of F16 and F32 in all others")
    func formats() throws {
        func format(_ name: String, _ type: OutputType) throws -> Format? {
            try convert(Self.qwen, type: type).source.tensors.first { $0.name == name }?.format
        }
        #expect(try format("v.patch_embd.weight.1", .f16) == .F16)
        #expect(try format("v.patch_embd.weight.1", .bf16) == .F32)
        #expect(try format("v.blk.0.attn_q.weight", .bf16) == .BF16)
        #expect(try format("v.blk.0.ln1.weight", .bf16) == .F32)
    }

    @Test("What does not fit is refused")
    func refusals() throws {
        func problem(_ change: (inout SyntheticModel) -> Void) throws -> String {
            var model = Self.qwen
            change(&model)
            do {
                _ = try convert(model)
                return "accepted"
            } catch let error as any IngotError { return error.description }
        }
        #expect(
            try problem { $0.tensors.append(("visual.blocks.0.other.weight", [4])) }
                .contains("1 tensors have no place"))
        #expect(try problem { $0.tensors[3].shape = [11, 4] }.contains("shape [11, 4] found"))
        #expect(
            try problem { $0.tensors[2].shape = [5] }
                .contains("shape [5] found, the configuration expects [4]"))
        #expect(
            try problem { $0.config["architectures"] = ["OtherModel"] }
                .contains("the model class OtherModel is not supported"))
        #expect(
            try problem {
                $0.config["vision_config"] = [
                    "embed_dim": 4, "hidden_size": 8, "depth": 2, "num_heads": 2, "patch_size": 2,
                ]
            }.contains("tensors are missing: v.blk.1."))
    }

    @Test("A projector is no model to be run, and may be quantized")
    func notAModel() throws {
        let source = try convert(Self.qwen).source
        #expect(throws: ReaderFault.self) { try source.requireModel() }
        try source.requireModel(isProjectorAllowed: true)
    }

    @Test("Every file of a family is in the list, and no class is claimed twice")
    func registry() throws {
        let names = ProjectorFamily.all.map(\.name)
        #expect(names == names.sorted())
        let classes = ProjectorFamily.all.flatMap(\.classes)
        #expect(Set(classes).count == classes.count)
        let folder = Fixtures.projectRoot.appending(
            path: "Sources/Architectures/Projectors/Families"
        ).path
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(Set(files) == Set(names.map { $0 + "Projector.swift" }))
    }
}
