import Architectures
import CKernels
import GGUF
import Quantization
import TensorCore

/// The output matrices of all models (language-model heads) applied to the scored rows of a batch.
///
/// The vocabulary is cut into panels: a panel's rows of every model's output matrix are decoded
/// once for the batch, while the panel before is multiplied. A worker takes some scored rows
/// through the panel, tile by tile, all models in turn.
struct OutputHead {
    /// Scored rows of a tile.
    static let tileRows = 256
    /// Tokens of a tile: one model's logits take 1 MiB, which stay in cache for the consumer.
    static let tileTokens = 1024
    /// Tokens of a panel: a multiple of `tileTokens`.
    static let panelTokens = 4096

    let models: [Model]
    let activations: Activations
    /// Each model's scored rows after its output norm, `(row, E)`.
    let hidden: [FloatBuffer]
    let rowCount: Int
    let pool: WorkerPool
    let workspaces: [Workspace]

    private var chunks: [Range<Int>] {
        stride(from: 0, to: rowCount, by: OutputHead.tileRows).map {
            $0..<min(rowCount, $0 + OutputHead.tileRows)
        }
    }

    /// A panel of every model's output matrix in memory.
    private struct Panels {
        /// Where each model's is in the buffers.
        var offsets: [Int]
        /// Two buffers: one is multiplied while the other is filled.
        var buffers: [FloatBuffer]
        /// Where products are in integers: each model's rows, rounded.
        var rounded: [RoundedRows?]
    }

    /// Multiplies and hands out everything.
    func run(
        _ state: ForwardState, consume: @Sendable (LogitsTile) throws -> Void
    ) throws {
        let vocabularyCount = models[0].vocabularyCount
        let panels = try makePanels(&state.panels)
        let tiles = try makeTiles(&state.tiles)
        let steps = stride(from: 0, to: vocabularyCount, by: OutputHead.panelTokens).map {
            $0..<min(vocabularyCount, $0 + OutputHead.panelTokens)
        }
        let chunks = chunks
        // One step more than there are panels: step n multiplies panel n - 1 and decodes panel n.
        for step in 0...steps.count {
            let decoding = step < steps.count ? decodingJobs(steps[step]) : []
            let multiplying = step > 0 ? chunks : []
            let (source, destination) = (panels.buffers[(step + 1) % 2], panels.buffers[step % 2])
            try pool.run(jobCount: multiplying.count + decoding.count) { worker, job in
                guard job < multiplying.count else {
                    let (model, rows) = decoding[job - multiplying.count]
                    try decode(
                        model, rows, panel: steps[step],
                        into: destination.base + panels.offsets[model],
                        isCoded: panels.rounded[model] != nil, workspaces[worker])
                    return
                }
                try multiply(
                    multiplying[job], panel: steps[step - 1], source, panels,
                    tile: tiles[worker], workspaces[worker], consume: consume)
            }
        }
    }

    private func makePanels(_ buffers: inout [FloatBuffer?]) throws -> Panels {
        let rounded = try roundedRows()
        var offsets: [Int] = []
        var floats = 0
        for (index, model) in models.enumerated() {
            offsets.append(floats)
            let asCodes = rounded[index].flatMap { _ in
                coded(index, panel: 0..<OutputHead.panelTokens)
            }
            floats +=
                asCodes?.floatCount ?? OutputHead.panelTokens * model.description.embeddingLength
        }
        return Panels(
            offsets: offsets,
            buffers: [
                try FloatBuffer.room(for: floats, in: &buffers[0]),
                try FloatBuffer.room(for: floats, in: &buffers[1]),
            ], rounded: rounded)
    }

    /// Room for a tile of every worker.
    private func makeTiles(_ buffers: inout [FloatBuffer?]) throws(InferenceError) -> [FloatBuffer]
    {
        while buffers.count < pool.threadCount { buffers.append(nil) }
        var tiles: [FloatBuffer] = []
        for worker in 0..<pool.threadCount {
            tiles.append(
                try FloatBuffer.room(
                    for: models.count * OutputHead.tileRows * OutputHead.tileTokens,
                    in: &buffers[worker]))
        }
        return tiles
    }

