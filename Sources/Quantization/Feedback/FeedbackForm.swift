internal import CKernels
import TensorCore

/// How a format's blocks are rounded with error feedback: what values a block can hold, and how it
/// is stored.
///
/// A value is `scale * level - minimum`. Codes number the levels from the lowest.
///
/// A class, so that a `Format` stays small.
final class FeedbackForm: Sendable {
    /// Stores the fields of a block.
    typealias Packer =
        @Sendable (_ fields: Fields, _ block: UnsafeMutableRawPointer) -> Void

    /// The fields of a block before they are packed.
    struct Fields {
        /// The unit of the scales, or the scale.
        let unit: Float
        /// The unit of the minimums, or the minimum as it is added.
        let minimumUnit: Float
        /// Integer scales counted from the least, one for each group.
        let scales: UnsafePointer<UInt8>
        /// Integer minimums.
        let minimums: UnsafePointer<UInt8>
        /// The codes; of grids those of the magnitudes, with the sign as top bit.
        let codes: UnsafePointer<UInt8>
    }

    /// Values that share a scale.
    let groupLength: Int
    let levels: Levels
    let scale: Parameter
    let minimum: Parameter
    let pack: Packer
    /// Curve or magnitudes, where C finds them.
    private let table: Table?

    /// Never freed: formats are not either.
    private struct Table: @unchecked Sendable {
        let values: UnsafePointer<Float>
    }

    init(
        groupLength: Int, levels: Levels, scale: Parameter, minimum: Parameter = .none,
        pack: @escaping Packer
    ) {
        self.groupLength = groupLength
        self.levels = levels
        self.scale = scale
        self.minimum = minimum
        self.pack = pack
        let values = levels.table
        let copy = UnsafeMutablePointer<Float>.allocate(capacity: max(1, values.count))
        copy.initialize(from: values, count: values.count)
        table = values.isEmpty ? nil : Table(values: copy)
    }

    /// The units of scales and minimums in a block.
    func units(_ block: UnsafeRawPointer) -> (scale: Float, minimum: Float) {
        (scale.unit(block), minimum.unit(block))
    }

    /// Stores the codes of levels that are `stride` apart.
    func store(
        _ found: UnsafePointer<Float>, stride: Int, count: Int, _ codes: UnsafeMutablePointer<UInt8>
    ) {
        switch levels {
        case .integers(let range):
            for index in 0..<count {
                codes[index] = UInt8(clamping: Int(found[index * stride]) - range.lowerBound)
            }
        case .curve(let values):
            for index in 0..<count {
                codes[index] = UInt8(values.firstIndex(of: found[index * stride]) ?? 0)
            }
        case .floats:
            for index in 0..<count {
                codes[index] = EightBitFloat.code(of: found[index * stride])
            }
        case .grid(_, let magnitudes, _):
            for index in 0..<count {
                let level = found[index * stride]
                let code = UInt8(magnitudes.firstIndex(of: abs(level)) ?? 0)
                codes[index] = code | (level < 0 ? 0x80 : 0)
            }
        }
    }
}

extension FeedbackForm {
    /// What a block's values can be.
    enum Levels: Sendable {
        /// Whole numbers.
        case integers(ClosedRange<Int>)
        /// Sixteen numbers in ascending order.
        case curve([Float])
        /// 8-bit floats (E4M3).
        case floats
        /// Codewords: points of a grid, whose codes stand for magnitudes, with signs; where these
        /// are even, a number of eight that is even.
        case grid(@Sendable () -> GridCodebook, magnitudes: [Float], hasEvenSigns: Bool)

        var table: [Float] {
            switch self {
            case .integers, .floats: []
            case .curve(let values), .grid(_, let values, _): values
            }
        }
    }

    /// How a group's scale or minimum is stored.
    enum Parameter: Sendable {
        /// Not at all.
        case none
        /// As a whole number of units, which are binary16 numbers at a place of a block: it is
        /// `unit * factor * (whole + offset)`.
        case integers(ClosedRange<Int>, unitOffset: Int, factor: Float = 1, offset: Float = 0)
        /// As a binary16 number at this place of a block.
        case half(offset: Int)
        /// As a number of another type, by itself; the packer rounds it.
        case number(ingot_scale_type)
        /// As a whole number of the group's scales, at most this one.
        case zeroPoint(Int)
        /// In some other way: it stays what the plain encoder makes it.
        case kept

        /// The unit, or the number itself, in a block.
        func unit(_ block: UnsafeRawPointer) -> Float {
            switch self {
            case .none, .kept, .number, .zeroPoint: 0
            case .integers(_, let place, _, _), .half(let place): block.f16(place)
            }
        }

        /// The whole number of a value, counted from the least that can be stored.
        func whole(_ value: Float, unit: Float) -> UInt8 {
            guard case .integers(let range, _, let factor, let offset) = self else { return 0 }
            let quotient = unit != 0 ? value / (unit * factor) - offset : 0
            let whole = abs(quotient) < 0x1p20 ? Int(quotient.rounded(.toNearestOrEven)) : 0
            return UInt8(
                clamping: min(max(whole, range.lowerBound), range.upperBound) - range.lowerBound)
        }
    }
}

extension FeedbackForm {
    /// The same for the kernels, but for the grid.
    func kernelForm(blockLength: Int) -> ingot_feedback_form {
        var form = ingot_feedback_form()
        form.groupLength = UInt32(groupLength)
        form.blockLength = UInt32(blockLength)
        form.scaleFactor = 1
        if case .kept = scale { form.keepsScales = true }
        if case .number(let type) = scale { form.scaleType = type }
        switch levels {
        case .integers(let range):
            (form.lowest, form.highest) = (Float(range.lowerBound), Float(range.upperBound))
        case .curve: form.curve = table?.values
        case .floats: form.hasFloats = true
        case .grid: break
        }
        if case .integers(let range, _, let factor, let offset) = scale {
            form.lowestScale = Float(range.lowerBound)
            form.highestScale = Float(range.upperBound)
            (form.scaleFactor, form.scaleOffset) = (factor, offset)
        }
        switch minimum {
        case .none, .kept, .number: form.highestMinimum = 0
        case .zeroPoint(let highest):
            form.highestMinimum = Float(highest)
            form.hasZeroPoints = true
        case .integers(let range, _, _, _): form.highestMinimum = Float(range.upperBound)
        case .half: form.highestMinimum = -1
        }
        return form
    }

    /// The grid for the kernels; it is made at the first use.
    func kernelGrid() -> ingot_feedback_grid? {
        guard case .grid(let codebook, _, let hasEvenSigns) = levels, let table else { return nil }
        let grid = codebook()
        return ingot_feedback_grid(
            dimensions: UInt32(grid.dimensions), levelCount: UInt32(grid.levels),
            pointCount: UInt32(grid.pointCount), hasEvenSigns: hasEvenSigns, codes: grid.codes,
            magnitudes: table.values)
    }

    /// The number of a codeword's point, and its signs, the first lowest.
    static func codeword(
        _ codes: UnsafePointer<UInt8>, _ grid: GridCodebook
    ) -> (point: UInt32, signs: UInt32) {
        var (key, signs) = (0, UInt32(0))
        for place in 0..<grid.dimensions {
            key |= Int(codes[place] & 0x7F) << (grid.bits * place)
            signs |= UInt32(codes[place] >> 7) << UInt32(place)
        }
        return (UInt32(grid.point(key) ?? 0), signs)
    }
}
