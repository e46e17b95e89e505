import Architectures
public import GGUF
import Quantization
package import Safetensors
import TensorCore
import Tokenization

/// A GGUF file seen as a Hugging Face directory: configuration, tokenizer, model card and weights.
///
/// Everything but the weights is made at once; weights are read, put back into the checkpoint's
/// order and written in pieces. Before a weight is written the directory is converted forward
/// again, without weights, and compared with the file: what would come back as another model is an
/// error.
public struct ExportedCheckpoint: Sendable {
    /// The type of the weights.
    public enum WeightType: String, Sendable, CaseIterable {
        case f32, f16, bf16
        /// Every tensor as it is stored; quantized ones as F16, MXFP4 as BF16, which holds it.
        case auto

        func dataType(of format: Format) -> DataType {
            switch self {
            case .f32: .F32
            case .f16: .F16
            case .bf16: .BF16
            case .auto:
                switch format {
                case .F32: .F32
                case .BF16, .MXFP4: .BF16
                default: .F16
                }
            }
        }
    }

    /// The family's name.
    public let familyName: String
    /// transformers' name of the model class.
    public let className: String
    /// The number of the checkpoint's tensors.
    public var tensorCount: Int { weights.count + denseModules.count }

    /// The file, under the name of the text-only architecture where it is written as one.
    let source: any TensorSource
    /// The architecture of a model that also takes pictures, of which this is the language model.
    let isTextOf: String?
    let type: WeightType
    package let weights: [any ReadableTensor]
    /// Matrices behind the model, each for a folder of its own.
    let denseModules: [DenseModule]
    /// The values that a conversion does not give back to the bit, at any type of the weights.
    let inexactCount: Int
    /// The weights that begin a file of their own, so that they come back in order where the same
    /// bytes do: a file is read in the order of its tensors' names.
    let fileStarts: [Int]
    /// The names and contents of the files beside the weights.
    package let files: [(name: String, bytes: [UInt8])]

    /// Finds the family and makes all but the weights.
    ///
    /// - Throws: `ConversionError` when no family is known that such a file is exported as,
    ///   `ArchitectureError` and `TokenizationError` about the file's keys.
    public init(_ file: any TensorSource, type: WeightType = .auto) throws {
        self.type = type
        guard let architecture = file.metadata["general.architecture"]?.text else {
            throw ConversionError(
                .notExportable("no key general.architecture"), path: file.path)
        }
        var seen: Set<String> = []
        let families = ModelFamily.all.filter {
            $0.export != nil && seen.insert($0.name).inserted
        }
        var failure: (any Error)?
        let own = families.filter { $0.architectures.contains(architecture) }
        let others = families.filter { $0.export?.textOf.contains(architecture) ?? false }
        for (family, isText) in own.map({ ($0, false) }) + others.map({ ($0, true) }) {
            guard let export = family.export else { continue }
            let source: any TensorSource =
                isText ? LanguageModelSource(file, as: family.architecture) : file
            let keys = ExportedCheckpoint.keys(
                source, architecture: isText ? family.architecture : architecture)
            guard export.fits(keys) else { continue }
            do {
                let name = export.otherClass(keys)?.className ?? family.classes[0]
                let made = try ExportedCheckpoint.make(family, export, name, keys, source, type)
                self.source = source
                isTextOf = isText ? architecture : nil
                familyName = family.name
                className = name
                weights = made.weights
                denseModules = made.denseModules
                inexactCount = made.inexactCount
                fileStarts = made.fileStarts
                files = made.files
                return
            } catch {
                // Of several families the first is the usual one; its complaint counts.
                if failure == nil { failure = error }
            }
        }
        throw failure
            ?? ConversionError(
                .notExportable(
                    "the architecture \(architecture), expected one of "
                        + Set(families.flatMap(\.architectures)).sorted().joined(separator: ", ")),
                path: file.path, place: "general.architecture")
    }

    private static func keys(
        _ source: any TensorSource, architecture: String
    ) -> ConfigurationExport.Source {
        let numbers = Dictionary(
            source.tensors.enumerated().map { ($0.element.name, $0.offset) },
            uniquingKeysWith: { $1 })
        let places = Dictionary(
            source.metadata.entries.enumerated().map { ($0.element.key, $0.offset) },
            uniquingKeysWith: { $1 })
        return .init(
            value: { source.metadata["\(architecture).\($0)"] },
            tokenizer: { source.metadata["tokenizer.ggml.\($0)"] },
            place: { places["\(architecture).\($0)"] },
            tensor: { try numbers[$0].flatMap { try values(ofSmall: $0, of: source) } },
            shape: { numbers[$0].map { source.tensors[$0].shape.dimensions } },
            format: { numbers[$0].map { source.tensors[$0].format.name } })
    }

    private typealias Made = (
        weights: [any ReadableTensor], denseModules: [DenseModule], inexactCount: Int,
        fileStarts: [Int],
        files: [(name: String, bytes: [UInt8])]
    )

