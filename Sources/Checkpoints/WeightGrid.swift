import TensorCore

/// What the values of a quantized matrix can be: codes, what shares a scale, and how scales are stored.
public struct WeightGrid: Sendable, Hashable {
    /// The numbers that codes stand for.
    public enum Codes: Sendable, Hashable {
        /// Whole numbers of so many bits: around zero, or from a zero point of the group on.
        case integers(bits: Int, isSymmetric: Bool)
        /// 8-bit floats with 4 bits of exponent and no infinity; the largest is 448.
        case e4m3
        /// 4-bit floats: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
        case e2m1
    }

    /// The values that share a scale.
    public enum Scope: Sendable, Hashable {
        /// The whole matrix.
        case tensor
        /// A row, which is an output channel.
        case channel
        /// So many neighbours in a row.
        case group(Int)
        /// So many columns of so many rows.
        case block(rows: Int, columns: Int)
    }

    /// The codes.
    public var codes: Codes
    /// What shares a scale.
    public var scope: Scope
    /// How scales are stored.
    public var scale: ScaleType
    /// What the largest magnitude of a group is divided by for its scale.
    public var divisor: Float

    /// Describes a grid.
    public init(_ codes: Codes, scope: Scope, scale: ScaleType, divisor: Float? = nil) {
        self.codes = codes
        self.scope = scope
        self.scale = scale
        self.divisor = divisor ?? codes.usualDivisor
    }

    /// Whether scales are multiples of one number for the matrix.
    public var hasGlobalScale: Bool { scale == .e4m3 }

    /// Bits of a code.
    public var bits: Int {
        switch codes {
        case .integers(let bits, _): bits
        case .e4m3: 8
        case .e2m1: 4
        }
    }

    /// Whether groups have a zero point.
    public var hasZeroPoints: Bool {
        if case .integers(_, false) = codes { true } else { false }
    }

    /// The columns and rows that share a scale in a matrix.
    func cell(rows: Int, columns: Int) -> (rows: Int, columns: Int) {
        switch scope {
        case .tensor: (max(1, rows), max(1, columns))
        case .channel: (1, max(1, columns))
        case .group(let size): (1, size)
        case .block(let rows, let columns): (rows, columns)
        }
    }
}

extension WeightGrid.Codes {
    /// The divisors of llmcompressor: half a step more than the largest code, so that both ends of a
    /// symmetric range are used.
    fileprivate var usualDivisor: Float {
        switch self {
        case .integers(let bits, let isSymmetric):
            isSymmetric ? Float(1 << bits - 1) / 2 : Float(1 << bits - 1)
        case .e4m3: 448
        case .e2m1: 6
        }
    }
}

/// How a scale is stored, and so what numbers it can be.
public enum ScaleType: Sendable, Hashable {
    /// binary16.
    case f16
    /// bfloat16.
    case bf16
    /// binary32.
    case f32
    /// An 8-bit float times one number for the matrix.
    case e4m3
    /// A power of two, by its exponent.
    case exponent

    /// The number that is stored for a scale, positive and not zero.
    ///
    /// E4M3 scales are those before the matrix's number.
    func stored(_ scale: Float) -> Float {
        switch self {
        case .f32: max(scale, .leastNormalMagnitude)
        case .f16:
            HalfFloat.float(fromF16: HalfFloat.f16(from: min(max(scale, 0x1p-24), 65504)))
        case .bf16:
            HalfFloat.float(
                fromBF16: HalfFloat.bf16(from: max(scale, .leastNormalMagnitude)))
        case .e4m3: EightBitFloat.value(of: EightBitFloat.code(of: max(scale, 0x1p-9)))
        case .exponent:
            scale > 0
                ? max(
                    0x1p-126,
                    min(0x1p127, Float(sign: .plus, exponent: Int(scale.exponent), significand: 1)))
                : 1
        }
    }
}

/// 4-bit floats of the kind E2M1.
///
/// Source: OCP Microscaling Formats Specification, 1.0.
package enum FourBitFloat {
    /// The magnitudes by code.
    static let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]

    /// The nearest code, ties to the even one, the largest magnitude (6) for what is beyond it.
    @inline(__always)
    package static func code(of value: Float) -> UInt8 {
        let x = abs(value)
        var code: UInt8 = x > 0.25 ? 1 : 0
        code += x >= 0.75 ? 1 : 0
        code += x > 1.25 ? 1 : 0
        code += x >= 1.75 ? 1 : 0
        code += x > 2.5 ? 1 : 0
        code += x >= 3.5 ? 1 : 0
        code += x > 5 ? 1 : 0
        return value < 0 && code > 0 ? code | 8 : code
    }

    /// The value of a code.
    package static func value(of code: UInt8) -> Float {
        code & 8 != 0 ? -magnitudes[Int(code & 7)] : magnitudes[Int(code & 7)]
    }
}
