import Conversion
import GGUF
import Safetensors
import TensorCore
import TestSupport

extension FuzzTarget {
    /// Files of a model's directory, through the plan of its conversion.
    static let directories: [FuzzTarget] = [
        FuzzTarget("safetensors-index", sources: ["Safetensors/Checkpoint", "Safetensors/Weight"]) {
            bytes, scratch in
            _ = try scratch.file("model.safetensors.index.json", bytes)
            _ = try scratch.file("model-00001-of-00001.safetensors", oneTensor)
            _ = try Checkpoint(directory: scratch.path)
        },
        FuzzTarget("configuration", sources: ["Architectures", "Conversion"]) { bytes, scratch in
            let (config, generation) = bytes.halves
            try plan(config, generation, scratch)
        },
        FuzzTarget("quantization-config", sources: ["Safetensors/Quantized"]) { bytes, scratch in
            let json = try JSON.parse(bytes)
            guard let members = try baseConfiguration.get().members else { return }
            let config = JSON.object(
                members + [JSON.Member(key: "quantization_config", value: json)])
            try plan(config.written(), [], scratch)
        },
    ]

    private static let base = Fixtures.path("conformance/convert/checkpoints/llama")
    private static let baseConfiguration = Result {
        try JSON.parse(path: base + "/config.json")
    }

    /// A safetensors file with the tensor `a` of two numbers.
    private static let oneTensor: [UInt8] = {
        let header = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        var builder = ByteBuilder()
        builder.append(UInt64(header.utf8.count))
        builder.append(header)
        builder.append(Float(1))
        builder.append(Float(2))
        return builder.bytes
    }()

    /// The plan of converting a small Llama under another configuration.
    private static func plan(
        _ config: [UInt8], _ generation: [UInt8], _ scratch: FuzzScratch
    ) throws {
        try scratch.link(
            ["tokenizer.json", "tokenizer_config.json", "model.safetensors"], of: base)
        _ = try scratch.file("config.json", config)
        _ = try scratch.file(
            "generation_config.json", generation.isEmpty ? [0x7B, 0x7D] : generation)
        let source = try ConversionSource(directory: scratch.path)
        _ = ReaderRequirements(
            metadata: source.metadata, tensors: source.tensors, path: scratch.path
        ).faults()
    }
}
