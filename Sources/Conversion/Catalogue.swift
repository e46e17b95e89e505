import Architectures
import GGUF
import Safetensors
import TensorCore

/// The tensors of a conversion: what a GGUF file lists, and where the values come from.
struct Catalogue: Sendable {
    private(set) var tensors: [TensorDescription] = []
    private(set) var contents: [TensorContent] = []

    /// Names that files carry along and nobody needs.
    private static let ignoredSuffixes = [
        ".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq",
    ]

    /// Maps a checkpoint's tensors.
    ///
    /// Tensors computed from the configuration come first, the checkpoint's follow in its order.
    ///
    /// - Throws: `ConversionError` about tensors that are missing, have no place or another shape
    ///   or type than expected; `ArchitectureError` about the configuration.
    init(
        family: ModelFamily, modelClass: ModelFamily.ModelClass,
        configuration: ModelConfiguration, checkpoint: Checkpoint, outputType: OutputType
    ) throws {
        for tensor in try family.generated(configuration) {
            guard let shape = Shape([tensor.values.count]) else { continue }
            append(tensor.name, shape, .generated(tensor.values), outputType)
        }
        let blockCount = try configuration.numHiddenLayers()
        let shapes = try family.tensors.map { rule in
            try rule.shape.map { try $0.size(in: configuration) }
        }
        var found = family.tensors.map { rule in
            [Bool](repeating: false, count: rule.isPerBlock ? blockCount : 1)
        }
        var unmapped: [String] = []
        for entry in checkpoint.entries {
            let stored = entry.tensor
            if Catalogue.ignoredSuffixes.contains(where: stored.name.hasSuffix) { continue }
            let name = modelClass.omittedPrefix + stored.name
            let match = family.tensors.indices.lazy.compactMap { index in
                family.tensors[index].block(of: name).map { (rule: index, block: $0) }
            }.first
            guard let match, found[match.rule].indices.contains(match.block) else {
                unmapped.append(stored.name)
                continue
            }
            let shard = checkpoint.shards[entry.shard]
            let rule = family.tensors[match.rule]
            try Catalogue.check(stored, of: shard, rule: rule, expected: shapes[match.rule])
            found[match.rule][match.block] = true
            let order = try rule.transform.headCount(in: configuration).map { heads in
                let rowCount =
                    stored.shape.rank <= 1 ? stored.shape.rowLength : stored.shape.rowCount
                return RotaryRowOrder(rowsPerHead: rowCount / heads)
            }
            append(
                rule.name(block: match.block), stored.shape,
                .stored(shard, stored, order: order), outputType)
        }
        guard unmapped.isEmpty else {
            throw ConversionError(.unmappedTensors(unmapped), path: checkpoint.directory)
        }
        var missing: [String] = []
        for (rule, blocks) in zip(family.tensors, found) where rule.presence == .required {
            missing += blocks.indices.filter { !blocks[$0] }.map { block in
                String(rule.source(block: block).dropFirst(modelClass.omittedPrefix.count))
            }
        }
        guard missing.isEmpty else {
            throw ConversionError(.missingTensors(missing), path: checkpoint.directory)
        }
    }

    private mutating func append(
        _ name: String, _ shape: Shape, _ content: TensorContent, _ outputType: OutputType
    ) {
        let format = outputType.format(
            ofTensor: name, rank: shape.rank, rowLength: shape.rowLength)
        tensors.append(TensorDescription(name: name, shape: shape, format: format))
        contents.append(content)
    }

    private static func check(
        _ stored: StoredTensor, of shard: SafetensorsFile, rule: TensorRule, expected: [Int]
    ) throws(ConversionError) {
        let path = shard.file.path
        if stored.shape.dimensions != expected {
            let isVocabulary =
                rule.shape.first == .vocabulary
                && stored.shape.dimensions.dropFirst() == expected.dropFirst()
            throw ConversionError(
                isVocabulary
                    ? .vocabularyMismatch(
                        rows: stored.shape.dimensions.first ?? 0, vocabSize: expected[0])
                    : .shapeMismatch(found: stored.shape, expected: expected),
                path: path, place: stored.name)
        }
        guard stored.dataType.isDecodable else {
            throw ConversionError(
                .unsupportedDataType(stored.dataType.rawValue), path: path, place: stored.name)
        }
    }
}
