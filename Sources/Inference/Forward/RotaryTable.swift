import Architectures
import TensorCore
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The cosines and sines of a rotation's angles (RoPE) for positions from 0 on.
final class RotaryTable: Sendable {
    private let pairing: BlockDescription.Rotary.Pairing
    private let offset: Int
    private let pairCount: Int
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    /// Angles are computed in F64.
    ///
    /// - Parameters:
    ///   - factors: The values of the tensors that divide angles, by name.
    ///   - positionCount: The length of the context, which also decides between short and long
    ///     divisors.
    init(
        _ rotary: BlockDescription.Rotary, factors: [String: [Float]], positionCount: Int
    ) throws(InferenceError) {
        pairing = rotary.pairing
        offset = rotary.offset
        pairCount = rotary.dimensionCount / 2
        cosines = try FloatBuffer(count: positionCount * pairCount)
        sines = try FloatBuffer(count: positionCount * pairCount)
        let frequencies = RotaryTable.frequencies(
            rotary, factors: factors, contextLength: positionCount)
        for (pair, frequency) in frequencies.enumerated() {
            for position in 0..<positionCount {
                let angle = Double(position) * frequency
                cosines.base[position * pairCount + pair] = Float(cos(angle)) * rotary.magnitude
                sines.base[position * pairCount + pair] = Float(sin(angle)) * rotary.magnitude
            }
        }
    }

    /// The bytes of a table.
    static func byteCount(_ rotary: BlockDescription.Rotary, positionCount: Int) -> Int? {
        (rotary.dimensionCount / 2).multiplied(checkedBy: 8)?.multiplied(checkedBy: positionCount)
    }

    /// What a position is multiplied by to give each pair's angle.
    private static func frequencies(
        _ rotary: BlockDescription.Rotary, factors: [String: [Float]], contextLength: Int
    ) -> [Double] {
        var divisors = rotary.factors
        if let long = rotary.longFactors, contextLength > long.contextLength {
            divisors = long.tensor
        }
        let values = divisors.flatMap { factors[$0] }
        let kept = rotary.yarn?.kept(dimensionCount: rotary.dimensionCount, base: rotary.base)
        return (0..<rotary.dimensionCount / 2).map { pair in
            var frequency =
                pow(rotary.base, -Double(2 * pair) / Double(rotary.dimensionCount))
                * rotary.positionScale
            if let kept, let yarn = rotary.yarn {
                frequency *= kept[pair] + (1 - kept[pair]) / yarn.factor
            }
            if let values { frequency /= Double(values[pair]) }
            return frequency
        }
    }

    /// Turns a head's query or key at a position.
    func rotate(_ head: UnsafeMutablePointer<Float>, at position: Int) {
        let (cosines, sines) = (
            cosines.base + position * pairCount, sines.base + position * pairCount
        )
        switch pairing {
        case .interleaved:
            ingot_rotate_interleaved(head + offset, cosines, sines, pairCount)
        case .halves: ingot_rotate_halves(head + offset, cosines, sines, pairCount)
        }
    }

    /// Turns a head's gradient back: the transpose of `rotate`.
    func rotateBack(_ head: UnsafeMutablePointer<Float>, at position: Int) {
        let (cosines, sines) = (
            cosines.base + position * pairCount, sines.base + position * pairCount
        )
        for pair in 0..<pairCount {
            let (first, second) =
                switch pairing {
                case .interleaved: (offset + 2 * pair, offset + 2 * pair + 1)
                case .halves: (offset + pair, offset + pair + pairCount)
                }
            let (x, y) = (head[first], head[second])
            head[first] = x * cosines[pair] + y * sines[pair]
            head[second] = y * cosines[pair] - x * sines[pair]
        }
    }
}

/// The tables of all rotations of a model.
struct RotaryTables: Sendable {
    private let tables: [BlockDescription.Rotary: RotaryTable]

    /// Makes tables for contexts of so many positions.
    init(_ model: Model, _ positionCount: Int) throws(InferenceError) {
        var tables: [BlockDescription.Rotary: RotaryTable] = [:]
        for block in model.description.blocks {
            guard let rotary = block.rotary, tables[rotary] == nil else { continue }
            tables[rotary] = try RotaryTable(
                rotary, factors: model.rotaryFactors, positionCount: positionCount)
        }
        self.tables = tables
    }

    /// The bytes of all tables; `nil` beyond what can be addressed.
    static func byteCount(_ model: Model, _ positionCount: Int) -> Int? {
        Set(model.description.blocks.compactMap(\.rotary)).reduce(0) { sum, rotary in
            RotaryTable.byteCount(rotary, positionCount: positionCount)
                .flatMap { own in sum?.adding(checked: own) }
        }
    }

    subscript(rotary: BlockDescription.Rotary) -> RotaryTable? { tables[rotary] }
}
