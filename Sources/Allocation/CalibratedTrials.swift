import Calibration
import Evaluation
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore

/// Runs mixtures with their matrices rounded as a calibration rounds them: Hessians are made, matrices
/// rounded and the windows' rows taken on block by block, and nothing is kept of a block.
///
/// Less thorough than what is written: fewer tokens, one shrinkage, the least effort; all that for
/// all mixtures alike. Embeddings that are the output matrix too are looked up as their format's
/// encoder rounds them.
struct CalibratedTrials {
    private let model: Allocatable
    private let runnable: Model
    private let text: CalibrationWindows
    private let inputs: [String: [Float]]
    private let pool: WorkerPool

    /// Tokens of the calibration that are enough for trials and shares of errors.
    private static let tokenCount = 8192

    init(
        _ model: Allocatable, _ runnable: Model, text: CalibrationWindows,
        inputs: [String: [Float]], pool: WorkerPool
    ) {
        self.model = model
        self.runnable = runnable
        self.text = text.thinned(to: CalibratedTrials.tokenCount)
        self.inputs = inputs
        self.pool = pool
    }

    private func rounding(_ formats: [Int: [Format]]) throws -> CalibratedRounding {
        try CalibratedRounding(
            runnable, formats: formats.mapValues { $0.filter { $0.blockElementCount > 1 } },
            windows: text, effort: .fast, search: .quick, pool: pool)
    }

    /// About how many bytes trials on so many tokens take: the calibration's, the rows of all finalists,
    /// and a block's matrices in some formats.
    func memoryByteCount(tokenCount: Int) throws -> Int {
        let all = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.index, $0.formats) })
        var blocks: [Int: Int] = [:]
        for tensor in model.tensors {
            let block = RecipeModel.blockIndex(of: tensor.description.name) ?? -1
            blocks[block, default: 0] += tensor.description.shape.elementCount
        }
        return try rounding(all).memoryByteCount + 7 * tokenCount * runnable.width * 4
            + 3 * (blocks.values.max() ?? 0)
    }

    /// What feedback leaves of the encoders' errors, by tensor and by the numbers of its formats; 1
    /// where there is none.
    func errorShares(progress: (Double) throws -> Void) throws -> [[Double]] {
        let rounding = try rounding(
            Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.index, $0.formats) }))
        var sums: [Int: [Format: (sum: Double, count: Double)]] = [:]
        let groups = rounding.groups
        for (number, group) in groups.enumerated() {
            // Of a stack of experts some speak for all.
            if let matrix = group.matrix, matrix % 8 != 0 { continue }
            for (tensor, shares) in try rounding.errorShares(ofGroup: number) {
                for (format, share) in shares {
                    let known = sums[tensor]?[format] ?? (0, 0)
                    sums[tensor, default: [:]][format] = (
                        known.sum + min(1, share), known.count + 1
                    )
                }
            }
            try progress(Double(number + 1) / Double(groups.count))
        }
        return model.tensors.map { tensor in
            tensor.formats.map { format in
                sums[tensor.index]?[format].map { rounded($0.sum / $0.count) } ?? 1
            }
        }
    }

    /// The divergences of every window, for each choice.
    func measure(
        _ choices: [[Int]], windows: [WindowDivergences.Window],
        progress: (Double) throws -> Void
    ) throws -> [[Moments]] {
        var formats: [Int: [Format]] = [:]
        for choice in choices {
            for (tensor, option) in zip(model.tensors, choice) {
                let format = tensor.formats[option]
                if formats[tensor.index]?.contains(format) != true {
                    formats[tensor.index, default: []].append(format)
                }
            }
        }
        let rounding = try rounding(formats)
        var encoder = BlockEncoder(model, rounding, formats, pool: pool)
        let walk = try BlockwiseDivergences(
            base: runnable, embeddings: choices.map { source($0, [:]) }, windows: windows,
            pool: pool)
        let blockCount = runnable.blockCount
        for block in 0..<blockCount {
            let encoded = try encoder.encode(block: block)
            try walk.apply(block: block, weights: choices.map { source($0, encoded) })
            try progress(Double(block + 1) / Double(blockCount + 2))
        }
        let encoded = try encoder.encode(block: nil)
        return try choices.indices.map {
            try walk.divergences(ofVariant: $0, output: source(choices[$0], encoded))
        }
    }

    /// A mixture's tensors: those of a block as they were rounded, the others by encoders.
    private func source(_ choice: [Int], _ encoded: BlockEncoder.Encoded) -> RequantizedSource {
        var replacements: [Int: RequantizedSource.Replacement] = [:]
        for (tensor, option) in zip(model.tensors, choice)
        where tensor.formats[option] != tensor.description.format {
            let format = tensor.formats[option]
            var replacement = model.replacement(of: tensor, as: format, inputs: inputs)
            replacement.encoded = encoded[tensor.index]?[format]
            replacements[tensor.index] = replacement
        }
        return RequantizedSource(model.source, replacing: replacements)
    }
}