    /// A panel of a model's output matrix, where it can be held as codes.
    private func coded(_ model: Int, panel: Range<Int>) -> CodedMatrix? {
        let (model, number) = (models[model], models[model].output)
        return CodedMatrix(
            format: model.source.tensors[number].format, rowCount: panel.count,
            rowLength: model.description.embeddingLength)
    }

    /// Where activations are rounded: the scored rows of each model whose output matrix has codes,
    /// rounded for it; those for 16-bit floats are rounded in their place.
    private func roundedRows() throws -> [RoundedRows?] {
        guard activations == .q8 else { return models.map { _ in nil } }
        let chunks = chunks
        return try models.indices.map { index in
            let width = models[index].description.embeddingLength
            guard let coded = coded(index, panel: 0..<1) else {
                try roundInPlace(index, chunks, width: width)
                return nil
            }
            let rounded = try RoundedRows(rowCount: rowCount, rowLength: width)
            rounded.reshape(
                rowCount: rowCount, rowLength: width,
                blockLength: Int(coded.codes.form.blockLength))
            let hidden = hidden[index]
            try pool.run(jobCount: chunks.count) { _, job in
                let rows = chunks[job]
                rounded.round(
                    hidden.base + rows.lowerBound * width, stride: width, first: rows.lowerBound,
                    count: rows.count)
            }
            return rounded
        }
    }

    private func roundInPlace(_ index: Int, _ chunks: [Range<Int>], width: Int) throws {
        let (model, hidden) = (models[index], hidden[index])
        let format = model.source.tensors[model.output].format
        guard case .floats = Rounding(format, coded: nil) else { return }
        try pool.run(jobCount: chunks.count) { _, job in
            for row in chunks[job] {
                let values = hidden.base + row * width
                Rounding.round(values, count: width, to: format, into: values)
            }
        }
    }

    /// Decodes rows of a panel, or makes panels of their codes.
    private func decode(
        _ index: Int, _ rows: Range<Int>, panel: Range<Int>,
        into destination: UnsafeMutablePointer<Float>, isCoded: Bool, _ workspace: Workspace
    ) throws {
        let model = models[index]
        let first = rows.lowerBound - panel.lowerBound
        if isCoded, let coded = coded(index, panel: panel) {
            try coded.read(
                first..<first + rows.count, of: model.source, tensor: model.output,
                first: panel.lowerBound, into: destination, bytes: workspace.scratch,
                unpacked: workspace.unpacked)
            return
        }
        try model.source.readRows(
            rows, ofTensor: model.output,
            into: destination + first * model.description.embeddingLength,
            scratch: workspace.scratch)
    }

    /// The rows of every model's output matrix that a panel needs, cut into small jobs.
    private func decodingJobs(_ panel: Range<Int>) -> [(model: Int, rows: Range<Int>)] {
        models.indices.flatMap { model in
            let rows = DecodingJob.rowCount(rowLength: models[model].description.embeddingLength)
            return stride(from: panel.lowerBound, to: panel.upperBound, by: rows).map {
                (model, $0..<min(panel.upperBound, $0 + rows))
            }
        }
    }

    private func multiply(
        _ rows: Range<Int>, panel: Range<Int>, _ weights: FloatBuffer, _ panels: Panels,
        tile: FloatBuffer, _ workspace: Workspace, consume: (LogitsTile) throws -> Void
    ) throws {
        for first in stride(from: panel.lowerBound, to: panel.upperBound, by: OutputHead.tileTokens)
        {
            let tokens = first..<min(panel.upperBound, first + OutputHead.tileTokens)
            let count = rows.count * tokens.count
            for (index, model) in models.enumerated() {
                let width = model.description.embeddingLength
                let logits = tile.base + index * count
                let start = first - panel.lowerBound
                if let rounded = panels.rounded[index], let coded = coded(index, panel: panel) {
                    rounded.multiply(
                        rows: rows, by: coded, at: weights.base + panels.offsets[index],
                        outputs: start..<start + tokens.count, into: logits,
                        stride: tokens.count, keep: false, scratch: workspace.scratch)
                } else {
                    workspace.products.timesTransposed(
                        hidden[index].base + rows.lowerBound * width,
                        weights.base + panels.offsets[index] + start * width, into: logits,
                        rows: rows.count, columns: tokens.count, inner: width,
                        strides: (width, width, tokens.count))
                }
                OutputHead.finish(logits, count: count, tokens: tokens, model: model)
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
    static func finish(
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