    private static func make(
        _ family: ModelFamily, _ export: ConfigurationExport, _ className: String,
        _ keys: ConfigurationExport.Source, _ source: any TensorSource, _ type: WeightType
    ) throws -> Made {
        let vocabulary = try Vocabulary(metadata: source.metadata, file: source.path)
        let tokenizer = try VocabularyExport(
            vocabulary, metadata: source.metadata, tokenizerClass: export.tokenizerClass,
            piecesFile: export.tokenizerFile, file: source.path)
        let embedding =
            source.tensors.first { $0.name == "token_embd.weight" }?.format ?? .F16
        let entries =
            try export.configuration(
                className: className, vocabularySize: vocabulary.tokens.count,
                dataType: ["F32": "float32", "BF16": "bfloat16"][
                    type.dataType(of: embedding).rawValue] ?? "float16",
                source: keys)
            + tokenizer.configuration
        let config = JSON.object(entries.map { .init(key: ByteString($0.key), value: $0.value) })
        var configuration = try family.configuration(config, path: source.path)
        for length in family.checkpoint.measured {
            guard let sizes = keys.shape(length.tensor), sizes.indices.contains(length.dimension)
            else { continue }
            configuration.set(length.key, .integer(sizes[length.dimension]))
        }
        if case .apart = family.checkpoint.multiTokenPrediction {
            configuration.predictorCount = keys.predictorCount
        }
        let exporter = TensorExporter(
            family: family, configuration: configuration, source: source,
            dataType: { type.dataType(of: $0) })
        var (groups, left) = try exporter.tensors()
        let dense = DenseModule.taken(from: &groups, of: family)
        let generated = Set(try family.rotary.tensors(configuration).map(\.name))
        let unknown = left.map { source.tensors[$0].name }.filter { !generated.contains($0) }
        guard unknown.isEmpty else {
            throw ConversionError(
                .tensorsWithoutSource(unknown, className: className),
                path: source.path)
        }
        var files: [(name: String, bytes: [UInt8])] = [
            ("config.json", config.written()),
            (
                "generation_config.json",
                generation(
                    source.metadata, vocabulary, endTokens: export.endTokens(keys)
                ).written()
            ),
            ("README.md", Array(ModelCard.frontMatter(of: source.metadata).utf8)),
        ]
        files += tokenizer.files
        files += moduleFiles(keys, dense)
        let learned = try LearnedValue.all(
            of: family, blockCount: configuration.blockCount(), metadata: source.metadata,
            path: source.path)
        let weights = groups.flatMap(\.self)
        let inexactCount = weights.reduce(0) { $0 + $1.inexactCount }
        let starts = comesBack(source, as: type) ? fileStarts(groups) : []
        return (weights + learned, dense, inexactCount, starts, files)
    }

    /// Whether a conversion gives the file back byte for byte: no weight gets another type.
    static func comesBack(_ source: any TensorSource, as type: WeightType) -> Bool {
        let floats: [Format] = [.F32, .F16, .BF16]
        return type == .auto && source.tensors.allSatisfy { floats.contains($0.format) }
    }

    /// More files than this are no help.
    private static let mostFileStarts = 256

    /// The first weights of groups whose last name comes before that of the group in front.
    ///
    /// A group of the file's tensors stands where the last of its sources is read.
    private static func fileStarts(_ groups: [[ExportedTensor]]) -> [Int] {
        var starts: [Int] = []
        var (count, last) = (0, [UInt8]())
        for group in groups {
            let names = group.map { Array($0.name.utf8) }
            let name = names.max { $0.lexicographicallyPrecedes($1) } ?? []
            if name.lexicographicallyPrecedes(last) { starts.append(count) }
            last = name
            count += group.count
        }
        return starts.count <= mostFileStarts ? starts : []
    }

    /// The values of a tensor computed from a configuration; `nil` for those of a size that none
    /// has.
    static func values(ofSmall tensor: Int, of source: any TensorSource) throws -> [Float]? {
        let shape = source.tensors[tensor].shape
        guard (1...1 << 16).contains(shape.elementCount) else { return nil }
        var values = [Float](repeating: 0, count: shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try source.readRows(
                0..<shape.rowCount, ofTensor: tensor, into: base, scratch: ScratchBuffer())
        }
        return values
    }

    /// `generation_config.json`: what the file recommends for sampling, and the tokens at the ends.
    private static func generation(
        _ metadata: Metadata, _ vocabulary: Vocabulary, endTokens: [Int]
    ) -> JSON {
        var members: [(key: String, value: JSON)] = [Vocabulary.SpecialRole.bos, .eos, .pad]
            .compactMap { role in
                vocabulary.specialIDs[role].map {
                    ("\(role.rawValue)_token_id", .integer(Int($0)))
                }
            }
        if !endTokens.isEmpty {
            members.removeAll { $0.key == "eos_token_id" }
            members.append(("eos_token_id", .array(endTokens.map { .integer($0) })))
        }
        for (key, name) in [
            ("sequence", "sequence"), ("top_k", "top_k"), ("top_p", "top_p"), ("min_p", "min_p"),
            ("xtc_probability", "xtc_probability"), ("xtc_threshold", "xtc_threshold"),
            ("temp", "temperature"), ("penalty_last_n", "penalty_last_n"),
            ("penalty_repeat", "penalty_repeat"), ("mirostat", "mirostat"),
            ("mirostat_tau", "mirostat_tau"), ("mirostat_eta", "mirostat_eta"),
        ] {
            switch metadata["general.sampling.\(key)"] {
            case .float32(let value)?:
                if let value = Double("\(value)") { members.append((name, .real(value))) }
            case .string(let text)?: members.append((name, .string(text)))
            case let value?:
                if let value = value.integer { members.append((name, .integer(value))) }
            case nil: break
            }
        }
        return .object(members.map { .init(key: ByteString($0.key), value: $0.value) })
    }
}
