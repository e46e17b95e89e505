package import Safetensors
import TensorCore

extension HuggingFaceDirectory {
    /// What the directory says about how its weights are quantized; `nil` when it says nothing.
    ///
    /// Usually in `config.json`, for the model or for its language model; MLX has a key of its own.
    /// Older versions of compressed-tensors, AutoGPTQ and AutoAWQ had other keys and files for it,
    /// and ModelOpt writes `hf_quant_config.json`.
    package func quantization() throws -> QuantizationConfiguration? {
        let path = file("config.json")
        for (parent, prefix) in [(config, ""), (config["text_config"] ?? .null, "text_config.")] {
            for key in ["quantization_config", "compression_config", "quantization"] {
                guard let value = parent[key], !value.isNull, value.members?.isEmpty != true else {
                    continue
                }
                guard value.members != nil else {
                    throw ConversionError(
                        .invalidValue(found: value.kindName, expected: "an object"),
                        path: path, place: prefix + key)
                }
                return QuantizationConfiguration(json: value, path: path, place: prefix + key)
            }
        }
        let files = [
            ("quantize_config.json", "gptq"), ("quant_config.json", "awq"),
            ("hf_quant_config.json", "modelopt"),
        ]
        for (name, method) in files {
            guard let json = try json(name), let members = json.members else { continue }
            let named = JSON.Member(key: "quant_method", value: .string(ByteString(method)))
            return QuantizationConfiguration(
                json: json["quant_method"] == nil ? .object(members + [named]) : json,
                path: file(name), place: "")
        }
        return nil
    }
}
