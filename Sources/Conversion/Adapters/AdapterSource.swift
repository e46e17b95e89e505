import Architectures
public import GGUF
import Quantization
import Safetensors
public import TensorCore

/// An adapter (LoRA) of PEFT seen as a GGUF file that llama.cpp and Ollama load beside the model.
///
/// Keys, tensors and values are those that llama.cpp's `convert_lora_to_gguf.py` writes. Readers add
/// `alpha / rank · lora_b · lora_a` to a tensor, `rank` being that of the factors.
public struct AdapterSource: TensorSource {
    /// What a conversion can be told.
    public struct Options: Sendable {
        /// The type of the factors.
        public var outputType: OutputType
        /// A name for `general.name` instead of the derived one.
        public var name: String?
        /// Keys that the user sets.
        public var metadata: MetadataFile?
        /// Whether scales that readers do not know of are multiplied into the factors.
        public var foldsScales: Bool

        /// Options; F32 when nothing is said.
        public init(
            outputType: OutputType = .f32, name: String? = nil, metadata: MetadataFile? = nil,
            foldsScales: Bool = false
        ) {
            self.outputType = outputType
            self.name = name
            self.metadata = metadata
            self.foldsScales = foldsScales
        }
    }

    /// The adapter's directory.
    public let path: String
    /// The GGUF metadata in file order.
    public let metadata: Metadata
    /// The tensors in file order.
    public let tensors: [TensorDescription]
    /// The adapter's file.
    public let files: [InputFile]
    /// The output type, `auto` resolved.
    public let outputType: OutputType
    /// What the user should know although the conversion goes on.
    public let notices: [String]
    /// What is probably not as the user thinks.
    public let warnings: [String]
    private let contents: [TensorContent]

    /// A tensor of the file: its name without ending, its shape and its values.
    private typealias Entry = (name: String, shape: Shape, content: TensorContent)

    /// Reads an adapter's and its base's configuration; no values are read.
    ///
    /// - Parameters:
    ///   - adapter: The adapter.
    ///   - base: The directory of the model that it was trained on; weights need not be there.
    /// - Throws: `AdapterError`, `ArchitectureError`, `ConversionError`, `FileError`, `JSONError`.
    public init(_ adapter: AdapterDirectory, base: String, options: Options = Options()) throws {
        let target = try AdapterTarget(base: base)
        let (made, foreignCount) = try AdapterSource.made(adapter, target)
        let alpha = adapter.configuration.alpha
        var entries: [Entry] = []
        for tensor in made {
            if tensor.shape.rank == 1, tensor.name.contains("_norm") {
                entries.append((tensor.name, tensor.shape, tensor.content))
                continue
            }
            let factors = try AdapterFactors(tensor) { change in
                options.foldsScales ? Float(change.scale * Double(change.rank) / alpha) : 1
            }
            entries.append((tensor.name + ".lora_a", factors.a.shape, .stored(factors.a.parts)))
            entries.append((tensor.name + ".lora_b", factors.b.shape, .stored(factors.b.parts)))
        }
        guard !entries.isEmpty else { throw AdapterError(.empty, path: adapter.path) }
        var type = options.outputType
        if type == .auto {
            type = .smallest(
                holding: entries.lazy.filter { $0.shape.rank > 1 }.flatMap(\.content.storedTypes))
        }
        tensors = entries.map { entry in
            TensorDescription(
                name: entry.name, shape: entry.shape,
                format: entry.shape.rank > 1
                    ? type.matrixFormat(rowLength: entry.shape.rowLength) : .F32)
        }
        contents = entries.map(\.content)
        outputType = type
        path = adapter.path
        files = [adapter.file]

        let count = made.reduce(0) {
            $0.addingReportingOverflow($1.shape.elementCount).partialValue
        }
        let isChange = entries.contains { $0.name.hasSuffix(".lora_a") }
        let general = try GeneralMetadata(
            directory: HuggingFaceDirectory(adapter: adapter.path), tensors: tensors,
            overrides: options.metadata, name: options.name,
            adapterParameterCount: isChange ? -count : count)
        metadata = try AdapterSource.metadata(adapter, target, general)
        notices =
            general.notices
            + (foreignCount > 0
                ? ["\(foreignCount) changes that are not the language model's are left out"] : [])
        warnings =
            adapter.configuration.warnings + general.warnings
            + (options.foldsScales ? [] : adapter.scaleWarnings)
    }

