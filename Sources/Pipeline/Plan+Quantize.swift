public import GGUF
public import Quantization
import TensorCore

extension Plan {
    /// The plan of `quantize`: the recipe's formats, tensors and metadata in the order in which the
    /// peer writes them.
    ///
    /// - Throws: `RecipeError` when the recipe cannot be applied, `PipelineError`, `GGUFError`.
    public static func quantize(
        _ source: any TensorSource, recipe: Recipe, options: QuantizeOptions,
        outputPath: String
    ) throws -> Plan {
        let model = try QuantizedModel(source, recipe: recipe, options: options, keepsOrder: false)
        return try model.plan(recipe: recipe, options: options, outputPath: outputPath)
    }

    /// The format of each tensor of the source's list, as `quantize` would choose it: what a file of
    /// a type takes, of a source that has no vocabulary yet too.
    ///
    /// - Throws: `RecipeError` when the recipe cannot be applied, `PipelineError`.
    public static func formats(
        _ source: any TensorSource, recipe: Recipe, options: QuantizeOptions
    ) throws -> [Format] {
        let model = try QuantizedModel(source, recipe: recipe, options: options, keepsOrder: true)
        return model.choices.map(\.format)
    }

    /// The plans of `quantize --keep-split`: of the whole as if it were one file, and of a file for
    /// each file of the source, with the same tensors; the first has the metadata.
    ///
    /// - Parameter outputPath: The files are called like it, with `-00001-of-00003` before the
    ///   ending.
    /// - Throws: `RecipeError` when the recipe cannot be applied, `PipelineError`, `GGUFError`.
    public static func quantizeKeepingSplit(
        _ split: SplitSource, recipe: Recipe, options: QuantizeOptions, outputPath: String
    ) throws -> (whole: Plan, files: [Plan]) {
        let model = try QuantizedModel(split, recipe: recipe, options: options, keepsOrder: true)
        let parts = split.shards.indices.map { shard in
            model.order.indices.filter { place in
                split.shardNumbers[model.position(ofTensor: model.order[place])] == shard
            }
        }
        let whole = try model.plan(recipe: recipe, options: options, outputPath: outputPath)
        return (whole, try whole.split(into: parts))
    }
}

/// What a user can ask of `quantize` besides the type.
public struct QuantizeOptions: Sendable {
    /// What the user changes about the recipe.
    public var recipe: RecipeOptions
    /// Weights for the columns of the tensors.
    public var importance: ImportanceMatrix?
    /// The tensors that will be rounded by what a calibration text says of their inputs; `nil`
    /// without calibration.
    ///
    /// A recipe takes them as tensors with importance.
    public var calibrated: Set<String>?
    /// Whether a tensor that is already quantized may be decoded and quantized again.
    public var allowsRequantization: Bool
    /// Metadata that the user sets.
    ///
    /// The recipe sees it too.
    public var metadataOverrides: [MetadataOverride] = []
    /// Blocks that are left out.
    public var prunedBlocks: Set<Int> = []

    /// Creates options.
    public init(
        recipe: RecipeOptions = RecipeOptions(), importance: ImportanceMatrix? = nil,
        allowsRequantization: Bool = false
    ) {
        self.recipe = recipe
        self.importance = importance
        self.allowsRequantization = allowsRequantization
    }
}

/// A source with a recipe and options applied: what is common to all files of the output.
private struct QuantizedModel {
    /// The source, without the blocks that are left out.
    let source: any TensorSource
    /// The source's tensors in the order of the output.
    let order: [Int]
    /// The format of each, in that order.
    let choices: [FormatChoice]
    /// The name of each of the source's tensors in the importance matrix.
    let importanceNames: [String]
    /// The metadata of the output.
    let metadata: Metadata
    /// What the plan should say about the options.
    let remarks: [String]