/// Rounds the tensors of one block after the other.
private struct BlockEncoder {
    typealias Encoded = [Int: [Format: RequantizedSource.EncodedRows]]

    private let source: any TensorSource
    private let rounding: CalibratedRounding
    private let formats: [Int: [Format]]
    private let pool: WorkerPool
    private var next = 0

    /// The rows that one job rounds.
    private static let jobRowCount = 64

    init(
        _ model: Allocatable, _ rounding: CalibratedRounding, _ formats: [Int: [Format]],
        pool: WorkerPool
    ) {
        source = model.source
        self.rounding = rounding
        self.formats = formats
        self.pool = pool
    }

    /// The tensors of a block in all their formats; blocks come in their order.
    mutating func encode(block: Int?) throws -> Encoded {
        var encoded: Encoded = [:]
        while next < rounding.groups.count, rounding.block(ofGroup: next) == block {
            try rounding.prepare(group: next)
            for tensor in rounding.groups[next].tensors {
                for format in formats[tensor] ?? [] where format.blockElementCount > 1 {
                    let shape = source.tensors[tensor].shape
                    let byteCount = format.byteCount(
                        rowLength: shape.rowLength, rowCount: shape.rowCount)
                    guard let byteCount else { continue }
                    let rows =
                        encoded[tensor]?[format]
                        ?? RequantizedSource.EncodedRows(byteCount: byteCount)
                    encoded[tensor, default: [:]][format] = rows
                    try encode(tensor, rounding.groups[next].matrix, format, into: rows)
                }
            }
            next += 1
        }
        return encoded
    }

    private func encode(
        _ tensor: Int, _ matrix: Int?, _ format: Format,
        into encoded: RequantizedSource.EncodedRows
    ) throws {
        let shape = source.tensors[tensor].shape
        let length = shape.rowLength
        var all = 0..<shape.rowCount
        if let matrix, shape.rank > 2 {
            let count = shape.dimensions[shape.rank - 2]
            all = matrix * count..<(matrix + 1) * count
        }
        let jobs = stride(from: all.lowerBound, to: all.upperBound, by: Self.jobRowCount).map {
            $0..<min(all.upperBound, $0 + Self.jobRowCount)
        }
        let rowBytes = length / format.blockElementCount * format.blockByteCount
        try pool.run(jobCount: jobs.count) { _, job in
            let rows = jobs[job]
            let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: rows.count * length)
            defer { values.deallocate() }
            guard let base = values.baseAddress else { return }
            try source.readRows(rows, ofTensor: tensor, into: base, scratch: ScratchBuffer())
            rounding.encode(
                base, rowCount: rows.count, tensor: tensor, as: format,
                into: encoded.base + rows.lowerBound * rowBytes)
        }
    }
}