    /// Gives changes and norms to the family's rules.
    private static func made(
        _ adapter: AdapterDirectory, _ target: AdapterTarget
    ) throws -> (made: [TensorMatcher.Made], foreignCount: Int) {
        var matcher = try TensorMatcher(
            rules: target.family.tensors.rules, configuration: target.configuration,
            directory: adapter.path)
        var made: [TensorMatcher.Made] = []
        var foreignCount = 0
        for whole in adapter.wholes {
            let base = AdapterDirectory.baseName(of: whole.name)
            guard let name = try target.ruleName(of: base, path: whole.path) else {
                foreignCount += 1
                continue
            }
            let tensors = try matcher.add(whole, named: name) ?? []
            guard !tensors.isEmpty,
                tensors.allSatisfy({ $0.shape.rank == 1 && $0.name.contains("_norm") })
            else { throw AdapterError(.wholeTensor, path: whole.path, place: whole.name) }
            made += tensors
        }
        for change in adapter.changes {
            guard let name = try target.ruleName(of: change.name, path: change.a.path) else {
                foreignCount += 1
                continue
            }
            try target.refuseTied(name, path: change.a.path, place: change.name)
            let matrix = try ChangedTensor(change, isTransposed: target.storesColumns(name))
            guard let tensors = try matcher.add(matrix, named: name) else {
                throw AdapterError(.unknownModule, path: change.a.path, place: change.name)
            }
            made += tensors
        }
        if let missing = try matcher.begun().first {
            throw AdapterError(
                .missingFactor("the change to \(missing)"), path: adapter.file.path,
                place: "experts")
        }
        return (made, foreignCount)
    }

    private static func metadata(
        _ adapter: AdapterDirectory, _ target: AdapterTarget, _ general: GeneralMetadata
    ) throws -> Metadata {
        var metadata = Metadata()
        metadata["general.architecture"] = .string(
            try target.family.architecture(of: target.configuration))
        metadata["general.type"] = .string("adapter")
        metadata["adapter.type"] = .string("lora")
        for entry in general.entries { metadata[entry.key] = entry.value }
        metadata["adapter.lora.alpha"] = .float32(Float(adapter.configuration.alpha))
        let tokens = adapter.configuration.invocationTokens
        if !tokens.isEmpty { metadata["adapter.alora.invocation_tokens"] = .uint32s(tokens) }
        metadata["general.quantization_version"] = .uint32(2)
        return metadata
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

    /// Copies rows of a tensor that the adapter holds in the format of its description.
    public func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try contents[tensor].readBytes(
            rows, rowLength: tensors[tensor].shape.rowLength, into: destination)
    }
}

extension AdapterDirectory {
    /// What readers, who know alpha and the ranks, do not make of the adapter's scales.
    var scaleWarnings: [String] {
        let alpha = configuration.alpha
        let ratios = changes.map { $0.scale * Double($0.rank) / alpha }
        guard let largest = ratios.max(), let smallest = ratios.min(),
            abs(largest - 1) > 1e-6 || abs(smallest - 1) > 1e-6
        else { return [] }
        let folding = "--fold-scales writes factors with which readers need not know"
        if largest - smallest < 1e-6 {
            return [
                "readers scale by alpha / rank, the adapter was trained with"
                    + " \(String(largest)) times that (rsLoRA, alpha_pattern): load it with that"
                    + " scale (llama.cpp: --lora-scaled FILE:\(String(largest))); \(folding)"
            ]
        }
        return [
            "readers scale by alpha / rank, some changes were trained with another scale"
                + " (alpha_pattern, or rsLoRA with several ranks), \(String(smallest)) to"
                + " \(String(largest)) times that; \(folding)"
        ]
    }
}
