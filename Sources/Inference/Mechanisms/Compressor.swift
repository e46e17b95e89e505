import Architectures
import CKernels
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes one row of every so many positions.
struct Compressor: Sendable {
    let description: BlockDescription.Compressor
    private let places: Int
    private let norm: Norm?

    init(
        _ compressor: BlockDescription.Compressor, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        description = compressor
        places = try layout.tensor(
            compressor.places, shape: [compressor.ratio, compressor.values.outputs])
        norm = try layout.norm(compressor.norm, count: compressor.length)
    }

    /// The floats of a position's values, and of its gates.
    var width: Int { description.values.outputs }

    /// Makes a row.
    ///
    /// - Parameters:
    ///   - number: The row's number; it is of `ratio` positions from `number · ratio` on.
    ///   - positions: Values, then gates, of position 0; `stride` floats to a position.
    func make(
        _ number: Int, of positions: UnsafePointer<Float>, stride: Int,
        _ weights: UnsafePointer<Float>, _ rotary: RotaryTable?, rotaryLength: Int,
        into row: UnsafeMutablePointer<Float>
    ) {
        let (ratio, length) = (description.ratio, description.length)
        let own = positions + number * ratio * stride
        let places = weights + places
        for element in 0..<length {
            var largest = -Float.infinity
            forEachPlace(of: number) { place, part in
                let column = part * length + element
                let gate = own[place * stride + width + column]
                let slot = (place + ratio) % ratio
                largest = max(largest, gate + places[slot * width + column])
            }
            var (sum, total): (Float, Float) = (0, 0)
            forEachPlace(of: number) { place, part in
                let column = part * length + element
                let slot = (place + ratio) % ratio
                let gate = own[place * stride + width + column] + places[slot * width + column]
                let share = exp(gate - largest)
                total += share
                sum += share * own[place * stride + column]
            }
            row[element] = sum / total
        }
        norm?.apply(weights, row, into: row)
        // The table turns what stands at the end of a head of its own length.
        rotary?.rotate(row + length - rotaryLength, at: number * ratio)
    }

    /// The positions that a row is made of, counted from its first, and which part of their values.
    private func forEachPlace(of number: Int, _ body: (_ place: Int, _ part: Int) -> Void) {
        if description.overlaps, number > 0 {
            for place in -description.ratio..<0 { body(place, 0) }
        }
        for place in 0..<description.ratio { body(place, description.overlaps ? 1 : 0) }
    }
}

/// What compressed attention keeps of a sequence, by position and by compressed row.
///
/// A step that fails leaves nothing behind that counts: it only writes what belongs to its own positions.
///
/// `@unchecked Sendable`: one worker at a time runs a sequence through a block.
final class CompressedState: @unchecked Sendable {
    private let positions: FloatBuffer
    private let rows: FloatBuffer
    private let lengths: (position: Int, row: Int)
    private let ratio: Int

    init(_ attention: BlockDescription.CompressedAttention, capacity: Int) throws(InferenceError) {
        lengths = attention.keptLengths
        ratio = attention.compressor?.ratio ?? 1
        guard
            let counts = CompressedState.counts(attention, capacity: capacity)
        else { throw InferenceError(.outOfMemory(byteCount: .max), path: nil) }
        positions = try FloatBuffer(count: counts.positions)
        rows = try FloatBuffer(count: counts.rows)
    }

    /// The numbers that are kept of so many positions; `nil` beyond what can be addressed.
    static func counts(
        _ attention: BlockDescription.CompressedAttention, capacity: Int
    ) -> (positions: Int, rows: Int)? {
        let lengths = attention.keptLengths
        guard let positions = capacity.multiplied(checkedBy: lengths.position),
            let rows = (capacity / (attention.compressor?.ratio ?? 1)).multiplied(
                checkedBy: lengths.row),
            positions.adding(checked: rows)?.multiplied(checkedBy: 4) != nil
        else { return nil }
        return (positions, rows)
    }

    /// Position 0, and row 0.
    var base: (positions: UnsafeMutablePointer<Float>, rows: UnsafeMutablePointer<Float>) {
        (positions.base, rows.base)
    }

    /// Takes over the first positions of another sequence.
    func copy(from other: CompressedState, positions count: Int) {
        positions.base.update(from: other.positions.base, count: count * lengths.position)
        rows.base.update(from: other.rows.base, count: count / ratio * lengths.row)
    }
}