    init(
        _ base: any TensorSource, recipe: Recipe, options: QuantizeOptions, keepsOrder: Bool
    ) throws {
        try base.requireModel(isProjectorAllowed: true)
        var overridden = base.metadata
        for entry in options.metadataOverrides { overridden[entry.key] = entry.value }
        let metadata = QuantizedModel.metadata(of: base, recipe: recipe, options: options)
        var remarks: [String] = []
        if options.prunedBlocks.isEmpty {
            source = base
            importanceNames = base.tensors.map(\.name)
            self.metadata = metadata
        } else {
            let pruned = try PrunedSource(
                base, metadata: metadata, without: options.prunedBlocks)
            source = pruned
            importanceNames = pruned.originalNames
            self.metadata = pruned.metadata
            remarks += pruned.remarks
        }
        let tensors = source.tensors
        order =
            keepsOrder
            ? Array(tensors.indices)
            : tensors.indices.sorted {
                RecipeModel.isWrittenBefore(tensors[$0].name, tensors[$1].name)
            }
        // Rules that count layers count those of the whole model, as the peer's do.
        let model = try QuantizedModel.model(
            of: source, metadata: overridden, order: order, options: options,
            importanceNames: importanceNames)
        choices = try recipe.choose(model, options: options.recipe)
        remarks += try recipe.remarks(on: options.recipe, for: model).map(\.text)
        self.remarks = remarks
        for (index, choice) in zip(order, choices) where !options.allowsRequantization {
            let tensor = tensors[index]
            guard tensor.format == choice.format || tensor.format.blockElementCount == 1 else {
                throw PipelineError(
                    .requantization(format: tensor.format.name), path: source.path,
                    place: tensor.name)
            }
        }
    }

    /// The plan of one file.
    func plan(recipe: Recipe, options: QuantizeOptions, outputPath: String) throws -> Plan {
        var plan = try Plan(
            source: source, order: order, choices: choices, importance: options.importance,
            importanceNames: importanceNames, metadata: metadata, outputPath: outputPath,
            recipeName: recipe.name)
        plan.remarks = remarks
        try plan.checkForReaders()
        return plan
    }

    /// The number in the whole model of a tensor of the source.
    func position(ofTensor tensor: Int) -> Int {
        (source as? PrunedSource)?.positions[tensor] ?? tensor
    }

    private static func model(
        of source: any TensorSource, metadata: Metadata, order: [Int],
        options: QuantizeOptions, importanceNames: [String]
    ) throws -> RecipeModel {
        guard let architecture = metadata["general.architecture"]?.text else {
            throw PipelineError(
                .metadata(key: "general.architecture", found: "missing", expected: "a string"),
                path: source.path)
        }
        func largest(_ key: String) -> Int? {
            let value = metadata["\(architecture).\(key)"]
            return value?.integer ?? value?.integers?.max()
        }
        let headCount = largest("attention.head_count") ?? 0
        return RecipeModel(
            architecture: architecture,
            blockCount: largest("block_count") ?? 0,
            headCount: headCount,
            headCountKV: largest("attention.head_count_kv") ?? headCount,
            expertCount: largest("expert_count") ?? 0,
            hasImportanceMatrix: options.importance != nil || options.calibrated != nil,
            tensors: order.map { index in
                let tensor = source.tensors[index]
                return RecipeModel.Tensor(
                    name: tensor.name, shape: tensor.shape, format: tensor.format,
                    hasImportance: options.importance?[importanceNames[index]] != nil
                        || options.calibrated?.contains(importanceNames[index]) == true)
            })
    }

    /// The source's metadata with the keys that quantization and the user set, each moved to the
    /// end.
    private static func metadata(
        of source: any TensorSource, recipe: Recipe, options: QuantizeOptions
    ) -> Metadata {
        var metadata = source.metadata
        metadata.moveToEnd("general.quantization_version", .uint32(2))
        let fileType =
            recipe.fileType
            ?? source.metadata["general.file_type"]?.integer.flatMap { UInt32(exactly: $0) } ?? 0
        metadata.moveToEnd("general.file_type", .uint32(fileType))
        for key in SplitSource.keys { metadata[key] = nil }
        for entry in options.metadataOverrides { metadata.moveToEnd(entry.key, entry.value) }
        guard let importance = options.importance else { return metadata }
        // The peer writes 127 bytes of these texts.
        func text(_ text: String) -> MetadataValue { .string(ByteString(text.utf8.prefix(127))) }
        metadata.moveToEnd("quantize.imatrix.file", text(importance.recordedName))
        if let dataset = importance.datasets.first {
            metadata.moveToEnd("quantize.imatrix.dataset", text(dataset))
        }
        metadata.moveToEnd(
            "quantize.imatrix.entries_count", .uint32(UInt32(clamping: importance.entries.count)))
        if importance.chunkCount > 0 {
            metadata.moveToEnd(
                "quantize.imatrix.chunks_count", .uint32(UInt32(clamping: importance.chunkCount)))
        }
        return metadata
    }
}
