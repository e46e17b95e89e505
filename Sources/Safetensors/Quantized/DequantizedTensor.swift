public import TensorCore

/// Values that a quantization method stores as codes, scales and offsets in tensors of their own.
///
/// What one method does is one file: the layout of its tensors, and the formula of a value.
public protocol DequantizedTensor: Sendable {
    /// Outermost dimension first.
    var shape: Shape { get }

    /// Computes values; see `ReadableTensor.readElements`.
    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws
}

extension DequantizedTensor {
    /// The rows that a range of values touches, and the columns: all, unless it lies in one row.
    func rowsAndColumns(of elements: Range<Int>) -> (rows: Range<Int>, columns: Range<Int>) {
        let length = shape.rowLength
        let rows = elements.lowerBound / length..<(elements.upperBound - 1) / length + 1
        guard rows.count == 1 else { return (rows, 0..<length) }
        return (rows, elements.lowerBound % length..<(elements.upperBound - 1) % length + 1)
    }

    /// Cuts a range of values into parts of rows: the row's number, the columns, and the place of
    /// the first value in the range.
    func forEachRow(
        of elements: Range<Int>,
        _ body: (_ row: Int, _ columns: Range<Int>, _ place: Int) throws
            -> Void
    ) rethrows {
        let length = shape.rowLength
        var start = elements.lowerBound
        while start < elements.upperBound {
            let row = start / length
            let end = min(elements.upperBound, (row + 1) * length)
            try body(row, start - row * length..<end - row * length, start - elements.lowerBound)
            start = end
        }
    }
}
