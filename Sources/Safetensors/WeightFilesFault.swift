/// Why files of a directory are not taken for the model's weights.
public enum WeightFilesFault: Sendable, Hashable {
    /// The index names a file that is not there, and others are that it does not name.
    case staleIndex(missing: String, others: [String])
    /// Several sets of files, each of which could be the model's weights.
    case severalSets([String])
    /// A program that fetches has not ended: its own file lies beside this one.
    case unfinished(by: String)
    /// Weights that are not read.
    case foreign(Foreign, [String])

    var problem: String {
        switch self {
        case .staleIndex(let missing, let others):
            "names \(missing), which is missing, and not \(WeightFiles.summary(others))"
        case .severalSets(let sets):
            "\(sets.count) sets of weights found, and no index that says which is the model's: "
                + sets.joined(separator: "; ")
        case .unfinished(let name): "the download is not complete: \(name) lies beside it"
        case .foreign(let foreign, let names):
            "no model.safetensors found, but \(foreign.meaning) (\(WeightFiles.summary(names)))"
        }
    }

    var remedy: String {
        switch self {
        case .staleIndex(let missing, _):
            "Remove the index if it is left over from another version, or fetch \(missing)."
        case .severalSets: "Remove all but the model's."
        case .unfinished: "Run the download again; it goes on where it ended."
        case .foreign(let foreign, _): foreign.remedy
        }
    }

    /// What a directory without weights that are read holds instead.
    public enum Foreign: Sendable, Hashable, CaseIterable {
        /// A download that did not end.
        case unfinished
        /// Mistral's own names of tensors.
        case mistral
        /// A model that makes pictures.
        case diffusion
        /// safetensors files under names that say nothing.
        case otherName
        /// The state of a training run with DeepSpeed.
        case deepSpeed
        /// GGUF files.
        case gguf
        /// MLX's arrays.
        case mlx
        /// Weights of another framework.
        case framework

        /// Whether a file of this name is a sign of it.
        func matches(_ name: String) -> Bool {
            func ends(_ suffixes: String...) -> Bool { suffixes.contains(where: name.hasSuffix) }
            return switch self {
            case .unfinished: ends(".incomplete", ".part", ".partial", ".crdownload", ".aria2")
            case .mistral: name.hasPrefix("consolidated") && ends(".safetensors")
            case .diffusion: name.hasPrefix("diffusion_pytorch_model")
            case .otherName: ends(".safetensors")
            case .deepSpeed: name == "zero_to_fp32.py"
            case .gguf: ends(".gguf")
            case .mlx: ends(".npz")
            case .framework: ends(".h5", ".msgpack", ".onnx", ".ckpt", ".ot", ".tflite", ".nemo")
            }
        }

        /// What it is, for messages.
        var meaning: String {
            switch self {
            case .unfinished: "a download that is not complete"
            case .mistral: "weights in Mistral's own format, whose tensors have other names"
            case .diffusion: "the weights of a diffusion model"
            case .otherName: "safetensors files of other names"
            case .deepSpeed: "the state of a training run with DeepSpeed"
            case .gguf: "GGUF files"
            case .mlx: "arrays of MLX or NumPy"
            case .framework: "weights of another framework"
            }
        }

        /// What the user can do.
        var remedy: String {
            switch self {
            case .unfinished: "Run the download again; it goes on where it ended."
            case .mistral: "Fetch the model*.safetensors files of the same repository."
            case .diffusion: "Language models and encoders are converted."
            case .otherName:
                "If they are the model's weights, rename them: model.safetensors, or "
                    + "model-00001-of-00002.safetensors and so on."
            case .deepSpeed:
                "Put its weights together first: python zero_to_fp32.py . . --safe_serialization"
            case .gguf: "They need no conversion: ingot quantize takes a GGUF file."
            case .mlx: "Save them as safetensors, or convert the model that they were made from."
            case .framework: "Fetch the model's safetensors files."
            }
        }
    }
}

extension SafetensorsError {
    /// Why a directory with these files has no weights that are read.
    static func absence(of all: [String]) -> Kind {
        let state = ["optimizer", "scheduler", "rng_state", "scaler", "training_args"]
        let pickled = all.filter { name in
            (name.hasPrefix("pytorch_model") && name.hasSuffix(".bin")
                || name.hasSuffix(".pt") || name.hasSuffix(".pth"))
                && !state.contains(where: name.hasPrefix)
        }
        if !pickled.isEmpty { return .pickledWeights(pickled) }
        for foreign in WeightFilesFault.Foreign.allCases {
            let found = all.filter(foreign.matches)
            if !found.isEmpty { return .weightFiles(.foreign(foreign, found)) }
        }
        return .noWeights
    }
}
