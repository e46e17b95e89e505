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
    private let isStrict: Bool
    private let checksums: Checksums?
    private let source: any TensorSource
    private let stored = ScratchBuffer()
    private let widened = ScratchBuffer()
    private let encoded = ScratchBuffer()
    /// Values beyond F16's range, by tensor.
    private(set) var outOfRange: [Place: Int] = [:]

    init(plans: [Plan], outputs: [OutputFile], isStrict: Bool, checksums: Checksums?) {
        self.plans = plans
        self.outputs = outputs
        self.isStrict = isStrict
        self.checksums = checksums
        source = plans[0].source
    }

    /// The smallest magnitude that rounds to infinity in F16.
    static let f16Limit: Float = 65520

    /// Reads a chunk once and writes it to every file that it goes to.
    func carryOut(_ chunk: Chunk, targets: [Target], firstResult: Int) throws {
        let description = source.tensors[chunk.tensor]
        let tensors = targets.map { plans[$0.plan].tensors[$0.tensor] }
        var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        var values = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
        var largest: Float = 0
        if let copied = tensors.first(where: \.isCopy) {
            let range = copied.bytes(of: chunk.elements)
            bytes = stored.bytes(range.count)
            try source.readBytes(range, ofTensor: chunk.tensor, into: bytes)
        }
        // A copied F32, F16 or BF16 tensor is looked at as well: a NaN would go on unseen.
        let encodes = !tensors.allSatisfy(\.isCopy)
        if encodes || description.format.blockElementCount == 1 && description.format.decode != nil
        {
            values = widened.floats(chunk.elements.count)
            try widen(chunk, of: description, bytes: bytes, into: values)
            largest = try check(values, chunk: chunk, of: description)
        }
        for (index, target) in targets.enumerated() {
            let tensor = tensors[index]
            let blocks: UnsafeMutableRawBufferPointer
            if tensor.isCopy {
                blocks = bytes
            } else {
                if tensor.choice.format == .F16, largest >= ChunkWorker.f16Limit {
                    if isStrict { throw beyondF16(values, chunk: chunk, of: description) }
                    outOfRange[Place(plan: target.plan, tensor: target.tensor), default: 0] +=
                        values.count { abs($0) >= ChunkWorker.f16Limit }
                }
                blocks = encode(values, chunk: chunk, as: tensor)
            }
            let place =
                plans[target.plan].layout.offsets[target.tensor]
                + tensor.bytes(of: chunk.elements).lowerBound
            try outputs[target.plan].write(UnsafeRawBufferPointer(blocks), at: place)
            checksums?[firstResult + index] = Checksums.checksum(UnsafeRawBufferPointer(blocks))
        }
    }

    private func widen(
        _ chunk: Chunk, of description: TensorDescription, bytes: UnsafeMutableRawBufferPointer,
        into values: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard let floats = values.baseAddress else { return }
        if let base = bytes.baseAddress, let decode = description.format.decode {
            decode(UnsafeRawPointer(base), values.count, floats)
            return
        }
        let rowLength = description.shape.rowLength
        try source.readRows(
            chunk.elements.lowerBound / rowLength..<chunk.elements.upperBound / rowLength,
            ofTensor: chunk.tensor, into: floats, scratch: stored)
    }

    private func encode(
        _ values: UnsafeMutableBufferPointer<Float>, chunk: Chunk, as tensor: Plan.Tensor
    ) -> UnsafeMutableRawBufferPointer {
        let blocks = encoded.bytes(tensor.bytes(of: chunk.elements).count)
        guard let floats = values.baseAddress, let destination = blocks.baseAddress,
            let encode = tensor.choice.format.encode
        else { return blocks }
        let shape = tensor.source.shape
        let rowCount = chunk.elements.count / shape.rowLength
        guard let importance = tensor.importance else {
            encode(floats, rowCount, shape.rowLength, nil, destination)
            return blocks
        }
        // Rows of one expert share its row of weights.
        let matrixRows = shape.rank > 2 ? shape.dimensions[shape.rank - 2] : shape.rowCount
        let expert = chunk.elements.lowerBound / shape.rowLength / matrixRows
        importance.values.withUnsafeBufferPointer { weights in
            let row = weights.baseAddress.map { $0 + expert * shape.rowLength }
            encode(floats, rowCount, shape.rowLength, row, destination)
        }
        return blocks
    }

    /// The error that names the first value beyond F16's range.
    private func beyondF16(
        _ values: UnsafeMutableBufferPointer<Float>, chunk: Chunk, of description: TensorDescription
    ) -> PipelineError {
        let index = values.firstIndex { abs($0) >= ChunkWorker.f16Limit } ?? 0
        let (row, column) = (chunk.elements.lowerBound + index).quotientAndRemainder(
            dividingBy: description.shape.rowLength)
        return PipelineError(
            .beyondF16(value: "\(values[index])", row: row, column: column), path: source.path,
            place: description.name)
    }

    /// Returns the largest magnitude, or throws when a value is NaN or infinite.
    private func check(
        _ values: UnsafeMutableBufferPointer<Float>, chunk: Chunk, of description: TensorDescription
    ) throws -> Float {
        guard let base = values.baseAddress else { return 0 }
        let largest = largestMagnitude(base, values.count)
        guard !largest.isFinite, let index = values.firstIndex(where: { !$0.isFinite }) else {
            return largest
        }
        let (row, column) = (chunk.elements.lowerBound + index).quotientAndRemainder(
            dividingBy: description.shape.rowLength)
        throw PipelineError(
            .nonFinite(value: nonFiniteName(values[index]), row: row, column: column),
            path: source.path, place: description.name)
    }
}

/// What a value that is no number is called in messages.
func nonFiniteName(_ value: Float) -> String {
    value.isNaN ? "NaN" : value > 0 ? "infinity" : "-infinity"
}

/// The largest magnitude, NaN or infinite when a value is.
///
/// Works on bit patterns, whose order is that of magnitudes and which the compiler vectorises.
func largestMagnitude(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
    values.withMemoryRebound(to: UInt32.self, capacity: count) { bits in
        var largest: UInt32 = 0
        for index in 0..<count { largest = max(largest, bits[index] & 0x7FFF_FFFF) }
        return Float(bitPattern: largest)
    }
}

extension Plan.Tensor {
    /// The bytes that some of the values take in the output, counted from the tensor's first byte.
    ///
    /// The values are whole blocks.
    func bytes(of elements: Range<Int>) -> Range<Int> {
        let format = choice.format
        let start = elements.lowerBound / format.blockElementCount * format.blockByteCount
        return start..<elements.upperBound / format.blockElementCount * format.blockByteCount
    }
}
