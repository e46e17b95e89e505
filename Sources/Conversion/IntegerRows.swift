import Quantization
import Safetensors
import TensorCore

/// A tensor of integers, which a file holds as I64, each perhaps plus its place in the tensor, or as
/// I32.
struct IntegerRows: Sendable {
    let source: any ReadableTensor
    /// Whether a number is stored as the difference to its place.
    let addsPlace: Bool
    /// Whether the file holds them as I32.
    let isNarrow: Bool

    var format: Format { isNarrow ? .I32 : .I64 }

    /// Writes some of the numbers as the file holds them.
    func readBytes(
        _ elements: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        for (place, value) in try values(elements).enumerated() {
            guard isNarrow else {
                destination.storeBytes(
                    of: value.littleEndian, toByteOffset: 8 * place, as: Int64.self)
                continue
            }
            guard let narrow = Int32(exactly: value) else {
                throw ConversionError(
                    .invalidValue(
                        found: "\(value) at \(elements.lowerBound + place)",
                        expected: "a number of 32 bits"), path: source.path, place: source.name)
            }
            destination.storeBytes(
                of: narrow.littleEndian, toByteOffset: 4 * place, as: Int32.self)
        }
    }

    /// Some of the numbers.
    ///
    /// - Throws: `ConversionError` about a tensor of another type, or a sum beyond what is stored.
    func values(_ elements: Range<Int>) throws -> [Int64] {
        let width: Int
        switch source.dataType {
        case .I64: width = 8
        case .I32: width = 4
        default:
            throw ConversionError(
                .unsupportedDataType(source.dataType?.rawValue ?? "packed"), path: source.path,
                place: source.name)
        }
        var bytes = [UInt8](repeating: 0, count: elements.count * width)
        try bytes.withUnsafeMutableBytes { try source.readBytes(elements, into: $0) }
        return try bytes.withUnsafeBytes { buffer in
            try (0..<elements.count).map { place in
                let stored: Int64
                if width == 8 {
                    let word = buffer.loadUnaligned(fromByteOffset: 8 * place, as: Int64.self)
                    stored = Int64(littleEndian: word)
                } else {
                    let word = buffer.loadUnaligned(fromByteOffset: 4 * place, as: Int32.self)
                    stored = Int64(Int32(littleEndian: word))
                }
                guard addsPlace else { return stored }
                let sum = stored.addingReportingOverflow(Int64(elements.lowerBound + place))
                guard !sum.overflow, sum.partialValue >= 0 else {
                    throw ConversionError(
                        .invalidValue(
                            found: "\(stored) at \(elements.lowerBound + place)",
                            expected: "a difference that gives a token"),
                        path: source.path, place: source.name)
                }
                return sum.partialValue
            }
        }
    }
}
