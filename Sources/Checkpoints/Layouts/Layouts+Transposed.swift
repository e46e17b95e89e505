import Safetensors
import TensorCore

// The layouts that stand inputs by outputs: GPTQ's and AWQ's. Sources:
// <https://github.com/ModelCloud/GPTQModel>, <https://github.com/casper-hansen/AutoAWQ>.

extension StoredPart {
    /// GPTQ's codes: words of neighbouring inputs, `[inputs · bits / 32, outputs]`.
    static let gptqCodes = StoredPart(
        ".qweight", .I32, shape: { [$0.columns * $0.grid.bits / 32, $0.rows] }
    ) { matrix, rows, destination in
        let (bits, outputs) = (matrix.grid.bits, matrix.rowCount)
        let perWord = 32 / bits
        for row in rows {
            let line = destination + (row - rows.lowerBound) * outputs * 4
            for output in 0..<outputs {
                let codes = matrix.codes + output * matrix.columnCount + row * perWord
                var word: UInt32 = 0
                for index in 0..<perWord { word |= UInt32(codes[index]) << UInt32(index * bits) }
                line.storeBytes(of: word.littleEndian, toByteOffset: 4 * output, as: UInt32.self)
            }
        }
    }

    /// GPTQ's zero points, less one as its first version stores them: `[groups, outputs · bits / 32]`.
    static let gptqZeroPoints = StoredPart(
        ".qzeros", .I32, shape: { [$0.scaleColumns, $0.rows * $0.grid.bits / 32] }
    ) { matrix, rows, destination in
        let perWord = 32 / matrix.grid.bits
        let (mask, width) = (
            UInt8(truncatingIfNeeded: 1 << matrix.grid.bits - 1), matrix.rowCount / perWord
        )
        for group in rows {
            for index in 0..<width {
                var word: UInt32 = 0
                for place in 0..<perWord {
                    let output = index * perWord + place
                    let zero = (matrix.zeros[output * matrix.scaleColumns + group] &- 1) & mask
                    word |= UInt32(zero) << UInt32(place * matrix.grid.bits)
                }
                destination.storeBytes(
                    of: word.littleEndian,
                    toByteOffset: ((group - rows.lowerBound) * width + index) * 4, as: UInt32.self)
            }
        }
    }

    /// Which group each input is in.
    static let groupIndex = StoredPart(".g_idx", .I32, shape: { [$0.columns] }) {
        matrix, rows, destination in
        for column in rows {
            destination.storeBytes(
                of: Int32(column / matrix.cell.columns).littleEndian,
                toByteOffset: (column - rows.lowerBound) * 4, as: Int32.self)
        }
    }

    /// Scales, `[groups, outputs]`.
    static func transposedScales(_ dataType: DataType?) -> StoredPart {
        StoredPart(".scales", dataType, shape: { [$0.scaleColumns, $0.rows] }) {
            matrix, rows, destination in
            let type = dataType ?? matrix.grid.scale.dataType
            for group in rows {
                for output in 0..<matrix.rowCount {
                    type.store(
                        matrix.scales[output * matrix.scaleColumns + group], destination,
                        at: (group - rows.lowerBound) * matrix.rowCount + output)
                }
            }
        }
    }

    /// The output of each of a word's codes, from the lowest bits on.
    private static let awqOrder = [0, 2, 4, 6, 1, 3, 5, 7]

    /// A word of the codes of eight outputs.
    private static func awqWord(_ code: (_ output: Int) -> UInt8) -> UInt32 {
        awqOrder.reversed().reduce(0) { $0 << 4 | UInt32(code($1)) }
    }

    /// AWQ's codes: words of neighbouring outputs, `[inputs, outputs / 8]`.
    static let awqCodes = StoredPart(".qweight", .I32, shape: { [$0.columns, $0.rows / 8] }) {
        matrix, rows, destination in
        for column in rows {
            let line = destination + (column - rows.lowerBound) * matrix.rowCount / 8 * 4
            for index in 0..<matrix.rowCount / 8 {
                let word = awqWord {
                    matrix.codes[(index * 8 + $0) * matrix.columnCount + column]
                }
                line.storeBytes(of: word.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
            }
        }
    }

    /// AWQ's zero points, as they are: `[groups, outputs / 8]`.
    static let awqZeroPoints = StoredPart(
        ".qzeros", .I32, shape: { [$0.scaleColumns, $0.rows / 8] }
    ) { matrix, rows, destination in
        for group in rows {
            let line = destination + (group - rows.lowerBound) * matrix.rowCount / 8 * 4
            for index in 0..<matrix.rowCount / 8 {
                let word = awqWord {
                    matrix.zeros[(index * 8 + $0) * matrix.scaleColumns + group]
                }
                line.storeBytes(of: word.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
            }
        }
    }
}
