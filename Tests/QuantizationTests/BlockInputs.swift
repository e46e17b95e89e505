import TestSupport

/// Kinds of rows that between them reach every branch of the searches.
///
/// `scripts/fixtures/block-formats.py` makes the same numbers bit by bit, so only operations that
/// IEEE 754 rounds exactly are used, and every value takes the same count of random numbers.
enum RowKind: String, CaseIterable, Sendable {
    case gaussian, heavyTailed, uniform, positive, negative, constant, zeros, signedZeros, sparse
    case outliers, ties, shifted, slightlyShifted, twoValues, mixedScales, subnormal, tiny, small
    case large, huge, overflowing

    /// One value: from a normal number, two numbers in [0, 1), and its position.
    func value(_ normal: Float, _ a: Float, _ b: Float, _ index: Int) -> Float {
        let sign: Float = b < 0.5 ? -1 : 1
        // Powers of two that change every 16 and 32 values.
        let mixed = Float(1 << UInt32(index / 16 * 7 % 23)) * 0x1p-12
        return switch self {
        case .gaussian: normal * 0.02
        case .heavyTailed: normal * normal * normal * 0.01
        case .uniform: a - 0.5
        case .positive: a + 0.25
        case .negative: -a - 0.25
        case .constant: 0.37
        case .zeros: 0
        case .signedZeros: sign * 0
        case .sparse: a < 0.9 ? sign * 0 : normal
        case .outliers: a < 0.03 ? normal * 50 : normal * 0.02
        case .ties: (normal * 8).rounded(.toNearestOrEven) * 0.25
        case .shifted: 1000 + normal * 0x1p-10
        case .slightlyShifted: -3 + normal * 0.01
        case .twoValues: sign * 0.75
        case .mixedScales: normal * mixed
        case .subnormal: normal * 0x1p-130
        case .tiny: normal * 0x1p-126
        case .small: normal * 0x1p-100
        case .large: normal * 0x1p18
        case .huge: normal * 0x1p100
        case .overflowing: normal * 0x1p124
        }
    }

    /// `count` values.
    func values(_ count: Int, seed: UInt64) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { index in
            let normal = random.normal()
            let (a, b) = (random.unit(), random.unit())
            return value(normal, a, b, index)
        }
    }
}

/// Kinds of importance weights.
enum ImportanceKind: String, CaseIterable, Sendable {
    case absent, random, zero, partlyZero, spread

    /// `count` weights; `nil` for `absent`.
    func weights(_ count: Int, seed: UInt64) -> [Float]? {
        if self == .absent { return nil }
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in
            let normal = random.normal()
            let (a, b) = (random.unit(), random.unit())
            return switch self {
            case .absent, .zero: 0
            case .random: normal * normal
            case .partlyZero: b < 0.4 ? 0 : a
            case .spread: b < 0.1 ? a * 0x1p20 : a * 0x1p-20
            }
        }
    }
}
