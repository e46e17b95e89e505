public import GGUF
public import Inference
public import Quantization
public import TensorCore

/// Quantizes parts of a model one at a time, in memory, and measures what each does to its
/// predictions.
///
/// Several variants run side by side over the same windows, so that the base model runs once for
/// all of them, and each starts at its first block that is not the base's; weights are encoded
/// while they are read.
public struct SensitivityAnalysis {
    private let model: Model
    private let pool: WorkerPool
    private let grouping: SensitivityMap.Grouping
    private let formats: [Format]
    private let importance: ImportanceMatrix?

    /// Variants that run side by side.
    private static let variantsPerPass = 8

    /// Prepares an analysis.
    ///
    /// - Parameter importance: Column weights for the quantization, which also tell the error of
    ///   the layers' outputs.
    /// - Throws: `EvaluationError` when a format cannot be written, or not without importance, or the
    ///   importance is of another model.
    public init(
        _ model: Model, grouping: SensitivityMap.Grouping, formats: [Format],
        importance: ImportanceMatrix? = nil, pool: WorkerPool = WorkerPool()
    ) throws(EvaluationError) {
        for format in formats {
            guard format.encode != nil, format.decode != nil else {
                throw EvaluationError(
                    .unusableFormat(format.name, reason: "cannot be written"), path: nil)
            }
            guard format.importance != .required || importance != nil else {
                throw EvaluationError(
                    .unusableFormat(format.name, reason: "needs an importance matrix"), path: nil)
            }
        }
        for tensor in model.source.tensors where tensor.name != "token_embd.weight" {
            let shape = tensor.shape
            let matrices = shape.rank > 2 ? shape.dimensions.dropLast(2).reduce(1, *) : 1
            guard let importance, let entry = importance[tensor.name],
                entry.values.count != shape.rowLength * matrices
            else { continue }
            throw EvaluationError(
                .otherImportance(
                    found: entry.values.count, expected: shape.rowLength * matrices,
                    matrix: importance.path), path: model.path, place: tensor.name)
        }
        self.model = model
        self.grouping = grouping
        self.formats = formats
        self.importance = importance
        self.pool = pool
    }

    /// Tensors that are quantized together.
    private struct Part {
        var name: String
        var layer: Int?
        var kind: String?
        var tensors: [Int]
    }

    /// A part in a format, and the tensors of it that the format can hold.
    private struct Variant {
        var part: Part
        var format: Format
        var tensors: [Int]
        var source: RequantizedSource
    }

