import Architectures
public import GGUF
import Quantization
import Safetensors
public import TensorCore
import Tokenization

/// A Hugging Face directory seen as a GGUF file.
///
/// Metadata, catalogue and values are those that llama.cpp's `convert_hf_to_gguf.py` writes for the
/// same directory and output type, so that the file written from this source is the same to the
/// byte. Tensors are read, reordered and encoded row by row when they are asked for.
public struct ConversionSource: TensorSource {
    /// What a conversion can be told.
    public struct Options: Sendable {
        /// The type of the matrices.
        public var outputType: OutputType
        /// A name for `general.name` instead of the derived one.
        public var name: String?
        /// A pre-tokenizer name instead of the derived one.
        public var pre: String?

        /// Options; F16 when nothing is said.
        public init(outputType: OutputType = .f16, name: String? = nil, pre: String? = nil) {
            self.outputType = outputType
            self.name = name
            self.pre = pre
        }
    }

    /// The directory.
    public let path: String
    /// The GGUF metadata in file order.
    public let metadata: Metadata
    /// The catalogue in file order; formats are those of the output type.
    public let tensors: [TensorDescription]
    /// The shards.
    public let files: [InputFile]
    /// The output type, `auto` resolved.
    public let outputType: OutputType
    /// What the user should know although the conversion goes on.
    public let notices: [String]
    private let contents: [TensorContent]

    /// Opens a directory and derives metadata and catalogue; no weights are read.
    ///
    /// - Throws: `ArchitectureError` about the configuration, `SafetensorsError` about the weights'
    ///   files, `TokenizationError` about the tokenizer, `ConversionError` about how they fit
    ///   together, `FileError` and `JSONError`.
    public init(directory path: String, options: Options = Options()) throws {
        let directory = try HuggingFaceDirectory(path: path)
        let configPath = directory.file("config.json")
        let (family, modelClass) = try ModelFamily.of(config: directory.config, path: configPath)
        var configuration = try family.configuration(directory.config, path: configPath)
        configuration.pooling = try directory.pooling()
        let left = try family.review(configuration)
        try directory.checkConvertible(packedMethods: family.packedMethods)

        let checkpoint = try Checkpoint(directory: path)
        let outputType = options.outputType.resolved(for: checkpoint.entries)
        let catalogue = try Catalogue(
            family: family, modelClass: modelClass, configuration: configuration,
            values: storedValues(of: checkpoint), directory: path,
            outputType: outputType)
        let tokenizer = try HFTokenizer.load(
            directory: path, modelType: configuration["model_type"]?.text,
            vocabularySize: configuration.vocabSize(), pre: options.pre)

        var metadata = Metadata()
        metadata["general.architecture"] = .string(family.architecture)
        let fileType = outputType.fileType(
            packedAs: directory.config["quantization_config"]?["quant_method"]?.text)
        func append(_ rules: [HyperparameterRule]) throws {
            let entries = try family.entries(rules, of: configuration, fileType: fileType)
            for entry in entries { metadata[entry.key] = entry.value }
        }
        try append(family.leading)
        metadata["general.type"] = .string("model")
        let general = try GeneralMetadata(
            directory: directory, tensors: catalogue.tensors, name: options.name)
        for entry in general.entries { metadata[entry.key] = entry.value }
        try append(family.hyperparameters)
        metadata["general.quantization_version"] = .uint32(2)
        if family.writesPrefixSpace,
            let adds = directory.tokenizerConfig?["add_prefix_space"]?.boolean
        {
            metadata["tokenizer.ggml.add_space_prefix"] = .bool(adds)
        }
        try append(family.leadingTokenizerKeys)
        metadata.append(tokenizer)
        for entry in family.tokenizerKeys(configuration) { metadata[entry.key] = entry.value }

        self.path = path
        self.metadata = metadata
        self.outputType = outputType
        tensors = catalogue.tensors
        contents = catalogue.contents
        files = checkpoint.shards.map(\.file)
        notices =
            try general.notices + left + family.notices(of: configuration)
            + (catalogue.otherCount > 0
                ? ["\(catalogue.otherCount) tensors that are not the language model's are left out"]
                : [])
    }

    /// Decodes rows to F32 in the order in which they are written.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let shape = tensors[tensor].shape
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape.rowCount, "row out of range")
        try contents[tensor].readFloats(
            rows, rowLength: shape.rowLength, into: destination, scratch: scratch)
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

extension Metadata {
    /// Appends the tokenizer's keys in the order in which the reference converter writes them.
    mutating func append(_ tokenizer: HFTokenizer) {
        let vocabulary = tokenizer.vocabulary
        self["tokenizer.ggml.model"] = .string(vocabulary.model.rawValue)
        self["tokenizer.ggml.pre"] = .string(vocabulary.pre)
        self["tokenizer.ggml.tokens"] = .strings(vocabulary.tokens)
        if let scores = vocabulary.scores { self["tokenizer.ggml.scores"] = .float32s(scores) }
        self["tokenizer.ggml.token_type"] = .int32s(vocabulary.types.map(\.rawValue))
        if vocabulary.model == .byteLevelBPE, !vocabulary.merges.isEmpty {
            self["tokenizer.ggml.merges"] = .strings(vocabulary.merges)
        }
        for entry in tokenizer.special.ids {
            self[entry.role.metadataKey] = .uint32(UInt32(clamping: entry.id))
        }
        for flag in tokenizer.special.flags where [.bos, .eos, .sep].contains(flag.role) {
            self["tokenizer.ggml.add_\(flag.role.rawValue)_token"] = .bool(flag.isAdded)
        }
        appendChatTemplates(tokenizer.special.chatTemplates)
    }

    private mutating func appendChatTemplates(_ templates: [HFSpecialTokens.ChatTemplate]) {
        var names: [ByteString] = []
        for template in templates {
            guard let given = template.name else { continue }
            // GGUF keys are plain: all other characters become `_`.
            let name = given.description.unicodeScalars.reduce(into: "") { name, scalar in
                let isPlain =
                    scalar.isASCII
                    && (scalar.properties.isAlphabetic
                        || scalar.properties.numericType != nil)
                name.unicodeScalars.append(isPlain ? scalar : "_")
            }
            guard !name.isEmpty, name != "default" else { continue }
            if !template.text.bytes.isEmpty {
                self["tokenizer.chat_template.\(name)"] = .string(template.text)
            }
            if !names.contains(ByteString(name)) { names.append(ByteString(name)) }
        }
        if !names.isEmpty { self["tokenizer.chat_templates"] = .strings(names) }
        let main = templates.last { $0.name == nil || $0.name == "default" }
        if let main, !main.text.bytes.isEmpty {
            self["tokenizer.chat_template"] = .string(main.text)
        }
    }
}
