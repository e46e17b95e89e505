import Quantization
import Safetensors
import TensorCore

/// Parts of stored tensors that are added to each other, element by element.
struct SummedParts: Sendable {
    /// As long as each other.
    let parts: [StoredParts.Part]

    /// Reads elements of the sum as F32, rounded once to what the parts are stored in, as the
    /// reference converter does.
    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        guard let first = parts.first else { return }
        try first.readFloats(elements, into: destination, scratch: scratch)
        let addends = UnsafeMutablePointer<Float>.allocate(capacity: elements.count)
        defer { addends.deallocate() }
        for part in parts.dropFirst() {
            try part.readFloats(elements, into: addends, scratch: scratch)
            for index in 0..<elements.count { destination[index] += addends[index] }
        }
        guard first.values.format == .F16 else { return }
        for index in 0..<elements.count {
            destination[index] = HalfFloat.float(fromF16: HalfFloat.f16(from: destination[index]))
        }
    }
}
