package import Quantization
package import Safetensors
package import TensorCore

extension ReadableTensor {
    /// The format whose bytes are the values' bytes, if there is one.
    package var format: Format? {
        switch dataType {
        case .F32: .F32
        case .F16: .F16
        case .BF16: .BF16
        default: nil
        }
    }

    /// Reads values as F32, by the formats' kernels where those are faster than the file's own
    /// decoding; see `readElements`.
    package func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        guard location != nil, let format, format != .F32, let decode = format.decode else {
            return try readElements(elements, into: destination, scratch: scratch)
        }
        let bytes = scratch.bytes(elements.count * format.blockByteCount)
        try readBytes(elements, into: bytes)
        if let base = bytes.baseAddress { decode(base, elements.count, destination) }
    }
}
