import Architectures
import Quantization
import Safetensors
import TensorCore

/// Where the values of a converted tensor come from.
enum TensorContent: Sendable {
    /// They are computed from the configuration.
    case generated([Float])
    /// They are a tensor of a shard, its rows in another order when `heads` is given.
    case stored(SafetensorsFile, StoredTensor, order: RotaryRowOrder?)
}

/// The order of rows that turns half-rotated heads into heads of neighbouring pairs.
///
/// Row `2j + k` of a head (`k` 0 or 1) is the stored row `k·d/2 + j` of that head, `d` being the
/// rows of one head. A vector counts as rows of one value.
struct RotaryRowOrder: Sendable, Hashable {
    /// The rows of one head, an even number.
    let rowsPerHead: Int

    /// The stored row that goes to `row`.
    func source(of row: Int) -> Int {
        let inHead = row % rowsPerHead
        return row - inHead + inHead % 2 * (rowsPerHead / 2) + inHead / 2
    }

    /// The parts of `rows` that lie in one head each.
    func heads(of rows: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = rows.lowerBound
        while start < rows.upperBound {
            let end = min(rows.upperBound, (start / rowsPerHead + 1) * rowsPerHead)
            result.append(start..<end)
            start = end
        }
        return result
    }
}

extension StoredTensor {
    /// The format whose bytes are this tensor's bytes, if there is one.
    var format: Format? {
        switch dataType {
        case .F32: .F32
        case .F16: .F16
        case .BF16: .BF16
        default: nil
        }
    }

    /// The bytes of one element.
    var elementByteCount: Int { dataType.bitCount / 8 }

    /// Decodes elements to F32, with the format's kernel where there is one.
    func decode(
        _ source: UnsafeRawPointer, _ elementCount: Int,
        into destination: UnsafeMutablePointer<Float>
    ) {
        if let decode = format?.decode {
            decode(source, elementCount, destination)
        } else {
            dataType.decode(source, elementCount: elementCount, into: destination)
        }
    }
}

/// Reads rows of a stored tensor in the order in which they are written.
struct RowReader {
    let shard: SafetensorsFile
    let tensor: StoredTensor
    let order: RotaryRowOrder?

    /// A vector is one row in a file and many when its values are reordered.
    private var rowLength: Int {
        tensor.shape.rank <= 1 && order != nil ? 1 : tensor.shape.rowLength
    }
    private var rowByteCount: Int { rowLength * tensor.elementByteCount }

    private func stored(_ rows: Range<Int>) -> Range<Int> {
        guard tensor.shape.rank <= 1, order != nil else { return rows }
        return rows.lowerBound * tensor.shape.rowLength..<rows.upperBound * tensor.shape.rowLength
    }

    /// Reads rows as F32.
    func readFloats(
        _ rows: Range<Int>, into destination: UnsafeMutablePointer<Float>, scratch: ScratchBuffer
    ) throws {
        let rows = stored(rows)
        guard order != nil else {
            let elements = rows.lowerBound * rowLength..<rows.upperBound * rowLength
            if tensor.dataType == .F32 {
                try shard.readElements(elements, of: tensor, into: destination, scratch: scratch)
                return
            }
            let bytes = scratch.bytes(elements.count * tensor.elementByteCount)
            try shard.file.read(
                at: tensor.offset + elements.lowerBound * tensor.elementByteCount, into: bytes)
            if let base = bytes.baseAddress {
                tensor.decode(base, elements.count, into: destination)
            }
            return
        }
        try readReordered(rows, scratch: scratch) { row, source in
            tensor.decode(
                source, rowLength, into: destination + (row - rows.lowerBound) * rowLength)
        }
    }

    /// Copies rows as they are stored.
    func readBytes(
        _ rows: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let rows = stored(rows)
        guard order != nil else {
            try shard.file.read(
                at: tensor.offset + rows.lowerBound * rowByteCount, into: destination)
            return
        }
        guard let base = destination.baseAddress else { return }
        try readReordered(rows, scratch: ScratchBuffer()) { row, source in
            (base + (row - rows.lowerBound) * rowByteCount).copyMemory(
                from: source, byteCount: rowByteCount)
        }
    }

    /// Calls `body` with each row's number and its stored bytes.
    ///
    /// The rows of one head come from two runs of the file, each read at once.
    private func readReordered(
        _ rows: Range<Int>, scratch: ScratchBuffer,
        _ body: (_ row: Int, _ source: UnsafeRawPointer) -> Void
    ) throws {
        guard let order else { return }
        for part in order.heads(of: rows) {
            let head = part.lowerBound / order.rowsPerHead * order.rowsPerHead
            let firstPair = (part.lowerBound - head) / 2
            let pairCount = (part.upperBound - head + 1) / 2 - firstPair
            let runByteCount = pairCount * rowByteCount
            let bytes = scratch.bytes(2 * runByteCount)
            for half in 0..<2 {
                let row = head + half * (order.rowsPerHead / 2) + firstPair
                try shard.file.read(
                    at: tensor.offset + row * rowByteCount,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: bytes[half * runByteCount..<(half + 1) * runByteCount]))
            }
            guard let base = bytes.baseAddress else { return }
            for row in part {
                let inHead = row - head
                let place = inHead % 2 * runByteCount + (inHead / 2 - firstPair) * rowByteCount
                body(row, base + place)
            }
        }
    }
}
