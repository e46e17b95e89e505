import TensorCore

/// How finely a source stores its values: what was on a grid may have been rounded since.
enum StoredPrecision: Sendable {
    case f32, f16, bf16

    init(_ format: Format) {
        self =
            switch format {
            case .F16: .f16
            case .BF16: .bf16
            default: .f32
            }
    }

    /// A number as the source stores it.
    func rounded(_ value: Float) -> Float {
        switch self {
        case .f32: value
        case .f16: HalfFloat.float(fromF16: HalfFloat.f16(from: value))
        case .bf16: HalfFloat.float(fromBF16: HalfFloat.bf16(from: value))
        }
    }

    /// How far the number may have been from the one that is stored, at the most; `largest` is the
    /// largest magnitude that took part in making it.
    func doubt(_ value: Double, largest: Double) -> Double {
        // Half a unit in the last place, half the smallest number, and the roundings of decoding.
        let (relative, least): (Double, Double) =
            switch self {
            case .f32: (0x1p-24, 0x1p-150)
            case .f16: (0x1p-11, 0x1p-25)
            case .bf16: (0x1p-8, 0x1p-134)
            }
        return abs(value) * relative + least + largest * 0x1p-22
    }
}

/// The numbers that something may be.
struct Span: Hashable {
    var low: Double
    var high: Double

    var middle: Double { (low + high) / 2 }
    var isEmpty: Bool { !(low <= high) }

    init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

    static func + (span: Span, shift: Double) -> Span { Span(span.low + shift, span.high + shift) }

    /// What times `factor`, which is not zero, is in the span.
    func divided(by factor: Double) -> Span {
        let ends = (low / factor, high / factor)
        return Span(min(ends.0, ends.1), max(ends.0, ends.1))
    }

    mutating func intersect(_ other: Span) {
        (low, high) = (max(low, other.low), min(high, other.high))
    }

    func intersection(_ other: Span) -> Span { Span(max(low, other.low), min(high, other.high)) }

    /// The most binary16 numbers that are looked at.
    private static let mostHalves = 256

    /// The binary16 numbers in the span, from its lower end on.
    var halves: [Float] {
        var result: [Float] = []
        func add(_ low: Double, _ high: Double, _ sign: Float) {
            guard low <= high, high >= 0 else { return }
            var bits = HalfFloat.f16(from: Float(max(0, low)))
            bits = bits > 0 ? bits - 1 : 0
            while result.count < Span.mostHalves, bits < 0x7C00 {
                let value = HalfFloat.float(fromF16: bits)
                if Double(value) > high { break }
                if Double(value) >= low { result.append(sign * value) }
                bits += 1
            }
        }
        add(low, high, 1)
        if low < 0 { add(max(0, -high), -low, -1) }
        return result
    }
}
