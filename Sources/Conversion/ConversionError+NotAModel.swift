extension ConversionError {
    /// What is found where a model's directory is expected.
    public enum NotAModel: Sendable, Hashable {
        /// A file.
        case file
        /// Nothing, and the path is like a model's name on the Hugging Face hub.
        case notDownloaded
        /// A folder of models.
        case models([String])
        /// The format in which Mistral and Meta train.
        case originalFormat
        /// A pipeline of the diffusers library.
        case diffusers
        /// GGUF files and nothing to be converted.
        case onlyGGUF([String])

        var problem: String {
            switch self {
            case .file: "a file found, expected a model's directory"
            case .notDownloaded: "no such file or folder"
            case .models(let names):
                "config.json is missing; it is in folders inside: \(ConversionError.list(names))"
            case .originalFormat:
                "params.json found and no config.json: the original format of Mistral's or Meta's "
                    + "models, whose tensors have other names"
            case .diffusers:
                "a pipeline of the diffusers library found, expected a language model"
            case .onlyGGUF(let names):
                "config.json is missing; GGUF files need no conversion: "
                    + ConversionError.list(names)
            }
        }

        func remedy(path: String) -> String? {
            switch self {
            case .file where path.hasSuffix(".gguf"):
                return "A GGUF file needs no conversion: ingot quantize takes it as it is."
            case .file:
                let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                let folder = parts.joined(separator: "/")
                let named = parts.isEmpty ? "." : folder.isEmpty ? "/" : folder
                return "Name the directory that holds it: \(named)."
            case .notDownloaded:
                let name = path.split(separator: "/").last ?? ""
                return "Models are read from this machine; to fetch one from the hub: "
                    + "hf download \(path) --local-dir \(name)."
            case .models(let names): return "Name one of them: \(path)/\(names[0])."
            case .originalFormat:
                return "Fetch the model in the format of transformers: config.json, "
                    + "model*.safetensors and the tokenizer's files."
            case .onlyGGUF(let names):
                return "Quantize it: ingot quantize \(path)/\(names[0]) OUT TYPE."
            case .diffusers: return nil
            }
        }
    }
}
