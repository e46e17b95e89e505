import Conversion
public import Planning
import Safetensors
import TensorCore

extension ModelAtPath {
    /// A quantized directory at the bytes that it is stored in; `nil` of other models.
    ///
    /// - Throws: What reading the list of tensors throws, and `PlanningError`.
    public func asStored() throws -> TypedModel? {
        guard let source = source as? ConversionSource, let method = source.quantizationMethod
        else { return nil }
        let directory = try HuggingFaceDirectory(path: source.path)
        let checkpoint = try Checkpoint(
            directory: directory.path, named: directory.config["transformers_weights"]?.text)
        let modules = StoredModules(source)
        var counts = [Int](repeating: 0, count: source.tensors.count)
        var rest = 0
        for entry in checkpoint.entries {
            if let place = modules.tensor(ofPart: entry.tensor.name) {
                counts[place] += entry.tensor.byteCount
            } else {
                rest += entry.tensor.byteCount
            }
        }
        return TypedModel(
            type: source.storedType,
            model: try PlannedModel(source, byteCounts: counts, otherByteCount: rest),
            needsImportance: false,
            weightsFrom: "exact: the directory's tensors, quantized already (\(method))",
            checkpoint: CheckpointType.stored(method: method, type: source.storedType))
    }
}

/// Which tensor of the GGUF view a stored part of a quantized one belongs to.
private struct StoredModules {
    private var tensors: [String: Int] = [:]

    init(_ source: ConversionSource) {
        for number in source.tensors.indices {
            for part in source.parts(ofTensor: number) {
                var names = [part.name]
                for ending in [".weight", "_blocks"] where part.name.hasSuffix(ending) {
                    names.append(String(part.name.dropLast(ending.count)))
                }
                for name in names where tensors[name] == nil { tensors[name] = number }
            }
        }
    }

    /// The tensor of a part: `mlp.up_proj.weight_scale` belongs to the module `mlp.up_proj`,
    /// `down_proj_scales` to `down_proj`.
    func tensor(ofPart name: String) -> Int? {
        var rest = name[...]
        while true {
            if let number = tensors[String(rest)] { return number }
            for ending in ["_scales", "_blocks"] where rest.hasSuffix(ending) {
                if let number = tensors[String(rest.dropLast(ending.count))] { return number }
            }
            guard let dot = rest.lastIndex(of: ".") else { return nil }
            rest = rest[..<dot]
        }
    }
}

extension CheckpointType {
    /// What serves a directory that is quantized by a method, by the name of its type.
    static func stored(method: String, type: String) -> CheckpointType {
        switch method {
        case "mxfp4":
            return CheckpointType(
                engines: ["vLLM", "SGLang", "TensorRT-LLM", "transformers"], leastCapability: 7.5,
                fullCapability: 10, deviceKinds: [.nvidia, .amd], nominalBits: 4, isStored: true)
        case "bitsandbytes":
            return CheckpointType(
                engines: ["vLLM", "SGLang", "TGI", "transformers"], leastCapability: 7.5,
                isStored: true)
        case "mlx", "metal":
            return CheckpointType(
                engines: ["mlx-lm"], deviceKinds: [.apple], isStored: true)
        case "auto-round", "auto_round", "intel/auto-round":
            return CheckpointType(
                engines: ["vLLM", "SGLang", "transformers with auto-round"], leastCapability: 7.5,
                deviceKinds: [.nvidia, .amd, .cpu], isStored: true)
        default:
            if let form = CheckpointForm.reported(type)?.form {
                return form.servedType(isStored: true)
            }
            // What no engine's list is known for, the package that reads all of them takes.
            let package =
                ["gptq", "gptqmodel", "awq"].contains(method)
                ? "transformers with gptqmodel" : "transformers"
            return CheckpointType(engines: [package], isStored: true)
        }
    }
}
