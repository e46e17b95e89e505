import Architectures
import CKernels
import GGUF
import TensorCore

/// The output matrices of all models applied to the scored rows of a batch.
///
/// The vocabulary is cut into panels: a panel's rows of every model's output matrix are decoded
/// once for the batch, while the panel before is multiplied. A worker takes some scored rows
/// through the panel, tile by tile, all models in turn.
struct OutputRun {
    /// Scored rows of a tile.
    static let tileRows = 256
    /// Tokens of a tile: one model's logits take 1 MiB, which stay in cache for the consumer.
    static let tileTokens = 1024
    /// Tokens of a panel: a multiple of `tileTokens`.
    static let panelTokens = 4096

    let models: [Model]
    /// Each model's scored rows after its output norm, `(row, E)`.
    let hidden: [FloatBuffer]
    let rowCount: Int
    let pool: WorkerPool

    /// Multiplies and hands out everything.
    func run(
        panels: inout [FloatBuffer?], tiles: inout [FloatBuffer?], workspaces: [Workspace],
        consume: @Sendable (LogitsTile) throws -> Void
    ) throws {
        let vocabularyCount = models[0].vocabularyCount
        var offsets: [Int] = []
        var floats = 0
        for model in models {
            offsets.append(floats)
            floats += OutputRun.panelTokens * model.description.embeddingLength
        }
        let buffers = [
            try FloatBuffer.room(for: floats, in: &panels[0]),
            try FloatBuffer.room(for: floats, in: &panels[1]),
        ]
        var tileBuffers: [FloatBuffer] = []
        for index in tiles.indices {
            tileBuffers.append(
                try FloatBuffer.room(
                    for: models.count * OutputRun.tileRows * OutputRun.tileTokens, in: &tiles[index]
                ))
        }
        let steps = stride(from: 0, to: vocabularyCount, by: OutputRun.panelTokens).map {
            $0..<min(vocabularyCount, $0 + OutputRun.panelTokens)
        }
        let chunks = stride(from: 0, to: rowCount, by: OutputRun.tileRows).map {
            $0..<min(rowCount, $0 + OutputRun.tileRows)
        }
        let tilesOfWorkers = tileBuffers
        let panelOffsets = offsets
        // One step more than there are panels: step n multiplies panel n - 1 and decodes panel n.
        for step in 0...steps.count {
            let decoding = step < steps.count ? decodingJobs(steps[step]) : []
            let multiplying = step > 0 ? chunks : []
            let (source, destination) = (buffers[(step + 1) % 2], buffers[step % 2])
            try pool.run(jobCount: multiplying.count + decoding.count) { worker, job in
                guard job < multiplying.count else {
                    let (model, rows) = decoding[job - multiplying.count]
                    let width = models[model].description.embeddingLength
                    try models[model].source.readRows(
                        rows, ofTensor: models[model].output,
                        into: destination.base + panelOffsets[model]
                            + (rows.lowerBound - steps[step].lowerBound) * width,
                        scratch: workspaces[worker].scratch)
                    return
                }
                try multiply(
                    multiplying[job], panel: steps[step - 1], source, offsets: panelOffsets,
                    tile: tilesOfWorkers[worker], consume: consume)
            }
        }
    }

    /// The rows of every model's output matrix that a panel needs, cut into small jobs.
    private func decodingJobs(_ panel: Range<Int>) -> [(model: Int, rows: Range<Int>)] {
        models.indices.flatMap { model in
            let rows = max(1, (1 << 18) / models[model].description.embeddingLength)
            return stride(from: panel.lowerBound, to: panel.upperBound, by: rows).map {
                (model, $0..<min(panel.upperBound, $0 + rows))
            }
        }
    }

    private func multiply(
        _ rows: Range<Int>, panel: Range<Int>, _ weights: FloatBuffer, offsets: [Int],
        tile: FloatBuffer, consume: (LogitsTile) throws -> Void
    ) throws {
        for first in stride(from: panel.lowerBound, to: panel.upperBound, by: OutputRun.tileTokens)
        {
            let tokens = first..<min(panel.upperBound, first + OutputRun.tileTokens)
            let count = rows.count * tokens.count
            for (index, model) in models.enumerated() {
                let width = model.description.embeddingLength
                let logits = tile.base + index * count
                MatrixProduct.timesTransposed(
                    hidden[index].base + rows.lowerBound * width,
                    weights.base + offsets[index] + (first - panel.lowerBound) * width,
                    into: logits, rows: rows.count, columns: tokens.count, inner: width,
                    strides: (width, width, tokens.count))
                finish(logits, count: count, tokens: tokens, model: model)
                guard ingot_all_finite(logits, count) else {
                    throw InferenceError(
                        .notFinite(what: "the logits of tokens \(tokens)"), path: model.path,
                        place: model.description.output)
                }
            }
            try consume(
                LogitsTile(
                    rows: rows, tokens: tokens, modelCount: models.count,
                    base: UnsafePointer(tile.base)))
        }
    }

    /// Bias, scale and soft cap, where the model has them.
    private func finish(
        _ logits: UnsafeMutablePointer<Float>, count: Int, tokens: Range<Int>, model: Model
    ) {
        if let bias = model.outputBias {
            bias.withUnsafeBufferPointer { bias in
                guard let base = bias.baseAddress else { return }
                for row in 0..<count / tokens.count {
                    ingot_add(
                        logits + row * tokens.count, base + tokens.lowerBound, tokens.count)
                }
            }
        }
        if model.description.logitScale != 1 {
            ingot_scale(logits, model.description.logitScale, count)
        }
        if let cap = model.description.logitSoftCap { ingot_soft_cap(logits, cap, count) }
    }
}
