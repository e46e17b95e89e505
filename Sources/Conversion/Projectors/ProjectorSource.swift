import Architectures
public import GGUF
import Quantization
import Safetensors
public import TensorCore

/// The encoders of pictures and sound of a Hugging Face directory seen as a projector file
/// (`mmproj`), which llama.cpp loads beside the language model.
///
/// Keys, tensors and values are those that `convert_hf_to_gguf.py --mmproj` writes.
public struct ProjectorSource: TensorSource {
    /// What a conversion can be told.
    public struct Options: Sendable {
        /// The type of the matrices.
        public var outputType: OutputType
        /// A name for `general.name` instead of the derived one.
        public var name: String?
        /// Keys that the user sets.
        public var metadata: MetadataFile?

        /// Options; F16 when nothing is said.
        public init(
            outputType: OutputType = .f16, name: String? = nil, metadata: MetadataFile? = nil
        ) {
            self.outputType = outputType
            self.name = name
            self.metadata = metadata
        }
    }

    /// The directory.
    public let path: String
    /// The GGUF metadata in file order.
    public let metadata: Metadata
    /// The tensors in file order.
    public let tensors: [TensorDescription]
    /// The shards.
    public let files: [InputFile]
    /// The output type, `auto` resolved.
    public let outputType: OutputType
    /// What the user should know although the conversion goes on.
    public let notices: [String]
    /// What is probably not as the user thinks.
    public let warnings: [String]
    private let contents: [TensorContent]

    /// Opens a directory and derives metadata and list of tensors; no weights are read but those of
    /// norms over batches, some hundred numbers each.
    ///
    /// - Throws: `ArchitectureError` about the configuration, `SafetensorsError` about the weights'
    ///   files, `ConversionError` about how they fit together, `FileError` and `JSONError`.
    public init(directory path: String, options: Options = Options()) throws {
        let directory = try HuggingFaceDirectory(path: path)
        let configPath = directory.file("config.json")
        let family = try ProjectorFamily.of(config: directory.config, path: configPath)
        let (preprocessor, preprocessorPath) = try directory.preprocessor()
        var model = try ProjectorModel(
            family, config: directory.config, path: configPath, preprocessor: preprocessor,
            preprocessorPath: preprocessorPath)
        let checkpoint = try Checkpoint(
            directory: directory.path, named: directory.config["transformers_weights"]?.text)
        let weights = try checkpoint.modelTensors(
            quantization: directory.quantization(), keeping: [])
        for tensor in weights.tensors {
            guard let name = family.ruleName(of: tensor.name) else { continue }
            model.shapes[name] = tensor.shape.dimensions
        }
        let mapping = try ProjectorMapping(
            family, model, values: weights.tensors, directory: directory.path)

        var type = options.outputType
        if type == .auto {
            type = .smallest(
                holding: mapping.tensors.lazy.filter { $0.fixedFormat(in: .f16) == nil }
                    .flatMap(\.content.storedTypes))
        }
        outputType = type
        tensors = mapping.tensors.map { tensor in
            TensorDescription(
                name: tensor.name, shape: tensor.shape,
                format: tensor.fixedFormat(in: type)
                    ?? type.matrixFormat(rowLength: tensor.shape.rowLength))
        }
        contents = mapping.tensors.map(\.content)
        self.path = directory.path
        files = checkpoint.shards.map(\.file)

        let general = try GeneralMetadata(
            directory: directory, tensors: tensors, overrides: options.metadata,
            name: options.name)
        var metadata = Metadata()
        metadata["general.architecture"] = .string("clip")
        metadata["general.type"] = .string("mmproj")
        for entry in general.entries { metadata[entry.key] = entry.value }
        let entries = try ProjectorKey.entries(
            family, model, fileType: type.fileType(packedAs: nil))
        for entry in entries { metadata[entry.key] = entry.value }
        metadata["general.quantization_version"] = .uint32(2)
        self.metadata = metadata
        notices =
            directory.notices + weights.notices + general.notices
            + (mapping.leftOutCount > 0
                ? ["\(mapping.leftOutCount) tensors that are not the encoders' are left out"] : [])
        warnings = checkpoint.warnings + weights.warnings + general.warnings
    }

    /// Decodes rows to F32.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try contents[tensor].readFloats(
            rows, rowLength: tensors[tensor].shape.rowLength, into: destination, scratch: scratch)
    }

    /// Whether rows can be copied: they are stored in the format of the description, in whole runs.
    public func holdsBytes(ofTensor tensor: Int) -> Bool {
        contents[tensor].holdsBytes(
            of: tensors[tensor].format, rowLength: tensors[tensor].shape.rowLength)
    }

    /// Copies rows of a tensor that the checkpoint holds in the format of its description.
    public func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try contents[tensor].readBytes(
            rows, rowLength: tensors[tensor].shape.rowLength, into: destination)
    }
}

extension HuggingFaceDirectory {
    /// What the files about preprocessing say, with the path that messages name.
    ///
    /// `processor_config.json` counts before `preprocessor_config.json`, and what stands inside for
    /// pictures before what stands beside it.
    fileprivate func preprocessor() throws -> (json: JSON, path: String) {
        var members: [JSON.Member] = []
        func merge(_ other: [JSON.Member]) {
            for member in other {
                members.removeAll { $0.key == member.key }
                members.append(member)
            }
        }
        var path = file("preprocessor_config.json")
        for (name, inner) in [
            ("preprocessor_config.json", "media_proc_cfg"),
            ("processor_config.json", "image_processor"),
        ] {
            guard let json = try json(name) else { continue }
            path = file(name)
            merge(json.members ?? [])
            merge(json[inner]?.members ?? [])
        }
        return (.object(members), path)
    }
}
