import Safetensors
import TensorCore

extension DataType {
    /// The number of the first element that is NaN or an infinity; `nil` where there is none, and for
    /// types without such values.
    func firstNonFinite(in bytes: UnsafeMutableRawBufferPointer) -> Int? {
        switch self {
        case .BF16: first(in: bytes, mask: UInt16(0x7F80))
        case .F16: first(in: bytes, mask: UInt16(0x7C00))
        case .F32: first(in: bytes, mask: UInt32(0x7F80_0000))
        default: nil
        }
    }

    /// The first element all of whose bits of the exponent are set.
    private func first<Bits: FixedWidthInteger>(
        in bytes: UnsafeMutableRawBufferPointer, mask: Bits
    ) -> Int? {
        let stored = mask.littleEndian
        return (0..<bytes.count / MemoryLayout<Bits>.size).first {
            let element = bytes.loadUnaligned(
                fromByteOffset: $0 * MemoryLayout<Bits>.size, as: Bits.self)
            return element & stored == stored
        }
    }
}
