package import GGUF
package import Quantization
package import TensorCore

/// A model's tensors, some of them as they are after quantization: what a quantized file would
/// hold, without the file.
///
/// A row is encoded and decoded each time it is asked for, unless it comes encoded.
package struct RequantizedSource: ForwardingSource {
    /// What a tensor becomes.
    package struct Replacement: Sendable {
        package var format: Format
        /// Column weights, `experts × rowLength`, or as many as a row has for all rows alike.
        package var importance: [Float]?
        /// All rows as they are in the format, where something else than its encoder rounds them.
        package var encoded: EncodedRows?

        package init(
            format: Format, importance: [Float]? = nil, encoded: EncodedRows? = nil
        ) {
            self.format = format
            self.importance = importance
            self.encoded = encoded
        }
    }

    /// The rows of a tensor in a format with blocks; written once, then read.
    package final class EncodedRows: @unchecked Sendable {
        /// Where the first row starts.
        package let base: UnsafeMutableRawPointer

        package init(byteCount: Int) {
            base = .allocate(byteCount: max(64, byteCount), alignment: 64)
        }

        deinit { base.deallocate() }
    }

    package let base: any TensorSource
    private let replacements: [Int: Replacement]
    package let tensors: [TensorDescription]

    /// Replaces tensors by their numbers; their formats encode, and fit their rows.
    package init(_ base: any TensorSource, replacing replacements: [Int: Replacement]) {
        self.base = base
        self.replacements = replacements
        tensors = base.tensors.enumerated().map { index, tensor in
            TensorDescription(
                name: tensor.name, shape: tensor.shape,
                format: replacements[index]?.format ?? tensor.format)
        }
    }

    package func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        guard let replacement = replacements[tensor] else {
            return try base.readRows(
                rows, ofTensor: tensor, into: destination, scratch: scratch)
        }
        let length = tensors[tensor].shape.rowLength
        let byteCount =
            length / replacement.format.blockElementCount
            * replacement.format.blockByteCount
        if let encoded = replacement.encoded {
            replacement.format.decode?(
                encoded.base + rows.lowerBound * byteCount, rows.count * length, destination)
            return
        }
        try base.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
        guard let bytes = scratch.bytes(rows.count * byteCount).baseAddress else { return }
        encode(rows, ofTensor: tensor, destination, into: bytes)
        replacement.format.decode?(bytes, rows.count * length, destination)
    }

    /// Encodes rows, those of each expert with its own importance.
    private func encode(
        _ rows: Range<Int>, ofTensor tensor: Int, _ values: UnsafePointer<Float>,
        into bytes: UnsafeMutableRawPointer
    ) {
        guard let replacement = replacements[tensor], let encode = replacement.format.encode else {
            return
        }
        let shape = tensors[tensor].shape
        let length = shape.rowLength
        let byteCount =
            length / replacement.format.blockElementCount
            * replacement.format.blockByteCount
        guard let importance = replacement.importance, importance.count >= length else {
            encode(values, rows.count, length, nil, bytes)
            return
        }
        let rowsOfExpert = max(1, shape.rowCount / (importance.count / length))
        var row = rows.lowerBound
        while row < rows.upperBound {
            let expert = row / rowsOfExpert
            let end = min(rows.upperBound, (expert + 1) * rowsOfExpert)
            let offset = row - rows.lowerBound
            importance.withUnsafeBufferPointer { importance in
                guard let base = importance.baseAddress else { return }
                encode(
                    values + offset * length, end - row, length, base + expert * length,
                    bytes + offset * byteCount)
            }
            row = end
        }
    }

    package func holdsBytes(ofTensor tensor: Int) -> Bool {
        replacements[tensor] == nil && base.holdsBytes(ofTensor: tensor)
    }

    package func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        guard replacements[tensor] != nil else {
            return try base.readBytes(ofRows: rows, ofTensor: tensor, into: destination)
        }
        guard let bytes = destination.baseAddress else { return }
        if let encoded = replacements[tensor]?.encoded {
            let byteCount = destination.count / max(1, rows.count)
            bytes.copyMemory(
                from: encoded.base + rows.lowerBound * byteCount, byteCount: destination.count)
            return
        }
        let values = UnsafeMutableBufferPointer<Float>.allocate(
            capacity: rows.count * tensors[tensor].shape.rowLength)
        defer { values.deallocate() }
        guard let room = values.baseAddress else { return }
        try base.readRows(rows, ofTensor: tensor, into: room, scratch: ScratchBuffer())
        encode(rows, ofTensor: tensor, room, into: bytes)
    }

    /// How far values are from what they were, in whole and as the importance weighs them.
    ///
    /// - Returns: The sums of squares of differences and of values, plain and weighted.
    func squares(ofTensor tensor: Int, scratch: ScratchBuffer) throws -> Squares {
        let shape = tensors[tensor].shape
        let length = shape.rowLength
        let importance = replacements[tensor]?.importance.flatMap { $0.count >= length ? $0 : nil }
        let rowsOfExpert = max(1, shape.rowCount / ((importance?.count ?? length) / length))
        let step = max(1, (1 << 18) / max(1, length))
        let count = min(step, shape.rowCount) * length
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: 2 * max(1, count))
        defer { values.deallocate() }
        guard let before = values.baseAddress else { return Squares() }
        let after = before + count
        var squares = Squares()
        for first in stride(from: 0, to: shape.rowCount, by: step) {
            let rows = first..<min(shape.rowCount, first + step)
            try base.readRows(rows, ofTensor: tensor, into: before, scratch: scratch)
            try readRows(rows, ofTensor: tensor, into: after, scratch: scratch)
            for row in rows {
                let weights = (row / rowsOfExpert) * length
                let place = (row - first) * length
                for column in 0..<length {
                    let value = Double(before[place + column])
                    let difference = value - Double(after[place + column])
                    squares.difference += difference * difference
                    squares.value += value * value
                    guard let importance else { continue }
                    let weight = Double(importance[weights + column])
                    squares.weightedDifference += weight * difference * difference
                    squares.weightedValue += weight * value * value
                }
            }
        }
        return squares
    }

    /// Sums of squares over a tensor.
    struct Squares: Sendable {
        var difference = 0.0
        var value = 0.0
        var weightedDifference = 0.0
        var weightedValue = 0.0

        static func += (left: inout Squares, right: Squares) {
            left.difference += right.difference
            left.value += right.value
            left.weightedDifference += right.weightedDifference
            left.weightedValue += right.weightedValue
        }
    }
}
