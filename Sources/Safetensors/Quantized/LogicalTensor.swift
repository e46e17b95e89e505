public import TensorCore

/// A tensor of a checkpoint as the model's code sees it, whatever it is stored as.
public struct LogicalTensor: Sendable {
    /// Where the values come from.
    public enum Storage: Sendable {
        /// They are stored, one after the other.
        case stored(StoredTensor)
        /// They are computed from several stored tensors.
        case dequantized(any DequantizedTensor)
    }

    /// The name in the model: `model.layers.0.mlp.up_proj.weight`.
    public let name: String
    /// Outermost dimension first.
    public let shape: Shape
    /// Where the values come from.
    public let storage: Storage
    /// The shard that holds the tensor, or the packed codes of a dequantized one.
    public let shard: SafetensorsFile

    /// The tensor itself, when it is stored as it is.
    public var stored: StoredTensor? {
        if case .stored(let tensor) = storage { tensor } else { nil }
    }

    /// Reads values as F32, counted row after row from the tensor's first.
    ///
    /// - Parameters:
    ///   - elements: A range within the tensor; whole rows are read fastest.
    ///   - destination: Room for as many values.
    ///   - scratch: Holds the bytes as stored.
    /// - Throws: `SafetensorsError` when the type is not decodable or a stored index is out of
    ///   range, `FileError` on a failed read.
    public func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        switch storage {
        case .stored(let tensor):
            try shard.readElements(elements, of: tensor, into: destination, scratch: scratch)
        case .dequantized(let tensor):
            precondition(
                elements.lowerBound >= 0 && elements.upperBound <= shape.elementCount,
                "element out of range")
            guard !elements.isEmpty else { return }
            try tensor.readElements(elements, into: destination, scratch: scratch)
        }
    }
}

/// Values that a quantization method stores as codes, scales and offsets in tensors of their own.
///
/// What one method does is one file: the layout of its tensors, and the formula of a value.
public protocol DequantizedTensor: Sendable {
    /// Outermost dimension first.
    var shape: Shape { get }

    /// Computes values; see `LogicalTensor.readElements`.
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