    /// Measures everything on a text.
    ///
    /// - Parameter progress: Called with the variants done and all of them; may throw to stop.
    /// - Throws: `InferenceError`, `FileError`.
    public func run(
        _ text: EvaluationText, progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws -> SensitivityMap {
        var skipped: [SensitivityMap.Skipped] = []
        let variants = variants(skipped: &skipped)
        guard !variants.isEmpty else {
            throw EvaluationError(.nothingToQuantize, path: model.path)
        }
        var cells: [SensitivityMap.Cell] = []
        var base: PerplexityResult?
        for first in stride(from: 0, to: variants.count, by: SensitivityAnalysis.variantsPerPass) {
            let some = variants[
                first..<min(variants.count, first + SensitivityAnalysis.variantsPerPass)]
            let squares = try squares(of: Array(some))
            let result = try Evaluator(
                base: model,
                quantized: some.map {
                    try Model(source: $0.source, description: model.description)
                }, firstOwnBlocks: some.map(firstOwnBlock), pool: pool
            ).evaluate(text)
            base = base ?? result.base
            for ((variant, level), squares) in zip(zip(some, result.levels), squares) {
                cells.append(cell(variant, level, squares))
            }
            try progress(cells.count, variants.count)
        }
        return SensitivityMap(
            model: model.path, grouping: grouping, formats: formats.map(\.name), cells: cells,
            skipped: skipped, basePerplexity: base?.perplexity ?? Estimate(.nan, standardError: 0),
            contextLength: text.contextLength, windowCount: text.windowCount,
            scoredTokenCount: base?.scoredTokenCount ?? 0)
    }

    private func variants(skipped: inout [SensitivityMap.Skipped]) -> [Variant] {
        var variants: [Variant] = []
        for part in parts() {
            for format in formats {
                var held: [Int] = []
                for tensor in part.tensors {
                    let description = model.source.tensors[tensor]
                    if format.fits(rowLength: description.shape.rowLength) {
                        held.append(tensor)
                    } else {
                        skipped.append(
                            .init(
                                tensor: description.name, format: format.name,
                                rowLength: description.shape.rowLength))
                    }
                }
                guard !held.isEmpty else { continue }
                variants.append(
                    Variant(
                        part: part, format: format, tensors: held,
                        source: RequantizedSource(
                            model.source, replacing: replacements(held, by: format))))
            }
        }
        return variants
    }

    private func replacements(
        _ tensors: [Int], by format: Format
    ) -> [Int: RequantizedSource.Replacement] {
        var replacements: [Int: RequantizedSource.Replacement] = [:]
        for tensor in tensors {
            let description = model.source.tensors[tensor]
            let values = importance?[description.name]?.values
            let length = description.shape.rowLength
            let fits = values.map {
                !$0.isEmpty && $0.count % length == 0
                    && description.shape.rowCount % ($0.count / length) == 0
            }
            replacements[tensor] = .init(format: format, importance: fits == true ? values : nil)
        }
        return replacements
    }

    /// The first block that differs from the base's; the number of blocks when none does.
    private func firstOwnBlock(_ variant: Variant) -> Int {
        variant.tensors.map(model.firstBlock(ofMatrix:)).min() ?? 0
    }

    /// What is quantized at a time, in the order of the file.
    private func parts() -> [Part] {
        var parts: [Part] = []
        var places: [String: Int] = [:]
        for (index, tensor) in model.source.tensors.enumerated() {
            let seen = RecipeModel.Tensor(
                name: tensor.name, shape: tensor.shape, format: tensor.format,
                hasImportance: false)
            guard seen.isQuantizable, tensor.format.decode != nil else { continue }
            let layer = RecipeModel.blockIndex(of: tensor.name)
            let kind = SensitivityAnalysis.kind(of: tensor.name, layer: layer)
            let part: Part =
                switch grouping {
                case .tensor: Part(name: tensor.name, layer: layer, kind: kind, tensors: [])
                case .kind: Part(name: kind, layer: nil, kind: kind, tensors: [])
                case .layer:
                    Part(
                        name: layer.map { "blk.\($0)" } ?? kind, layer: layer,
                        kind: layer == nil ? kind : nil, tensors: [])
                }
            if places[part.name] == nil {
                places[part.name] = parts.count
                parts.append(part)
            }
            if let place = places[part.name] { parts[place].tensors.append(index) }
        }
        return parts
    }

    /// `ffn_down` for `blk.3.ffn_down.weight`, `output` for `output.weight`.
    package static func kind(of name: String, layer: Int?) -> String {
        var parts = name.split(separator: ".")
        if layer != nil { parts.removeFirst(2) }
        if parts.last == "weight", parts.count > 1 { parts.removeLast() }
        return parts.joined(separator: ".")
    }

    private func squares(of variants: [Variant]) throws -> [RequantizedSource.Squares] {
        let jobs = variants.indices.flatMap { variant in
            variants[variant].tensors.map { (variant, $0) }
        }
        let sums = SquareSums(count: jobs.count)
        try pool.run(jobCount: jobs.count) { _, job in
            sums[job] = try variants[jobs[job].0].source.squares(
                ofTensor: jobs[job].1, scratch: ScratchBuffer())
        }
        var result = [RequantizedSource.Squares](repeating: .init(), count: variants.count)
        for (job, place) in jobs.enumerated() { result[place.0] += sums[job] }
        return result
    }

    /// A sum for every job.
    ///
    /// `@unchecked Sendable`: each job writes its own.
    private final class SquareSums: @unchecked Sendable {
        private let values: UnsafeMutablePointer<RequantizedSource.Squares>

        init(count: Int) {
            values = .allocate(capacity: max(1, count))
            values.initialize(repeating: .init(), count: max(1, count))
        }

        deinit { values.deallocate() }

        subscript(index: Int) -> RequantizedSource.Squares {
            get { values[index] }
            set { values[index] = newValue }
        }
    }

    private func cell(
        _ variant: Variant, _ level: LevelResult, _ squares: RequantizedSource.Squares
    ) -> SensitivityMap.Cell {
        func ratio(_ difference: Double, _ value: Double) -> Double {
            value > 0 ? (difference / value).squareRoot() : 0
        }
        var (elements, bytes) = (0, 0)
        for tensor in variant.tensors {
            let shape = model.source.tensors[tensor].shape
            elements += shape.elementCount
            bytes +=
                variant.format.byteCount(rowLength: shape.rowLength, rowCount: shape.rowCount) ?? 0
        }
        return SensitivityMap.Cell(
            name: variant.part.name, layer: variant.part.layer, kind: variant.part.kind,
            format: variant.format.name, tensorCount: variant.tensors.count,
            elementCount: elements, byteCount: bytes, divergence: level.statistics.divergence.mean,
            logPerplexityRatio: level.statistics.logPerplexityRatio,
            sameTop: level.statistics.sameTopToken,
            weightError: ratio(squares.difference, squares.value),
            outputError: squares.weightedValue > 0
                ? ratio(squares.weightedDifference, squares.weightedValue) : nil)
    }
}
