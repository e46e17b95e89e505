import CKernels
import Quantization
import TensorCore

/// Rows of activations rounded to 8 bits, and their products with coded matrices; or to 16-bit
/// floats, for matrices of those.
///
/// Memory: one and a half bytes for each number; four more where a matrix is of 16-bit floats.
///
/// `@unchecked Sendable`: whoever rounds rows on several threads gives each its own.
final class RoundedRows: @unchecked Sendable {
    private let buffer: FloatBuffer
    /// Rows rounded to floats.
    private let floats = ScratchBuffer()
    private let capacity: Int
    /// What the buffer is cut for.
    private var rowCount = 0
    private var rowLength = 0
    private(set) var blockLength = 0

    /// Memory for as many numbers as rows of these lengths have, padded to whole tiles of rows.
    init(rowCount: Int, rowLength: Int) throws(InferenceError) {
        capacity = RoundedRows.padded(rowCount) * rowLength
        buffer = try FloatBuffer(count: capacity / 8 * 3)
    }

    private static func padded(_ rowCount: Int) -> Int {
        let tile = Int(INGOT_TILE_TOKENS)
        return (rowCount + tile - 1) / tile * tile
    }

    /// Makes room for rows of this length, in blocks that share a scale.
    ///
    /// What is there is lost.
    func reshape(rowCount: Int, rowLength: Int, blockLength: Int) {
        let count = RoundedRows.padded(rowCount)
        precondition(count * rowLength <= capacity, "more rows than there is room for")
        precondition(rowLength % blockLength == 0, "rows that are not whole blocks")
        self.rowCount = count
        self.rowLength = rowLength
        self.blockLength = blockLength
    }

    private var pieces: ingot_q8_rows {
        let scaleCount = rowCount * (rowLength / blockLength)
        let scales = buffer.base + rowCount * rowLength / 4
        let steps = scales + scaleCount
        return ingot_q8_rows(
            codes: UnsafeMutableRawPointer(buffer.base).assumingMemoryBound(to: Int8.self),
            scales: scales, steps: steps,
            sums: UnsafeMutableRawPointer(steps + scaleCount).assumingMemoryBound(to: Int32.self))
    }

    /// Rounds `count` rows to the places from `first` on, a multiple of 8.
    func round(_ input: UnsafePointer<Float>, stride: Int, first: Int = 0, count: Int) {
        var rows = pieces
        ingot_quantize_activations(
            InstructionSet.current.isa, input, stride, count, rowLength, UInt32(blockLength), first,
            &rows)
    }

    /// Rounds rows as a matrix wants them: to codes here, or to floats elsewhere.
    ///
    /// - Returns: What a product in F32 takes: the rows, rounded where that is to floats; valid
    ///   until the next are.
    func round(
        _ input: UnsafePointer<Float>, stride: Int, count: Int, length: Int, to rounding: Rounding
    ) -> (rows: UnsafePointer<Float>, stride: Int) {
        switch rounding {
        case .none: return (input, stride)
        case .codes(let blockLength):
            reshape(rowCount: count, rowLength: length, blockLength: blockLength)
            round(input, stride: stride, count: count)
            return (input, stride)
        case .floats(let format):
            guard let base = floats.floats(count * length).baseAddress else {
                return (input, stride)
            }
            for row in 0..<count {
                Rounding.round(
                    input + row * stride, count: length, to: format, into: base + row * length)
            }
            return (UnsafePointer(base), length)
        }
    }

    /// `result = x Wᵀ + keep · result` for some rows and some outputs.
    ///
    /// - Parameters:
    ///   - rows: The first is a multiple of 8.
    ///   - weights: Where the matrix's panels are.
    func multiply(
        rows range: Range<Int>, by matrix: CodedMatrix, at weights: UnsafePointer<Float>,
        outputs: Range<Int>, into result: UnsafeMutablePointer<Float>, stride: Int, keep: Bool,
        scratch: ScratchBuffer
    ) {
        var (rows, form) = (pieces, matrix.codes.form)
        precondition(
            matrix.rowLength == rowLength && Int(form.blockLength) == blockLength,
            "rows rounded for another matrix")
        var panels = matrix.panels(at: UnsafeMutablePointer(mutating: weights))
        let room = scratch.bytes(ingot_integer_product_scratch(&form, rowLength))
        guard let room = room.baseAddress else { return }
        ingot_integer_product(
            InstructionSet.current.isa, &form, rowLength, &rows, range.lowerBound, range.count,
            &panels, outputs.lowerBound, outputs.count, result, stride, keep, room)
    }
}
