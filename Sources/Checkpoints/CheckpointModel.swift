import Architectures
public import Conversion
public import GGUF
import Quantization
import Safetensors
import TensorCore

/// A model under the names of Hugging Face: a directory, or a GGUF file on the way back, with the GGUF
/// view of it that a calibration runs.
public struct CheckpointModel: Sendable {
    /// A file that is carried over.
    enum CarriedFile: Sendable {
        case copy(from: String)
        case bytes([UInt8])
    }

    /// Where a tensor is in the GGUF view.
    struct Place: Sendable, Hashable {
        let tensor: Int
        /// The matrix of a stack.
        let matrix: Int?
    }

    /// The directory or file, as the user named it.
    public let path: String
    /// What the model is called.
    public let name: String
    /// The GGUF view, in F32.
    public let conversion: ConversionSource
    /// What the user should know.
    public let notices: [String]
    /// Where parts contradict each other.
    public let warnings: [String]
    let config: JSON
    let tensors: [any ReadableTensor]
    let files: [(name: String, content: CarriedFile)]
    /// The text of the model card, after the front matter.
    let card: String?
    /// The GGUF tensors of each tensor, in their order.
    let places: [String: [Place]]
    /// The tensors of a GGUF file that are quantized, with the format.
    let quantizedFormats: [Int: Format]
    /// Holds the files of a GGUF file's directory as long as they are needed.
    private let folder: TemporaryFolder?

    /// Opens a directory.
    ///
    /// - Throws: What `ConversionSource` throws, and `CheckpointError` for weights that are kept packed.
    public init(directory path: String, ignoredTensors: [String] = []) throws {
        let directory = try HuggingFaceDirectory(path: path)
        let conversion = try ConversionSource(
            directory: path, options: .init(outputType: .f32, ignoredTensors: ignoredTensors))
        let checkpoint = try Checkpoint(
            directory: directory.path, named: directory.config["transformers_weights"]?.text)
        let model = try checkpoint.modelTensors(
            quantization: directory.quantization(), keeping: ["mxfp4"])
        if let method = model.method, model.tensors.allSatisfy({ $0.dataType != nil }) {
            throw CheckpointError(.alreadyQuantized(method), path: path)
        }
        let folder = directory.path.hasSuffix("/") ? directory.path : directory.path + "/"
        let names = try Directory.names(in: folder)
        files = try names.filter { try CheckpointModel.isCarried($0, in: folder) }
            .map { ($0, .copy(from: folder + $0)) }
        card =
            try names.contains("README.md")
            ? CheckpointModel.cardText(
                String(
                    decoding: InputFile.contents(path: folder + "README.md", limit: 1 << 22),
                    as: UTF8.self)) : nil
        self.path = path
        name = directory.name
        self.conversion = conversion
        config = directory.config
        tensors = model.tensors
        notices = conversion.notices
        warnings = conversion.warnings.filter { !conversion.departures.contains($0) }
        places = CheckpointModel.places(in: conversion)
        quantizedFormats = [:]
        self.folder = nil
    }

    /// Takes a GGUF file the way back.
    ///
    /// - Throws: What `ExportedCheckpoint` throws.
    public init(gguf source: any TensorSource) throws {
        let exported = try ExportedCheckpoint(source)
        let folder = try TemporaryFolder()
        for (name, bytes) in exported.files {
            try OutputFile.write(bytes, to: folder.path + "/" + name)
        }
        let weights = exported.weights
        let changes = try exported.compare(
            directory: folder.path, shards: [0..<weights.count], allowsChanges: true)
        conversion = try ConversionSource(
            directory: folder.path, options: .init(outputType: .f32), values: weights)
        path = source.path
        var name = Paths.name(source.path)
        for ending in [".gguf", "-f16", "-bf16", "-f32"]
        where name.lowercased().hasSuffix(ending) && name.count > ending.count {
            name = String(name.dropLast(ending.count))
        }
        self.name = name
        config = try JSON.parse(path: folder.path + "/config.json")
        tensors = weights
        files = exported.files.filter { !["config.json", "README.md"].contains($0.name) }
            .map { ($0.name, .bytes($0.bytes)) }
        card = nil
        notices = changes
        warnings = []
        places = CheckpointModel.places(in: conversion)
        var formats: [String: Format] = [:]
        for tensor in source.tensors where tensor.format.blockElementCount > 1 {
            formats[tensor.name] = tensor.format
        }
        var quantized: [Int: Format] = [:]
        for (number, tensor) in conversion.tensors.enumerated() {
            quantized[number] = formats[tensor.name]
        }
        quantizedFormats = quantized
        self.folder = folder
    }

    /// The type that scales get, and tensors that no type is stored of.
    var dataType: DataType {
        let name =
            config["torch_dtype"]?.text ?? config["dtype"]?.text
            ?? config["text_config"]?["torch_dtype"]?.text ?? config["text_config"]?["dtype"]?.text
        return name == "float16" ? .F16 : .BF16
    }

    /// Whether a file goes into the new directory: not weights of any kind, nor what is written anew.
    ///
    /// - Throws: `FileError` when the system does not give the file.
    private static func isCarried(_ name: String, in folder: String) throws -> Bool {
        let written = [
            "config.json", "README.md", "quantize_config.json", "quant_config.json",
            "hf_quant_config.json", ".", "..",
        ]
        let weights = [
            ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth",
            ".gguf", ".h5", ".msgpack", ".onnx", ".ot", ".ckpt",
        ]
        guard !written.contains(name), !name.hasPrefix("."),
            !weights.contains(where: name.lowercased().hasSuffix)
        else { return false }
        do {
            _ = try InputFile(path: folder + name)
            return true
        } catch {
            switch error.kind {
            case .system, .permissionDenied: throw error
            // Directories hold other forms of the weights; what is not there cannot be copied.
            default: return false
            }
        }
    }

    /// What comes after the front matter.
    private static func cardText(_ text: String) -> String {
        guard text.hasPrefix("---\n"), let end = text.dropFirst(4).firstRange(of: "\n---") else {
            return text
        }
        return String(text[end.upperBound...].drop { $0 == "-" || $0 == "\n" })
    }

    private static func places(in conversion: ConversionSource) -> [String: [Place]] {
        var places: [String: [Place]] = [:]
        for (number, tensor) in conversion.tensors.enumerated() {
            let parts = conversion.parts(ofTensor: number)
            let isStack = tensor.shape.rank == 3 && parts.count == tensor.shape.dimensions[0]
            for (matrix, part) in parts.enumerated() {
                places[part.name, default: []].append(
                    Place(tensor: number, matrix: isStack ? matrix : nil))
            }
        }
        return places
    }
}

extension ConversionSource {
    /// The first of the blocks behind the layers, which predict further tokens; beyond all blocks where
    /// there are none.
    ///
    /// No text runs through them, so nothing is known of what they take in.
    var firstPredictor: Int {
        let architecture = metadata["general.architecture"]?.text ?? ""
        func count(_ key: String) -> Int? { metadata["\(architecture).\(key)"]?.integer }
        let (blocks, further) = (count("block_count"), count("nextn_predict_layers") ?? 0)
        guard let blocks, further > 0, blocks >= further else { return .max }
        return blocks - further
    }

    /// The block that a tensor is of; `nil` for one outside.
    static func block(of tensor: String) -> Int? {
        let parts = tensor.split(separator: ".")
        return parts.count > 1 && parts[0] == "blk" ? Int(parts[1]) : nil
    }
}
