import Architectures
import CKernels
import GGUF
import TensorCore

/// What comes before the blocks: the embeddings of a batch's tokens.
struct TokenEmbedding {
    let model: Model
    let batch: Batch
    let pool: WorkerPool
    let workspaces: [Workspace]
    let observer: LinearObserver?

    private var width: Int { model.description.embeddingLength }

    /// The batch's stretches, each with its first row.
    private var places: [(stretch: Stretch, row: Int)] {
        var row = 0
        return batch.stretches.map { stretch in
            defer { row += stretch.tokens.count }
            return (stretch, row)
        }
    }

    /// Embeddings of all tokens, `(row, E)`.
    func embed(into residual: FloatBuffer) throws {
        let places = places
        try pool.run(jobCount: places.count) { worker, job in
            let (stretch, first) = places[job]
            let second = stretch.segmentStart ?? .max
            for (index, token) in stretch.tokens.enumerated() {
                try embed(
                    token, at: stretch.start + index, segment: index < second ? 0 : 1,
                    into: residual.base + (first + index) * width, workspaces[worker])
            }
        }
    }

    private func embed(
        _ token: Int32, at position: Int, segment: Int, into row: UnsafeMutablePointer<Float>,
        _ workspace: Workspace
    ) throws {
        let token = model.description.adapterChoice?.substitute(for: token) ?? token
        try model.source.readRows(
            Int(token)..<Int(token) + 1, ofTensor: model.tokenEmbedding, into: row,
            scratch: workspace.scratch)
        guard ingot_all_finite(row, width) else {
            throw InferenceError(
                .notFinite(what: "row \(token)"), path: model.path,
                place: model.description.tokenEmbedding)
        }
        let scale = model.description.embeddingScale
        if scale != 1 { ingot_scale(row, scale, width) }
        if let positions = model.positionEmbedding {
            let learned = workspace[.normed]
            try model.source.readRows(
                position..<position + 1, ofTensor: positions.number, into: learned,
                scratch: workspace.scratch)
            ingot_add(row, learned, width)
        }
        if let segments = model.segmentEmbedding {
            segments.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                ingot_add(row, base + min(segment, values.count / width - 1) * width, width)
            }
        }
        model.embeddingNorm?.apply(row, into: row)
    }

    /// The tokens' rows for all blocks, `(row, block, length)`; `nil` without.
    func embedForLayers(
        _ residual: FloatBuffer, in buffer: inout FloatBuffer?
    ) throws -> FloatBuffer? {
        guard let layers = model.layerEmbedding else { return nil }
        let stride = model.blocks.count * layers.description.length
        guard let floats = batch.tokenCount.multiplied(checkedBy: stride) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: model.path)
        }
        let rows = try FloatBuffer.room(for: floats, in: &buffer)
        try project(residual, layers, into: rows, stride: stride)
        let places = places
        try pool.run(jobCount: places.count) { worker, job in
            let (stretch, first) = places[job]
            let embedding = try FloatBuffer(count: stride)
            for (index, token) in stretch.tokens.enumerated() {
                try model.source.readRows(
                    Int(token)..<Int(token) + 1, ofTensor: layers.embedding,
                    into: embedding.base, scratch: workspaces[worker].scratch)
                layers.finish(
                    rows.base + (first + index) * stride, embedding.base,
                    blockCount: model.blocks.count)
            }
            guard ingot_all_finite(rows.base + first * stride, stretch.tokens.count * stride)
            else {
                throw InferenceError(
                    .notFinite(what: "the rows for blocks"), path: model.path,
                    place: layers.description.embedding)
            }
        }
        return rows
    }

    /// The rows' part that comes of the embeddings: a job for every block's part of the projection.
    private func project(
        _ residual: FloatBuffer, _ layers: LayerTensors, into rows: FloatBuffer, stride: Int
    ) throws {
        let length = layers.description.length
        observer?(
            LinearInput(
                tensors: [layers.description.projection], part: nil, place: 0,
                rowCount: batch.tokenCount, rowLength: width, base: residual.base, stride: width))
        try pool.run(jobCount: model.blocks.count) { worker, block in
            let part = try FloatBuffer(count: length * width)
            try model.source.readRows(
                block * length..<(block + 1) * length, ofTensor: layers.projection,
                into: part.base, scratch: workspaces[worker].scratch)
            workspaces[worker].products.timesTransposed(
                residual.base, part.base, into: rows.base + block * length,
                rows: batch.tokenCount, columns: length, inner: width,
                strides: (width, width, stride), scale: layers.description.projectionScale)
        }
    }
}

extension LayerTensors {
    /// Makes a token's rows for all blocks of what the projection gave and of its embedding.
    fileprivate func finish(
        _ row: UnsafeMutablePointer<Float>, _ embedding: UnsafePointer<Float>, blockCount: Int
    ) {
        let length = description.length
        for block in 0..<blockCount {
            norm?.apply(row + block * length, into: row + block * length)
        }
        ingot_add_scaled(row, embedding, description.embeddingScale, blockCount * length)
        ingot_scale(row, description.sumScale, blockCount * length)
    }
}
