import Architectures
public import GGUF
import Quantization
package import Safetensors
public import TensorCore
public import Tokenization

/// A Hugging Face directory seen as a GGUF file.
///
/// Metadata, list of tensors and values are those that llama.cpp's `convert_hf_to_gguf.py` writes for the
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
        /// Keys that the user sets.
        public var metadata: MetadataFile?
        /// A chat template instead of the directory's.
        public var chatTemplate: ByteString?
        /// Whether the file gets no tensors; weights need not be there.
        public var isVocabularyOnly: Bool
        /// Patterns of the checkpoint's tensors that are left out; regular expressions, of which a
        /// name contains a match.
        public var ignoredTensors: [String]
        /// The directory of the model that a draft model is for.
        public var target: String?
        /// Whether the matrices that the sentence-transformers library keeps behind a model become a part
        /// of the file, where they do so on request only.
        public var includesDenseModules = false
        /// Whether a model of which readers of its file compute another is refused.
        public var refusesDepartures = false
        /// An adapter (LoRA) that is merged into the weights, and that names the model.
        public var adapter: AdapterDirectory?

        /// Options; F16 when nothing is said.
        public init(
            outputType: OutputType = .f16, name: String? = nil, pre: String? = nil,
            metadata: MetadataFile? = nil, chatTemplate: ByteString? = nil,
            isVocabularyOnly: Bool = false,
            ignoredTensors: [String] = [], adapter: AdapterDirectory? = nil, target: String? = nil
        ) {
            self.outputType = outputType
            self.name = name
            self.pre = pre
            self.metadata = metadata
            self.chatTemplate = chatTemplate
            self.isVocabularyOnly = isVocabularyOnly
            self.ignoredTensors = ignoredTensors
            self.adapter = adapter
            self.target = target
        }
    }

    /// The directory.
    public let path: String
    /// The GGUF metadata in file order.
    public let metadata: Metadata
    /// The tensors in file order; formats are those of the output type.
    public let tensors: [TensorDescription]
    /// The shards.
    public let files: [InputFile]
    /// The output type, `auto` resolved.
    public let outputType: OutputType
    /// The method by which the directory's weights are quantized; `nil` where they are plain.
    public let quantizationMethod: String?
    /// What the directory stores its weights as: `W4A16 g128`, `BF16`.
    public let storedType: String
    /// The bytes of the directory's tensors as they are stored, of quantized ones with all parts.
    public let storedByteCount: Int
    /// What the user should know although the conversion goes on.
    public let notices: [String]
    /// Where parts of the directory contradict each other or cannot be read, and what was taken.
    public let warnings: [String]
    /// Those of the warnings that tell what readers of a GGUF file compute otherwise than the model.
    public let departures: [String]
    /// The tokenizer of the directory.
    public let tokenizer: HFTokenizer
    private let contents: [TensorContent]

    /// Opens a directory and derives metadata and list of tensors; no weights are read.
    ///
    /// - Throws: `ArchitectureError` about the configuration, `SafetensorsError` about the weights'
    ///   files, `TokenizationError` about the tokenizer, `ConversionError` about how they fit
    ///   together, `FileError` and `JSONError`.
    public init(directory path: String, options: Options = Options()) throws {
        try self.init(directory: path, options: options, values: nil)
    }

    /// The same with tensors that are not in the directory's files (yet).
    package init(
        directory path: String, options: Options, values exported: [any ReadableTensor]?
    ) throws {
        let directory = try HuggingFaceDirectory(path: path)
        let configPath = directory.file("config.json")
        let family = try ModelFamily.of(config: directory.config, path: configPath)
        var configuration = try family.configuration(directory.config, path: configPath)
        configuration.pooling = try directory.pooling()
        configuration.endTokens =
            directory.generationConfig?["eos_token_id"]?.array?
            .compactMap { $0.integer.flatMap { UInt32(exactly: $0) } } ?? []
        configuration.suppressedTokens =
            directory.generationConfig?["suppress_tokens"]?.array?
            .compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
        let target = try options.target.map { try HuggingFaceDirectory(path: $0) }
        configuration.target = target?.config
        let review = try family.review(configuration)
        if options.refusesDepartures, let departure = review.departures.first { throw departure }
        try directory.checkConvertible()
        let weights = try ConvertedWeights(
            directory, family, &configuration, options: options, values: exported)
        let place = try TokenizerDirectory(directory, family, target: target)
        let tokenizer = try HFTokenizer.load(place, configuration, options: options)
        if family.checkpoint.suppressesEmptyTokens {
            configuration.suppressedTokens = try weights.mapping.emptyTokens(
                after: tokenizer.ownTokenCount)
        }
        let general = try GeneralMetadata(
            directory: options.adapter.map { try HuggingFaceDirectory(adapter: $0.path) }
                ?? directory,
            tensors: weights.mapping.tensors, overrides: options.metadata, name: options.name,
            sampling: directory)
        metadata = try ConversionSource.metadata(
            place, family, configuration, weights, general, tokenizer)

        let faults =
            options.isVocabularyOnly
            ? []
            : ReaderRequirements(
                metadata: metadata, tensors: weights.mapping.tensors, path: directory.path
            ).faults()
        if let fault = faults.first(where: \.isFatal) { throw fault }
        self.path = directory.path
        self.tokenizer = tokenizer
        outputType = weights.outputType
        tensors = weights.mapping.tensors
        contents = weights.mapping.contents
        files = weights.files
        quantizationMethod = weights.method
        storedType = weights.storedType
        storedByteCount = weights.storedByteCount
        departures = review.warnings
        warnings =
            departures + weights.warnings + general.warnings + faults.map(\.description)
        // GGUF has no key for it: the file is right up to the context that the model was trained on.
        // Families that have another way to say it write a scaling.
        let isDynamic =
            try RotaryParameters(configuration).type == "dynamic"
            && !metadata.entries.contains { $0.key.hasSuffix(".rope.scaling.factor") }
        notices =
            try directory.notices + weights.notices + general.notices + configuration.notices
            + review.notices + tokenizer.notices + tokenizer.readerLimitNotices(metadata)
            + (isDynamic
                ? ["dynamic rotary scaling is not carried over; contexts stay as trained"] : [])
    }

    /// The checkpoint's tensors that a tensor is made of, in the order of its parts; none where it is
    /// computed.
    package func parts(ofTensor tensor: Int) -> [any ReadableTensor] {
        if case .stored(let stored) = contents[tensor] { stored.parts.map(\.values) } else { [] }
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

    /// A million for matrices that are stored with rows and columns exchanged: of few rows of the file
    /// each stored row has a few values only.
    public func readCount(ofTensor tensor: Int) -> Int? {
        guard case .stored(let parts) = contents[tensor] else { return nil }
        return parts.parts.contains { $0.view.axes.last?.stride != 1 } ? 1 << 20 : nil
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
