import Architectures
import GGUF
import Quantization
import Safetensors
import TensorCore

/// A checkpoint's tensors mapped to those of a GGUF file: what the file lists, and where the values
/// come from.
struct TensorMapping: Sendable {
    private(set) var tensors: [TensorDescription] = []
    private(set) var contents: [TensorContent] = []
    /// Keys made of tensors.
    private(set) var learned: [MetadataEntry] = []
    /// What the user should know.
    private(set) var notices: [String] = []
    /// What is probably not as the user thinks.
    private(set) var warnings: [String] = []
    /// Whether routers of experts get the type of the other matrices.
    private var roundsRouters = false
    /// Parts that stay F32 in this family's files.
    private var exactParts: Set<String> = []
    /// Whether matrices keep the type that they are stored in.
    private var keepsTypes = false

    /// Names that files carry along and nobody needs.
    private static let ignoredSuffixes = [
        ".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq",
    ]

    /// A checkpoint's tensors by what their names mean.
    private struct Sorted {
        /// Those that the family's rules know, with the names there.
        var named: [OutputHead.Named] = []
        var unmapped: [String] = []
        /// What the checkpoint leaves off the front of the rules' names.
        var omittedPrefix = ""
        var foreignCount = 0
        var predictorCount = 0
    }

    /// Maps a checkpoint's tensors.
    ///
    /// Tensors computed from the configuration come first, the checkpoint's follow in its order;
    /// where several become one or more, at the place of the last of them.
    ///
    /// - Parameter ignored: Patterns of tensors that are left out.
    /// - Throws: `ConversionError` about tensors that are missing, have no place or another shape
    ///   or type than expected; `ArchitectureError` about the configuration.
    init(
        family: ModelFamily, configuration: ModelConfiguration, values: [any ReadableTensor],
        directory: String, outputType: OutputType, ignoring ignored: [String] = []
    ) throws {
        roundsRouters = family.checkpoint.roundsRouters
        exactParts = family.checkpoint.exactParts(configuration)
        keepsTypes = family.checkpoint.keepsTypes
        for tensor in try family.rotary.tensors(configuration) {
            guard let shape = Shape([tensor.values.count]) else { continue }
            append(
                .init(name: tensor.name, shape: shape, content: .generated(tensor.values)),
                outputType)
        }
        var left = try IgnoredTensors(ignored)
        var sorted = try TensorMapping.sorted(
            values.filter { try !left.contains($0.name) }, family, configuration, directory)
        let head = try OutputHead(
            &sorted.named, family: family, configuration: configuration, directory: directory)
        var matcher = try TensorMatcher(
            rules: family.tensors.rules, configuration: configuration, directory: directory)
        var numbers = try LearnedNumbers(family, configuration: configuration)
        var (leading, others): ([TensorMatcher.Made], [TensorMatcher.Made]) = ([], [])
        for (stored, name) in sorted.named {
            if try numbers.add(stored, named: name) { continue }
            let counted = try family.ruleName(countingOn: name, in: configuration)
            guard let made = try matcher.add(stored, named: counted) else {
                sorted.unmapped.append(stored.name)
                continue
            }
            leading += made.filter(\.isLeading)
            others += made.filter { !$0.isLeading }
        }
        if family.checkpoint.sortsLeading {
            leading.sort { ($0.rule, $0.block, $0.output) < ($1.rule, $1.block, $1.output) }
        }
        for tensor in leading { append(tensor, outputType) }
        guard sorted.unmapped.isEmpty else {
            throw ConversionError(.unmappedTensors(sorted.unmapped), path: directory)
        }
        let missing = try matcher.missing() + numbers.missing
        guard missing.isEmpty else {
            let prefix = sorted.omittedPrefix
            throw ConversionError(
                .missingTensors(
                    missing.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }),
                path: directory)
        }
        learned = numbers.entries
        for tensor in others where !tensor.isTrailing { append(tensor, outputType) }
        for tensor in others where tensor.isTrailing { append(tensor, outputType) }
        notices = left.notices + head.notices
        warnings = left.warnings + head.warnings
        try complete(in: family.architecture(of: configuration), outputType)
        describe(sorted, absentPredictorCount: try matcher.absentPredictors().count)
    }

    /// Finds the rules' names of a checkpoint's tensors.
    private static func sorted(
        _ values: [any ReadableTensor], _ family: ModelFamily, _ configuration: ModelConfiguration,
        _ directory: String
    ) throws -> Sorted {
        let names = try CheckpointNames(family, in: configuration)
        let layerCount = try configuration.numHiddenLayers()
        var sorted = Sorted()
        var adapters: [String] = []
        for stored in values {
            if ignoredSuffixes.contains(where: stored.name.hasSuffix) { continue }
            switch names.meaning(of: stored.name) {
            case .rule(let name):
                if family.checkpoint.multiTokenPrediction == .leftOut,
                    let place = ModelFamily.layerPattern.place(ofNameBeginning: name.utf8),
                    place.block >= layerCount
                {
                    sorted.predictorCount += 1
                    continue
                }
                if sorted.named.isEmpty, name.hasSuffix("." + stored.name) {
                    sorted.omittedPrefix = String(name.dropLast(stored.name.count))
                }
                sorted.named.append((stored, name))
            case .foreign: sorted.foreignCount += 1
            case .adapter: adapters.append(stored.name)
            case .unknown: sorted.unmapped.append(stored.name)
            }
        }
        guard adapters.isEmpty else {
            throw ConversionError(.adapterTensors(adapters), path: directory)
        }
        return sorted
    }

    /// Writes what readers need and the model does without: the embeddings a second time as output
    /// matrix, and biases of zeros.
    private mutating func complete(in architecture: String, _ outputType: OutputType) {
        func lacks(_ name: String) -> Bool { !tensors.contains { $0.name == name } }
        guard let index = tensors.firstIndex(where: { $0.name == "token_embd.weight" }) else {
            return
        }
        if ReaderRequirements.needsOutputMatrix(architecture), lacks("output.weight") {
            append(
                .init(
                    name: "output.weight", shape: tensors[index].shape, content: contents[index]),
                outputType)
            notices.append(
                "output.weight is the embeddings once more; readers of \(architecture) need one")
        }
        var biases: [TensorMatcher.Made] = []
        for tensor in tensors
        where ReaderRequirements.needsBias(architecture, ofWeight: tensor.name) {
            let name = String(tensor.name.dropLast("weight".count)) + "bias"
            guard lacks(name), let count = tensor.shape.dimensions.first,
                let shape = Shape([count])
            else { continue }
            let zeros = [Float](repeating: 0, count: count)
            biases.append(.init(name: name, shape: shape, content: .generated(zeros)))
        }
        for bias in biases { append(bias, outputType) }
        if !biases.isEmpty {
            notices.append(
                "\(biases.count) biases are zero; readers of \(architecture) need them")
        }
    }

    private mutating func describe(_ sorted: Sorted, absentPredictorCount: Int) {
        for (count, text) in [
            (sorted.foreignCount, "tensors that are not the language model's are left out"),
            (
                sorted.predictorCount,
                "tensors of layers that predict further tokens are left out"
            ),
            (
                absentPredictorCount,
                "layers that predict further tokens are in the configuration and not in the "
                    + "checkpoint"
            ),
        ] where count > 0 {
            notices.append("\(count) \(text)")
        }
    }

    /// No tensors: a vocabulary alone.
    init() {}

    /// Whether there are experts whose blocks of MXFP4 were stored one by one, which makes the file's
    /// type.
    var keepsPacked: Bool {
        contents.contains { if case .mxfp4(let rows) = $0 { rows.parts.count > 1 } else { false } }
    }

    /// The stored types of the tensors that an output type decides the format of.
    var decidedTypes: [DataType?] {
        zip(tensors, contents).flatMap { tensor, content in
            tensor.format == .F32 ? [] : content.storedTypes
        }
    }

    /// The same tensors for another output type.
    func with(_ outputType: OutputType) -> TensorMapping {
        var mapping = self
        mapping.tensors = zip(tensors, contents).map { tensor, content in
            TensorDescription(
                name: tensor.name, shape: tensor.shape,
                format: format(of: content, tensor.name, tensor.shape, in: outputType))
        }
        return mapping
    }

    private func format(
        of content: TensorContent, _ name: String, _ shape: Shape, in outputType: OutputType
    ) -> Format {
        let parts = name.split(separator: ".")
        let own = parts.first == "blk" ? parts.dropFirst(2) : parts[...]
        if exactParts.contains(own.joined(separator: ".")), case .stored = content { return .F32 }
        if keepsTypes, shape.rank > 1, !name.hasSuffix("_norm.weight"),
            let kept = content.keptFormat(rowLength: shape.rowLength)
        {
            return kept
        }
        let name = roundsRouters ? name.replacing(".ffn_gate_inp.", with: ".ffn_up.") : name
        return content.format(in: outputType, name: name, shape: shape)
    }

    private mutating func append(_ tensor: TensorMatcher.Made, _ outputType: OutputType) {
        tensors.append(
            TensorDescription(
                name: tensor.name, shape: tensor.shape,
                format: format(of: tensor.content, tensor.name, tensor.shape, in: outputType)))
        contents.append(tensor.content)
    }
}
