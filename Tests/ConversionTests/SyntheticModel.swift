import Conversion
import Foundation
import GGUF
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// A model of any family whose values tell where they were stored: element `i` of tensor `t` is
/// `t · 10000 + i`.
struct SyntheticModel {
    var config: [String: Any]
    var tensors: [(name: String, shape: [Int])]
    /// The type of all tensors that are not in `bytes`.
    var dataType = DataType.F32
    /// U8 tensors and their contents.
    var bytes: [String: [UInt8]] = [:]

    /// The value that is stored as element `index` of a tensor.
    func value(_ name: String, _ index: Int) -> Float {
        guard let number = tensors.firstIndex(where: { $0.name == name }) else { return .nan }
        // Logarithms of decays stay small: their exponentials are stored.
        if name.hasSuffix("A_log") { return Float((number + index) % 40) * 0.17 - 3.3 }
        return Float(number * 10000 + index)
    }

    /// Calls `body` with the model as a directory.
    func with<Result>(_ body: (String) throws -> Result) throws -> Result {
        try Checkpoints.with { folder in
            let json = try JSONSerialization.data(withJSONObject: config)
            try Checkpoints.replace(
                "config.json", in: folder, String(decoding: json, as: UTF8.self))
            let path = folder + "/model.safetensors"
            try FileManager.default.removeItem(atPath: path)
            let list = try tensors.map { tensor in
                SafetensorsWriter.Tensor(
                    name: tensor.name, dataType: bytes[tensor.name] == nil ? dataType : .U8,
                    shape: try #require(Shape(tensor.shape)))
            }
            let writer = try SafetensorsWriter(path: path, tensors: list)
            for (index, tensor) in list.enumerated() {
                let data = bytes[tensor.name] ?? encoded(tensor)
                try data.withUnsafeBytes { try writer.write($0, tensor: index) }
            }
            try writer.finish()
            return try body(folder)
        }
    }

    private func encoded(_ tensor: SafetensorsWriter.Tensor) -> [UInt8] {
        (0..<tensor.shape.elementCount).flatMap { index in
            let value = value(tensor.name, index)
            return switch dataType {
            case .F16:
                withUnsafeBytes(of: HalfFloat.f16(from: value).littleEndian) { Array($0) }
            case .BF16:
                withUnsafeBytes(of: HalfFloat.bf16(from: value).littleEndian) { Array($0) }
            default: withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
        }
    }

    /// Opens the model; everything becomes F32.
    func convert() throws -> [String: Converted] {
        try with { folder in
            let source = try ConversionSource(
                directory: folder, options: .init(outputType: .f32, pre: "llama-bpe"))
            var result: [String: Converted] = [:]
            for (index, tensor) in source.tensors.enumerated() {
                let whole = try floats(ofTensor: index, of: source, step: tensor.shape.rowCount)
                // Chunks that end anywhere give the same values.
                for step in [1, 3] where tensor.shape.rowCount < 600 {
                    #expect(
                        try floats(ofTensor: index, of: source, step: step) == whole,
                        "\(tensor.name) by \(step) rows")
                }
                result[tensor.name] = Converted(
                    position: index, shape: tensor.shape.dimensions, format: tensor.format,
                    values: whole)
            }
            return result
        }
    }

    /// The error that the model is refused with.
    func refusal() throws -> any IngotError {
        try with { folder in
            do {
                _ = try ConversionSource(
                    directory: folder, options: .init(outputType: .f32, pre: "llama-bpe"))
            } catch let error as any IngotError {
                return error
            }
            throw SyntheticModelAccepted()
        }
    }

    func floats(
        ofTensor index: Int, of source: ConversionSource, step: Int
    ) throws -> [Float] {
        let tensor = source.tensors[index]
        let bytes = try data(ofTensor: index, of: source, step: max(1, step))
        var values = [Float](repeating: .nan, count: tensor.shape.elementCount)
        let decode = try #require(tensor.format.decode)
        bytes.withUnsafeBytes { source in
            values.withUnsafeMutableBufferPointer { destination in
                guard let from = source.baseAddress, let to = destination.baseAddress else {
                    return
                }
                decode(from, destination.count, to)
            }
        }
        return values
    }
}

/// A tensor of a converted model.
struct Converted {
    let position: Int
    let shape: [Int]
    let format: Format
    let values: [Float]
}

/// A model that should have been refused was not.
struct SyntheticModelAccepted: Error {}

extension SyntheticModel {
    /// The tensors of a decoder in the style of Llama without feed-forward network: hidden size 8,
    /// two heads of 4, one key-value head.
    static let attention: [(name: String, shape: [Int])] = [
        ("model.embed_tokens.weight", [512, 8]), ("model.norm.weight", [8]),
        ("model.layers.0.input_layernorm.weight", [8]),
        ("model.layers.0.post_attention_layernorm.weight", [8]),
        ("model.layers.0.self_attn.q_proj.weight", [8, 8]),
        ("model.layers.0.self_attn.k_proj.weight", [4, 8]),
        ("model.layers.0.self_attn.v_proj.weight", [4, 8]),
        ("model.layers.0.self_attn.o_proj.weight", [8, 8]),
    ]

