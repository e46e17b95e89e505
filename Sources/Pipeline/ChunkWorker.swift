import GGUF
import Quantization
import TensorCore

/// One thread's buffers and what it does with a chunk.
///
/// A worker number belongs to one thread at a time, which makes sharing it across threads safe.
final class ChunkWorker: @unchecked Sendable {
    /// A tensor of a plan.
    struct Place: Hashable {
        let plan: Int
        let tensor: Int
    }

    private let plans: [Plan]
    private let outputs: [OutputFile]
    private let extents: OutputExtents
    private let isStrict: Bool
    private let allowsNonFinite: Bool
    private let checksums: Checksums?
    private let source: any TensorSource
    private let stored = ScratchBuffer()
    private let widened = ScratchBuffer()
    /// What goes to each file.
    private var encoded: [ScratchBuffer] = []
    private let replaced = ScratchBuffer()
    /// Values beyond F16's range, by tensor.
    private(set) var outOfRange: [Place: Int] = [:]
    /// Values that are NaN or infinite, by the source's tensor.
    private(set) var nonFinite: [Int: Int] = [:]

    init(plans: [Plan], outputs: [OutputFile], options: WriteOptions, checksums: Checksums?) {
        self.plans = plans
        self.outputs = outputs
        extents = OutputExtents(plans, part: options.part)
        isStrict = options.isStrict
        allowsNonFinite = options.allowsNonFinite
        self.checksums = checksums
        source = plans[0].source
    }

    /// The smallest magnitude that rounds to infinity in F16.
    static let f16Limit: Float = 65520

    /// Reads a chunk once and writes it to every file that it goes to.
    ///
    /// Each file gets the whole chunk at once: the system handles few long writes in half the time
    /// of many short ones.
    ///
    /// - Parameter rounding: What encodes the chunk where its format has blocks; `nil` for the format.
    func carryOut(
        _ chunk: Chunk, targets: [Target], firstResult: Int, rounding: (any TensorRounding)? = nil
    ) throws {
        let description = source.tensors[chunk.tensor]
        let tensors = targets.map { plans[$0.plan].tensors[$0.tensor] }
        let copiesOnly = tensors.allSatisfy(\.isCopy)
        // A copied F32, F16 or BF16 tensor is looked at as well: a NaN would go on unseen.
        let isFloat = description.format.blockElementCount == 1
        let looks = !copiesOnly || isFloat && description.format.decode != nil
        while encoded.count < targets.count { encoded.append(ScratchBuffer()) }
        // Feedback shares its products between rows: all at once.
        let isWhole = copiesOnly || rounding != nil
        let count = source.readCount(ofTensor: chunk.tensor)
        let rowLength = description.shape.rowLength
        for piece in isWhole ? [chunk] : chunk.pieces(ofRows: rowLength, count: count) {
            var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            if source.holdsBytes(ofTensor: chunk.tensor) {
                let range = description.format.byteRange(of: piece.elements)
                bytes = stored.bytes(range.count)
                try source.readBytes(range, ofTensor: chunk.tensor, into: bytes)
            }
            var values = Values()
            if looks {
                values = try widen(piece, of: description, bytes: bytes, keepsAll: !copiesOnly)
            }
            if !values.largest.isFinite {
                try admitNonFinite(values, chunk: piece, of: description)
            }
            if copiesOnly { continue }
            for (index, tensor) in tensors.enumerated() {
                let all = tensor.choice.format.byteRange(of: chunk.elements)
                let part = tensor.choice.format.byteRange(of: piece.elements)
                let start = part.lowerBound - all.lowerBound
                let place = UnsafeMutableRawBufferPointer(
                    rebasing: encoded[index].bytes(all.count)[start..<start + part.count])
                if tensor.isCopy {
                    place.copyMemory(from: UnsafeRawBufferPointer(bytes))
                    continue
                }
                if tensor.choice.format == .F16 {
                    try checkRange(values, chunk: piece, of: description, target: targets[index])
                }
                encode(values, chunk: piece, as: tensor, rounding, into: place)
            }
        }
        for (index, target) in targets.enumerated() {
            let range = tensors[index].choice.format.byteRange(of: chunk.elements)
            let blocks = UnsafeRawBufferPointer(
                (copiesOnly ? stored : encoded[index]).bytes(range.count))
            let place = plans[target.plan].layout.offsets[target.tensor] + range.lowerBound
            try outputs[target.plan].write(blocks, at: extents.place(place, in: target.plan))
            checksums?[firstResult + index] = Checksums.checksum(blocks)
        }
    }

    /// The values of a chunk and the largest magnitude among them.
    private struct Values {
        var floats = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
        var largest: Float = 0
    }

    /// Values that a core's first-level cache holds: what is widened is looked at while it is
    /// there.
    private static let viewElementCount = 1 << 12

