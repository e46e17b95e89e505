import CKernels
import GGUF

/// Some rows of a piece of a layout, to be brought to their place.
struct DecodingJob: Sendable {
    let source: any TensorSource
    let piece: WeightLayout.Piece
    let rows: Range<Int>

    /// Decodes the rows, or makes panels of their codes; of a tensor with experts, those of one.
    func decode(expert: Int = 0, into buffer: FloatBuffer, _ workspace: Workspace) throws {
        let first = expert * piece.rowCount
        if let coded = piece.coded {
            try coded.read(
                rows, of: source, tensor: piece.tensor, first: first,
                into: buffer.base + piece.offset, bytes: workspace.scratch,
                unpacked: workspace.unpacked)
            return
        }
        try source.readRows(
            first + rows.lowerBound..<first + rows.upperBound, ofTensor: piece.tensor,
            into: buffer.base + piece.offset + rows.lowerBound * piece.rowLength,
            scratch: workspace.scratch)
    }

    /// The rows of a job of about a millisecond: whole panels.
    static func rowCount(rowLength: Int) -> Int {
        let panel = CodedMatrix.panelRows
        return max(panel, (1 << 18) / max(1, rowLength) / panel * panel)
    }
}

extension WeightLayout.Piece {
    /// Whether the values in the buffer are finite.
    func isFinite(in buffer: FloatBuffer) -> Bool {
        if let coded { return coded.isFinite(at: buffer.base + offset) }
        return ingot_all_finite(buffer.base + offset, rowCount * rowLength)
    }
}
