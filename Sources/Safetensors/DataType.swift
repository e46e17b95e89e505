/// The element types of the safetensors format; raw values are the names in a file's header.
///
/// Format: <https://github.com/huggingface/safetensors#format>.
public enum DataType: String, Sendable, Hashable, CaseIterable {
    case F64, F32, F16, BF16
    case I64, I32, I16, I8
    case U64, U32, U16, U8
    case BOOL
    /// 8-bit floats: 4 bits of exponent and no infinity, or 5 bits of exponent.
    case F8_E4M3, F8_E5M2
    /// Powers of two, used as scales.
    case F8_E8M0
    case C64
    /// Packed floats of less than a byte: known, carried, not decoded.
    case F4, F6_E2M3, F6_E3M2

    /// The bits that one element takes.
    public var bitCount: Int {
        switch self {
        case .F64, .I64, .U64, .C64: 64
        case .F32, .I32, .U32: 32
        case .F16, .BF16, .I16, .U16: 16
        case .I8, .U8, .BOOL, .F8_E4M3, .F8_E5M2, .F8_E8M0: 8
        case .F6_E2M3, .F6_E3M2: 6
        case .F4: 4
        }
    }

    /// The bytes of `elementCount` elements; `nil` when they are not whole bytes or overflow.
    public func byteCount(elementCount: Int) -> Int? {
        let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitCount)
        guard !overflow else {
            // The bits may overflow where the bytes do not.
            guard bitCount % 8 == 0 else { return nil }
            let (bytes, overflow) = elementCount.multipliedReportingOverflow(by: bitCount / 8)
            return overflow ? nil : bytes
        }
        return bits % 8 == 0 ? bits / 8 : nil
    }

    /// Whether `decode` can turn elements into F32.
    public var isDecodable: Bool {
        switch self {
        case .C64, .F4, .F6_E2M3, .F6_E3M2: false
        default: true
        }
    }
}