    /// Makes floats of a chunk.
    ///
    /// - Parameter keepsAll: Whether all values are wanted; if not, they are only looked at, unless
    ///   one is not finite.
    private func widen(
        _ chunk: Chunk, of description: TensorDescription, bytes: UnsafeMutableRawBufferPointer,
        keepsAll: Bool
    ) throws -> Values {
        let count = chunk.elements.count
        let size = ChunkWorker.viewElementCount
        let floats = widened.floats(keepsAll ? count : min(count, size))
        guard let first = floats.baseAddress else { return Values() }
        let decode = bytes.baseAddress == nil ? nil : description.format.decode
        if decode == nil {
            let rowLength = description.shape.rowLength
            try source.readRows(
                chunk.elements.lowerBound / rowLength..<chunk.elements.upperBound / rowLength,
                ofTensor: chunk.tensor, into: first, scratch: stored)
        }
        // The bits of magnitudes are ordered as they are, with NaN last.
        var largest: UInt32 = 0
        for start in stride(from: 0, to: count, by: size) {
            let piece = start..<min(start + size, count)
            let place = keepsAll ? first + start : first
            if let decode, let base = bytes.baseAddress {
                let offset = description.format.byteRange(of: piece).lowerBound
                decode(UnsafeRawPointer(base + offset), piece.count, place)
            }
            largest = max(largest, largestMagnitude(place, piece.count).bitPattern)
        }
        let values = Values(floats: floats, largest: Float(bitPattern: largest))
        if keepsAll || values.largest.isFinite { return values }
        return try widen(chunk, of: description, bytes: bytes, keepsAll: true)
    }

    private func encode(
        _ values: Values, chunk: Chunk, as tensor: Plan.Tensor,
        _ rounding: (any TensorRounding)?, into blocks: UnsafeMutableRawBufferPointer
    ) {
        let format = tensor.choice.format
        let isNumber = values.largest.isFinite || format.blockElementCount == 1
        guard let destination = blocks.baseAddress, let encode = format.encode,
            let floats = isNumber
                ? values.floats.baseAddress
                : finite(values.floats, rowLength: tensor.source.shape.rowLength).baseAddress
        else { return }
        let shape = tensor.source.shape
        let rowCount = chunk.elements.count / shape.rowLength
        if let rounding, format.blockElementCount > 1 {
            return rounding.encode(
                floats, rowCount: rowCount, tensor: tensor.sourceIndex, as: format,
                into: destination)
        }
        guard let importance = tensor.importance else {
            return encode(floats, rowCount, shape.rowLength, nil, destination)
        }
        // Rows of one expert share its row of weights.
        let matrixRows = shape.rank > 2 ? shape.dimensions[shape.rank - 2] : shape.rowCount
        let expert = chunk.elements.lowerBound / shape.rowLength / matrixRows
        importance.values.withUnsafeBufferPointer { weights in
            let row = weights.baseAddress.map { $0 + expert * shape.rowLength }
            encode(floats, rowCount, shape.rowLength, row, destination)
        }
    }

    /// Counts the values beyond F16's range, or throws the error that names the first when that is
    /// asked for.
    private func checkRange(
        _ values: Values, chunk: Chunk, of description: TensorDescription, target: Target
    ) throws {
        func isBeyond(_ value: Float) -> Bool {
            abs(value) >= ChunkWorker.f16Limit && value.isFinite
        }
        guard !(values.largest < ChunkWorker.f16Limit),
            let index = values.floats.firstIndex(where: isBeyond)
        else { return }
        if isStrict {
            let (row, column) = description.place(of: chunk.elements.lowerBound + index)
            throw PipelineError(
                .beyondF16(value: "\(values.floats[index])", row: row, column: column),
                path: source.path, place: description.name)
        }
        outOfRange[Place(plan: target.plan, tensor: target.tensor), default: 0] +=
            values.floats.count(where: isBeyond)
    }

    /// Counts the values that are NaN or infinite, or throws the error that names the first unless
    /// they are allowed.
    private func admitNonFinite(
        _ values: Values, chunk: Chunk, of description: TensorDescription
    ) throws {
        guard let index = values.floats.firstIndex(where: { !$0.isFinite }) else { return }
        guard allowsNonFinite else {
            let (row, column) = description.place(of: chunk.elements.lowerBound + index)
            throw PipelineError(
                .nonFinite(value: nonFiniteName(values.floats[index]), row: row, column: column),
                path: source.path, place: description.name)
        }
        nonFinite[chunk.tensor, default: 0] += values.floats.count { !$0.isFinite }
    }

    /// A copy of some rows that blocks can hold: zero for NaN, the row's largest finite magnitude
    /// for an infinity.
    private func finite(
        _ values: UnsafeMutableBufferPointer<Float>, rowLength: Int
    ) -> UnsafeMutableBufferPointer<Float> {
        let copy = replaced.floats(values.count)
        for row in stride(from: 0, to: values.count, by: rowLength) {
            let places = row..<row + rowLength
            let largest = places.reduce(Float(0)) { largest, place in
                values[place].isFinite ? max(largest, values[place].magnitude) : largest
            }
            for place in places {
                let value = values[place]
                copy[place] =
                    value.isFinite ? value : value.isNaN ? 0 : value < 0 ? -largest : largest
            }
        }
        return copy
    }
}

extension TensorDescription {
    /// The row and the column of a value, counted from the tensor's first.
    func place(of element: Int) -> (row: Int, column: Int) {
        let (row, column) = element.quotientAndRemainder(dividingBy: shape.rowLength)
        return (row, column)
    }
}

/// What a value that is no number is called in messages.
func nonFiniteName(_ value: Float) -> String {
    value.isNaN ? "NaN" : value > 0 ? "infinity" : "-infinity"
}
