import Safetensors
import TensorCore

extension HuggingFaceDirectory {
    /// What the directory says about how its weights are quantized; `nil` when they are not.
    ///
    /// Usually in `config.json`; older versions of compressed-tensors, AutoGPTQ and AutoAWQ had
    /// other keys and files for it.
    func quantization() throws -> QuantizationConfiguration? {
        for key in ["quantization_config", "compression_config"] {
            guard let value = config[key], !value.isNull, value.members?.isEmpty != true else {
                continue
            }
            guard value.members != nil else {
                throw ConversionError(
                    .invalidValue(found: value.kindName, expected: "an object"),
                    path: file("config.json"), place: key)
            }
            return QuantizationConfiguration(json: value, path: file("config.json"), place: key)
        }
        for (name, method) in [("quantize_config.json", "gptq"), ("quant_config.json", "awq")] {
            guard let json = try json(name), let members = json.members else { continue }
            let named = JSON.Member(key: "quant_method", value: .string(ByteString(method)))
            return QuantizationConfiguration(
                json: json["quant_method"] == nil ? .object(members + [named]) : json,
                path: file(name), place: "")
        }
        return nil
    }
}
