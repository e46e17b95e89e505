import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// A Llama of one layer with eight hidden values, to be damaged by tests.
enum TinyModel {
    /// Tensors and their shapes.
    static let tensors: [(name: String, shape: [Int])] = [
        ("model.embed_tokens.weight", [512, 8]), ("model.norm.weight", [8]),
        ("model.layers.0.input_layernorm.weight", [8]),
        ("model.layers.0.post_attention_layernorm.weight", [8]),
        ("model.layers.0.self_attn.q_proj.weight", [8, 8]),
        ("model.layers.0.self_attn.k_proj.weight", [4, 8]),
        ("model.layers.0.self_attn.v_proj.weight", [4, 8]),
        ("model.layers.0.self_attn.o_proj.weight", [8, 8]),
        ("model.layers.0.mlp.gate_proj.weight", [12, 8]),
        ("model.layers.0.mlp.up_proj.weight", [12, 8]),
        ("model.layers.0.mlp.down_proj.weight", [8, 12]),
    ]

    /// Writes configuration and zero weights over those of a copied checkpoint.
    static func write(
        to folder: String, tensors: [(name: String, shape: [Int])] = tensors,
        dataType: (String) -> DataType = { _ in .BF16 }
    ) throws {
        try Checkpoints.edit(
            "config.json", in: folder,
            [
                "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
                "num_hidden_layers": 1, "intermediate_size": 12,
            ])
        let list = try tensors.map { tensor in
            SafetensorsWriter.Tensor(
                name: tensor.name, dataType: dataType(tensor.name),
                shape: try #require(Shape(tensor.shape)))
        }
        let path = folder + "/model.safetensors"
        try? FileManager.default.removeItem(atPath: path)
        let writer = try SafetensorsWriter(path: path, tensors: list)
        for (index, tensor) in list.enumerated() {
            let count = tensor.dataType.byteCount(elementCount: tensor.shape.elementCount) ?? 0
            let zeros = [UInt8](repeating: 0, count: count)
            try zeros.withUnsafeBytes { try writer.write($0, tensor: index) }
        }
        try writer.finish()
    }
}
