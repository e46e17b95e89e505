import Conversion
import GGUF
import Reporting
import Safetensors
public import TensorCore

/// What engines and people have to know of a model, read from headers and configurations alone.
public struct ModelFacts: Sendable {
    /// How a model is stored.
    public enum Container: Sendable, Hashable {
        /// A GGUF file, or several that are its parts.
        case gguf
        /// A Hugging Face directory.
        case directory
    }

    /// The path: of a split model its first part, of one in the hub's cache the snapshot.
    public let path: String
    /// How it is stored.
    public let container: Container
    /// The paths of the files with its weights.
    public let weightFiles: [String]
    /// The bytes of those files.
    public let byteCount: Int
    /// The number of weights; `nil` where the shapes of a directory's are not known.
    public let elementCount: Int?
    /// Bits of tensor data per weight; `nil` where the number of weights is.
    public let bitsPerWeight: Double?
    /// The type of the weights as people call it: `Q4_K_M`, `W4A16 g128`, `BF16`.
    public let typeName: String
    /// Keys of a GGUF file; of a directory those that a conversion would write, or none where the
    /// family is unknown.
    public let metadata: Metadata
    /// The tensors; `nil` where a directory's family is unknown.
    let source: (any TensorSource)?
    /// `config.json` of a directory.
    public let configuration: JSON?
    /// How a directory's weights are quantized; `nil` when they are not.
    public let quantization: JSON?
    /// The method of that quantization.
    public let quantizationMethod: String?

    /// Reads what is known of the model at `path`.
    ///
    /// - Throws: `FileError`, `GGUFError`, `SafetensorsError`, `ConversionError`, `JSONError`.
    /// - Complexity: O(length of the headers), of a directory with its tokenizer.
    public init(path: String) throws {
        if Paths.isFolder(path) {
            try self.init(directory: path)
        } else {
            try self.init(file: path)
        }
    }

    private init(file: String) throws {
        let source = try SplitSource.open(path: file)
        path = file
        container = .gguf
        weightFiles = source.files.map(\.path)
        byteCount = source.files.reduce(0) { $0 + $1.byteCount }
        elementCount = source.elementCount
        bitsPerWeight = source.bitsPerWeight
        typeName = source.typeName
        metadata = source.metadata
        self.source = source
        (configuration, quantization, quantizationMethod) = (nil, nil, nil)
    }

    private init(directory: String) throws {
        let folder = try HuggingFaceDirectory(path: directory)
        let checkpoint = try Checkpoint(
            directory: folder.path, named: folder.config["transformers_weights"]?.text)
        let quantization = try folder.quantization()
        path = folder.path
        container = .directory
        weightFiles = checkpoint.shards.map(\.file.path)
        byteCount = checkpoint.shards.reduce(0) { $0 + $1.file.byteCount }
        typeName = quantization?.typeName ?? checkpoint.mainType?.rawValue ?? "unknown"
        configuration = folder.config
        self.quantization = quantization?.json
        quantizationMethod = quantization?.method
        // Engines run families that are unknown here: then the configuration alone tells.
        let source = try? ConversionSource(
            directory: folder.path, options: .init(outputType: .f32))
        elementCount = source?.elementCount
        bitsPerWeight = source?.bitsPerWeight
        metadata = source?.metadata ?? Metadata()
        self.source = source
    }

    // MARK: What follows

    /// The model's name: what its metadata say, or its file's.
    public var name: String {
        metadata["general.name"]?.text ?? stem
    }

    /// The name of its file without ending and part, or of its directory.
    public var stem: String {
        guard container == .gguf else {
            return (try? HuggingFaceDirectory.name(ofModelAt: path)) ?? Paths.name(path)
        }
        let name = Paths.name(path)
        let suffix = SplitSource.suffix(0, of: weightFiles.count)
        if weightFiles.count > 1, name.hasSuffix(suffix) {
            return String(name.dropLast(suffix.count))
        }
        return name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name
    }

    /// The family, `llama`; of a directory whose family is unknown its `model_type`.
    public var architecture: String {
        metadata["general.architecture"]?.text ?? configuration?["model_type"]?.text ?? "unknown"
    }

    /// The tokens that the model was trained with; `nil` where that is not told.
    public var contextLength: Int? {
        let found =
            metadata["\(architecture).context_length"]?.integer
            ?? configuration?["max_position_embeddings"]?.integer
            ?? configuration?["text_config"]?["max_position_embeddings"]?.integer
        return found.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Whether the model makes vectors and does not continue texts.
    public var isEncoder: Bool {
        if metadata["\(architecture).attention.causal"]?.boolean == false { return true }
        if ["t5encoder", "bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2"]
            .contains(architecture)
        {
            return true
        }
        guard let name = configuration?["architectures"]?.array?.first?.text else { return false }
        return metadata.entries.isEmpty
            && !["ForCausalLM", "ForConditionalGeneration", "LMHeadModel"].contains {
                name.hasSuffix($0)
            }
    }

    /// Whether its directory is one of the hub's cache, where files are links to others.
    public var hasLinkedFiles: Bool {
        container == .directory
            && weightFiles.contains { Directory.target(ofLink: $0) != nil }
    }

    /// The text of the token that plays a part; `nil` where none does or it is no control token.
    ///
    /// - Parameter role: As metadata keys have it: `eos`, `eot`, `eom`, `bos`.
    func controlToken(_ role: String) -> String? {
        guard let id = metadata["tokenizer.ggml.\(role)_token_id"]?.integer,
            case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"],
            tokens.indices.contains(id), let text = tokens[id].validated,
            text.contains(where: { !$0.isWhitespace })
        else { return nil }
        let types = metadata["tokenizer.ggml.token_type"]?.integers
        // 3: control, 4: user defined.
        if let types, types.indices.contains(id), ![3, 4].contains(types[id]) { return nil }
        return text
    }
}

extension TensorSource {
    /// The number of values of all tensors.
    fileprivate var elementCount: Int { tensors.reduce(0) { $0 + $1.shape.elementCount } }
}