    /// What goes with `attention` in a configuration.
    static func config(_ architecture: String, _ more: [String: Any] = [:]) -> [String: Any] {
        [
            "architectures": [architecture], "vocab_size": 512, "hidden_size": 8,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
            "num_hidden_layers": 1, "intermediate_size": 12,
        ].merging(more) { $1 }
    }

    /// A Qwen 3 with eleven experts, so that the tenth's name comes before the second's.
    static func experts(merged: Bool = false) -> SyntheticModel {
        let layer = "model.layers.0."
        var tensors = attention
        tensors.append((layer + "self_attn.q_norm.weight", [4]))
        tensors.append((layer + "self_attn.k_norm.weight", [4]))
        tensors.append((layer + "mlp.gate.weight", [11, 8]))
        if merged {
            tensors.append((layer + "mlp.experts.down_proj", [11, 8, 6]))
            tensors.append((layer + "mlp.experts.gate_up_proj", [11, 12, 8]))
        } else {
            for expert in 0..<11 {
                for (name, shape) in [
                    ("down_proj", [8, 6]), ("gate_proj", [6, 8]), ("up_proj", [6, 8]),
                ] {
                    tensors.append(("\(layer)mlp.experts.\(expert).\(name).weight", shape))
                }
            }
        }
        return SyntheticModel(
            config: config(
                "Qwen3MoeForCausalLM",
                ["num_experts": 11, "moe_intermediate_size": 6, "norm_topk_prob": true]),
            tensors: tensors)
    }

    /// A gpt-oss with three experts of width 32 on 64 columns, packed or not.
    static func gptOss(packed: Bool) -> SyntheticModel {
        let layer = "model.layers.0."
        let experts = layer + "mlp.experts."
        var tensors: [(name: String, shape: [Int])] = [
            ("model.embed_tokens.weight", [512, 64]), ("model.norm.weight", [64]),
            (layer + "input_layernorm.weight", [64]),
            (layer + "post_attention_layernorm.weight", [64]),
            (layer + "self_attn.q_proj.weight", [8, 64]),
            (layer + "self_attn.k_proj.weight", [4, 64]),
            (layer + "self_attn.v_proj.weight", [4, 64]),
            (layer + "self_attn.o_proj.weight", [64, 8]), (layer + "self_attn.sinks", [2]),
            (layer + "mlp.router.weight", [3, 64]), (layer + "mlp.router.bias", [3]),
            (experts + "down_proj_bias", [3, 64]), (experts + "gate_up_proj_bias", [3, 64]),
        ]
        var bytes: [String: [UInt8]] = [:]
        if packed {
            var random = SeededRandom(seed: 0x4D58)
            for (name, shape) in [
                ("down_proj_blocks", [3, 64, 1, 16]), ("down_proj_scales", [3, 64, 1]),
                ("gate_up_proj_blocks", [3, 64, 2, 16]), ("gate_up_proj_scales", [3, 64, 2]),
            ] {
                tensors.append((experts + name, shape))
                bytes[experts + name] = (0..<shape.reduce(1, *)).map { _ in
                    // Exponents about 127, so that all values are ordinary numbers.
                    let byte = UInt8(truncatingIfNeeded: random.next())
                    return name.hasSuffix("scales") ? 120 + byte % 16 : byte
                }
            }
        } else {
            tensors.append((experts + "down_proj", [3, 32, 64]))
            tensors.append((experts + "gate_up_proj", [3, 64, 64]))
        }
        return SyntheticModel(
            config: config(
                "GptOssForCausalLM",
                [
                    "hidden_size": 64, "intermediate_size": 32, "num_local_experts": 3,
                    "num_experts_per_tok": 2,
                ]),
            tensors: tensors, bytes: bytes)
    }
}
