import Architectures

/// A model whose matrices are in memory, to be run a few tokens at a time.
struct ResidentModel: Sendable {
    /// The blocks without their matrices.
    let blocks: [Block]
    private let matrices: ResidentMatrices
    private let output: ResidentMatrix

    /// Reads the matrices of a decoder's first model; `nil` when they take more than `byteLimit`.
    init?(_ decoder: Decoder, byteLimit: Int) throws {
        let model = decoder.models[0]
        guard
            let matrices = try ResidentMatrices(
                model, activations: decoder.activations, products: decoder.products,
                pool: decoder.pool, byteLimit: byteLimit)
        else { return nil }
        self.matrices = matrices
        blocks = try model.blocks(matrices: .resident(matrices))
        output = try matrices.matrix(model.output, model.description.output)
    }

    /// The logits of rows that follow one another, `(row, vocabulary)`.
    func logits(
        _ hidden: UnsafePointer<Float>, rows: Int, _ model: Model,
        into logits: UnsafeMutablePointer<Float>, _ workspace: Workspace
    ) {
        matrices.multiply(
            output, rowCount: model.vocabularyCount, hidden, rows: rows, into: logits,
            rounded: workspace.rounded)
    }
}
