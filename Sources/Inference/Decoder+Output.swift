import Architectures
import TensorCore

extension Model {
    /// The number of blocks.
    package var blockCount: Int { description.blocks.count }

    /// The length of a residual row.
    package var width: Int { description.embeddingLength }

    /// Whether blocks need more than the residual rows before them; see
    /// `DecoderDescription.blocksShareRows`.
    package var sharesRows: Bool { description.blocksShareRows }
}

extension Decoder {
    /// The logits of rows that went through the blocks one at a time, handed out as `forward` does.
    ///
    /// - Parameters:
    ///   - hidden: For each model the rows that its output matrix takes in, `(row, E)`; as many rows
    ///     of each.
    ///   - batch: A batch that this state has been used for, for its buffers.
    /// - Throws: `InferenceError` when NaN or infinity appear or memory ends, and as reading does.
    package func output(
        of hidden: [[Float]], rowCount: Int, in state: ForwardState, after batch: Batch,
        consume: @Sendable (LogitsTile) throws -> Void
    ) throws {
        guard rowCount > 0 else { return }
        // Makes the workers' buffers.
        _ = try ForwardPass(self, model: 0, batch, state)
        var buffers: [FloatBuffer] = []
        for (rows, model) in zip(hidden, models) {
            precondition(rows.count == rowCount * model.description.embeddingLength)
            let buffer = try FloatBuffer(count: rows.count)
            rows.withUnsafeBufferPointer {
                if let base = $0.baseAddress { buffer.base.update(from: base, count: $0.count) }
            }
            buffers.append(buffer)
        }
        try OutputHead(
            models: models, activations: activations, hidden: buffers, rowCount: rowCount,
            pool: pool, workspaces: state.workspaces
        ).run(state, consume: consume)
    }
}
