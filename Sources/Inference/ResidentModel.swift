import Architectures
import TensorCore

/// A model that is in memory: its matrices in panels, what else its blocks have in F32.
struct ResidentModel: Sendable {
    /// The blocks without their matrices.
    let blocks: [Block]
    /// What the blocks have beside matrices.
    let weights: [FloatBuffer]
    /// The threads that products run on.
    var workers: ResidentWorkers { matrices.workers }
    private let matrices: ResidentMatrices
    /// `nil` for an encoder.
    private let output: ResidentMatrix?

    /// Reads a decoder's first model; `nil` when its matrices take more than `byteLimit`.
    init?(_ decoder: Decoder, byteLimit: Int) throws {
        let model = decoder.models[0]
        guard
            let matrices = try ResidentMatrices(
                model, activations: decoder.activations, pool: decoder.pool, byteLimit: byteLimit)
        else { return nil }
        self.matrices = matrices
        blocks = try model.blocks(matrices: .resident(matrices))
        output =
            model.description.seesAhead
            ? nil : try matrices.matrix(model.output, model.description.output)
        let workspace = try Workspace(Workspace.Room(), decoder.products)
        weights = try blocks.map { block in
            let weights = try FloatBuffer(count: block.layout.floatCount)
            for job in block.layout.decodingJobs { try job.decode(into: weights, workspace) }
            weights.clear(block.layout.zeros)
            return weights
        }
    }

    /// The logits of rows that follow one another, `(row, vocabulary)`.
    func logits(
        _ hidden: UnsafePointer<Float>, rows: Int, _ model: Model,
        into logits: UnsafeMutablePointer<Float>
    ) {
        guard let output else { preconditionFailure("logits of an encoder") }
        matrices.multiply(
            output,
            ResidentMatrices.Rows(
                input: hidden, stride: model.description.embeddingLength, count: rows,
                result: logits, resultStride: model.vocabularyCount, keep: false))
    }
}
