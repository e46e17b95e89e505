import Safetensors
import TensorCore

// The layouts of compressed-tensors. Source: `compressors` of
// <https://github.com/vllm-project/compressed-tensors>.

extension StoredPart {
    /// Codes of at most 8 bits as one stream along the inputs, in 32-bit words, the first lowest.
    static func packedRows(_ suffix: String) -> StoredPart {
        StoredPart(suffix, .I32, shape: { [$0.rows, ($0.columns * $0.grid.bits + 31) / 32] }) {
            matrix, rows, destination in
            let (bits, columns) = (matrix.grid.bits, matrix.columnCount)
            let width = (columns * bits + 31) / 32
            for row in rows {
                let codes = matrix.codes + row * columns
                let words = destination + (row - rows.lowerBound) * width * 4
                BitStream.pack(columns, bits: bits, width: width, into: words) { codes[$0] }
            }
        }
    }

    /// Zero points as one stream down the outputs: `[outputs · bits / 32, groups]`.
    static func packedZeroPoints(_ suffix: String) -> StoredPart {
        var part = StoredPart(
            suffix, .I32, shape: { [($0.rows * $0.grid.bits + 31) / 32, $0.scaleColumns] }
        ) { matrix, rows, destination in
            let (bits, groups) = (matrix.grid.bits, matrix.scaleColumns)
            let height = (matrix.rowCount * bits + 31) / 32
            var column = [UInt32](repeating: 0, count: height)
            for group in 0..<groups {
                column.withUnsafeMutableBytes { words in
                    guard let base = words.baseAddress else { return }
                    BitStream.pack(matrix.rowCount, bits: bits, width: height, into: base) {
                        matrix.zeros[$0 * groups + group]
                    }
                }
                for row in rows {
                    destination.storeBytes(
                        of: column[row].littleEndian,
                        toByteOffset: ((row - rows.lowerBound) * groups + group) * 4,
                        as: UInt32.self)
                }
            }
        }
        part.isWhole = true
        return part
    }

    /// One scale for each cell; the dimensions by what shares one.
    static func scales(
        _ suffix: String, _ dataType: DataType?,
        shape: @escaping @Sendable (MatrixShape) -> [Int] = { matrix in
            matrix.grid.scope == .tensor ? [1] : [matrix.scaleRows, matrix.scaleColumns]
        }
    ) -> StoredPart {
        StoredPart(suffix, dataType, shape: shape) { matrix, rows, destination in
            let count = matrix.scaleColumns
            let first = rows.lowerBound * count
            let type = dataType ?? matrix.grid.scale.dataType
            for index in 0..<rows.count * count {
                type.store(matrix.scales[first + index], destination, at: index)
            }
        }
    }

    /// The rows and columns.
    static let weightShape = StoredPart(".weight_shape", .I64, shape: { _ in [2] }) {
        matrix, rows, destination in
        for row in rows {
            let number = Int64(row == 0 ? matrix.rowCount : matrix.columnCount)
            destination.storeBytes(
                of: number.littleEndian, toByteOffset: (row - rows.lowerBound) * 8, as: Int64.self)
        }
    }

    /// A byte for each code: signed integers, or floats.
    static func bytes(_ suffix: String, _ dataType: DataType) -> StoredPart {
        StoredPart(suffix, dataType, shape: { [$0.rows, $0.columns] }) {
            matrix, rows, destination in
            let first = matrix.codes + rows.lowerBound * matrix.columnCount
            let count = rows.count * matrix.columnCount
            let bytes = destination.assumingMemoryBound(to: UInt8.self)
            // Codes of integers count from the lowest: the top bit is turned round.
            let flip: UInt8 = dataType == .I8 ? 0x80 : 0
            for index in 0..<count { bytes[index] = first[index] ^ flip }
        }
    }

    /// Two codes to a byte, the even column in the lower half.
    static func nibbles(_ suffix: String) -> StoredPart {
        StoredPart(suffix, .U8, shape: { [$0.rows, $0.columns / 2] }) {
            matrix, rows, destination in
            let first = matrix.codes + rows.lowerBound * matrix.columnCount
            let bytes = destination.assumingMemoryBound(to: UInt8.self)
            for index in 0..<rows.count * matrix.columnCount / 2 {
                bytes[index] = first[2 * index] | first[2 * index + 1] << 4
            }
        }
    }

    /// The number that all scales are multiplied by, or its inverse.
    static func unit(_ suffix: String, isInverse: Bool, isScalar: Bool = false) -> StoredPart {
        StoredPart(suffix, .F32, shape: { _ in isScalar ? [] : [1] }) { matrix, _, destination in
            DataType.F32.store(isInverse ? 1 / matrix.unit : matrix.unit, destination, at: 0)
        }
    }
}

extension ScaleType {
    /// The type of stored scales.
    var dataType: DataType {
        switch self {
        case .f16: .F16
        case .bf16: .BF16
        case .f32: .F32
        case .e4m3: .F8_E4M3
        case .exponent: .U8
        }
    }
}

extension ScaleType {
    /// The type of numbers beside the scales: the same, where that is a float of at least 16 bits.
    var floatType: DataType { [.f16, .bf16, .f32].contains(self) ? dataType : .BF16 }
}

extension DataType {
    /// Stores a scale as element number `index`; a U8 has the biased exponent of a power of two.
    func store(_ value: Float, _ destination: UnsafeMutableRawPointer, at index: Int) {
        switch self {
        case .F16:
            destination.storeBytes(
                of: HalfFloat.f16(from: value).littleEndian, toByteOffset: 2 * index,
                as: UInt16.self)
        case .BF16:
            destination.storeBytes(
                of: HalfFloat.bf16(from: value).littleEndian, toByteOffset: 2 * index,
                as: UInt16.self)
        case .F32:
            destination.storeBytes(
                of: value.bitPattern.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
        case .F8_E4M3:
            destination.storeBytes(
                of: EightBitFloat.code(of: value), toByteOffset: index, as: UInt8.self)
        case .U8:
            destination.storeBytes(
                of: UInt8(clamping: Int(value.exponent) + 127), toByteOffset: index, as: UInt8.self)
        default: preconditionFailure("no type of scales")
        }
    }
}

/// Codes of a few bits in 32-bit words.
enum BitStream {
    /// Packs `count` codes, the first in the lowest bits; codes may cross from word to word.
    static func pack(
        _ count: Int, bits: Int, width: Int, into words: UnsafeMutableRawPointer,
        _ code: (Int) -> UInt8
    ) {
        var (buffer, filled, word) = (UInt64(0), 0, 0)
        for index in 0..<count {
            buffer |= UInt64(code(index)) << UInt64(filled)
            filled += bits
            if filled >= 32 {
                let low = UInt32(truncatingIfNeeded: buffer)
                words.storeBytes(of: low.littleEndian, toByteOffset: 4 * word, as: UInt32.self)
                (buffer, filled, word) = (buffer >> 32, filled - 32, word + 1)
            }
        }
        if word < width {
            let low = UInt32(truncatingIfNeeded: buffer)
            words.storeBytes(of: low.littleEndian, toByteOffset: 4 * word, as: UInt32.self)
        }
    }
}
