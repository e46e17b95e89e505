internal import CKernels
import TensorCore

/// Groups of codes with a scale each, as checkpoints for GPU engines have them, in a layout for memory:
/// what is rounded with the machinery of the block formats and stored in another layout then.
///
/// ```
/// scale f32
/// zero  u8, three bytes nothing
/// codes u8[length]      integers from the lowest; floats (E2M1, E4M3) as they are
/// ```
/// `value = (code − zero) · scale` for integers, `float(code) · scale` for floats.
package struct GroupGrid: Sendable, Hashable {
    /// The numbers that codes stand for.
    package enum Codes: Sendable, Hashable {
        case symmetric(bits: Int)
        case asymmetric(bits: Int)
        case e2m1
        case e4m3
    }

    /// What scales can be.
    package enum Scale: Int, Sendable, Hashable {
        case f16, bf16, e4m3
        /// A power of two, as the plain encoder finds it.
        case powerOfTwo
        /// Always 1: whoever encodes divides by a scale beforehand.
        case one
    }

    /// The codes.
    package let codes: Codes
    /// Values that share a scale: 16, 32, 64 or 128.
    package let length: Int
    /// The scales.
    package let scale: Scale

    /// Describes a grid.
    package init(codes: Codes, length: Int, scale: Scale) {
        precondition([16, 32, 64, 128].contains(length))
        self.codes = codes
        self.length = length
        self.scale = scale
    }

    /// Where the codes of a group begin.
    package static let codesOffset = 8
    /// The bytes of a group in memory.
    package var byteCount: Int { GroupGrid.codesOffset + length }

    private var bits: Int {
        switch codes {
        case .symmetric(let bits), .asymmetric(let bits): bits
        case .e2m1: 4
        case .e4m3: 8
        }
    }

    private var highest: Int { 1 << bits - 1 }

    private static let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    /// The codes in the order of their values; -0 is not used.
    private static let ascending: [UInt8] = [15, 15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7]

    private static func e2m1(_ code: UInt8) -> Float {
        code & 8 != 0 ? -magnitudes[Int(code & 7)] : magnitudes[Int(code & 7)]
    }

    /// A format of such groups.
    ///
    /// No file has it: its number is none of GGUF's.
    package var format: Format {
        let kind: UInt32 =
            switch codes {
            case .symmetric: 0
            case .asymmetric: 1
            case .e2m1: 2
            case .e4m3: 3
            }
        let number = kind << 16 | UInt32(bits) << 12 | UInt32(length) << 4 | UInt32(scale.rawValue)
        return Format(
            name: "groups of \(length)", typeID: 0x8000_0000 | number, blockElementCount: length,
            blockByteCount: byteCount, importance: .optional,
            codes: CodeForm(
                .init(
                    group: UInt32(length), block: UInt32(length), offset: 0,
                    highest: UInt32(highest)), unpack: unpack),
            feedback: feedback, encode: encode, decode: decode)
    }

    private var feedback: FeedbackForm {
        let half = 1 << (bits - 1)
        let levels: FeedbackForm.Levels =
            switch codes {
            case .symmetric: .integers(-half...half - 1)
            case .asymmetric: .integers(0...highest)
            case .e2m1: .curve(GroupGrid.ascending.map(GroupGrid.e2m1))
            case .e4m3: .floats
            }
        let parameter: FeedbackForm.Parameter =
            switch scale {
            case .f16: .number(INGOT_SCALE_POSITIVE_F16)
            case .bf16: .number(INGOT_SCALE_BF16)
            case .e4m3: .number(INGOT_SCALE_E4M3)
            case .powerOfTwo, .one: .kept
            }
        let hasZero = if case .asymmetric = codes { true } else { false }
        return FeedbackForm(
            groupLength: length, levels: levels, scale: parameter,
            minimum: hasZero ? .zeroPoint(highest) : .none
        ) { [self] fields, block in
            let scale = fields.unit
            let zero =
                hasZero && scale != 0 ? (-fields.minimumUnit / scale).rounded() : Float(half)
            block.storeBytes(of: scale > 0 ? scale : 1, as: Float.self)
            block.storeBytes(
                of: UInt8(min(max(zero, 0), 255)), toByteOffset: 4, as: UInt8.self)
            for index in 0..<length {
                let code = fields.codes[index]
                let stored = codes == .e2m1 ? GroupGrid.ascending[Int(code)] : code
                block.storeBytes(
                    of: stored, toByteOffset: GroupGrid.codesOffset + index, as: UInt8.self)
            }
        }
    }
}

extension GroupGrid {
    /// The scale and the zero point of a group in memory.
    package static func parameters(_ block: UnsafeRawPointer) -> (scale: Float, zero: UInt8) {
        (block.load(as: Float.self), block.load(fromByteOffset: 4, as: UInt8.self))
    }

    private func decode(
        _ source: UnsafeRawPointer, _ count: Int, _ values: UnsafeMutablePointer<Float>
    ) {
        for group in 0..<count / length {
            let block = source + group * byteCount
            let (scale, zero) = GroupGrid.parameters(block)
            for index in 0..<length {
                let code = block.load(fromByteOffset: GroupGrid.codesOffset + index, as: UInt8.self)
                values[group * length + index] = level(code, zero) * scale
            }
        }
    }

    private func level(_ code: UInt8, _ zero: UInt8) -> Float {
        switch codes {
        case .symmetric, .asymmetric: Float(Int(code) - Int(zero))
        case .e2m1: GroupGrid.e2m1(code)
        case .e4m3: EightBitFloat.value(of: code)
        }
    }

    /// What feedback starts with: scales, and minimums as they are added.
    private func unpack(
        _ source: UnsafeRawPointer, _ count: Int, _ codes: UnsafeMutablePointer<UInt8>,
        _ scales: UnsafeMutablePointer<Float>, _ minimums: UnsafeMutablePointer<Float>
    ) -> Bool {
        let hasZero = if case .asymmetric = self.codes { true } else { false }
        for group in 0..<count / length {
            let (scale, zero) = GroupGrid.parameters(source + group * byteCount)
            scales[group] = scale
            if hasZero { minimums[group] = -scale * Float(zero) }
        }
        return true
    }

    private func encode(
        _ rows: UnsafePointer<Float>, _ rowCount: Int, _ rowLength: Int,
        _ importance: UnsafePointer<Float>?, _ destination: UnsafeMutableRawPointer
    ) {
        let groups = rowLength / length
        for group in 0..<rowCount * groups {
            let column = group % groups * length
            encode(
                rows + group * length, importance.map { $0 + column },
                destination + group * byteCount)
        }
    }

    /// Candidates of the range that is kept, as shares of the whole.
    private static let shares: [Float] = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7]

    /// Rounds a group with the range, of some, that has the least weighted error.
    private func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        var (low, high): (Float, Float) = (0, 0)
        for index in 0..<length {
            low = min(low, values[index])
            high = max(high, values[index])
        }
        let largest = max(-low, high)
        var best = (scale: Float(1), zero: Float(1 << (bits - 1)), error: Float.infinity)
        let candidates: [Float] =
            scale == .one ? [1] : scale == .powerOfTwo ? [1, 2] : GroupGrid.shares
        for share in largest > 0 ? candidates : [1] {
            var trial = (scale: Float(1), zero: Float(1 << (bits - 1)))
            switch codes {
            case .asymmetric:
                trial.scale = stored((high - low) * share / Float(highest))
                trial.zero = min(max((-low * share / trial.scale).rounded(), 0), Float(highest))
            case .symmetric: trial.scale = stored(largest * share / (Float(highest) / 2))
            case .e2m1: trial.scale = stored(largest * share / 6)
            case .e4m3: trial.scale = stored(largest * share / 448)
            }
            if scale == .one || largest == 0 { trial.scale = 1 }
            var error: Float = 0
            let inverse = 1 / trial.scale
            for index in 0..<length {
                let level = nearest(values[index] * inverse, trial.zero)
                let difference = level * trial.scale - values[index]
                error += (importance?[index] ?? 1) * difference * difference
            }
            if error < best.error { best = (trial.scale, trial.zero, error) }
        }
        block.storeBytes(of: best.scale, as: Float.self)
        block.storeBytes(of: UInt8(best.zero), toByteOffset: 4, as: UInt8.self)
        for index in 0..<length {
            let level = nearest(values[index] / best.scale, best.zero)
            let code =
                switch codes {
                case .symmetric, .asymmetric: UInt8(level + best.zero)
                case .e2m1: GroupGrid.code(of: level)
                case .e4m3: EightBitFloat.code(of: level)
                }
            block.storeBytes(
                of: code, toByteOffset: GroupGrid.codesOffset + index, as: UInt8.self)
        }
    }

    /// The nearest level that a code stands for.
    private func nearest(_ value: Float, _ zero: Float) -> Float {
        if codes == .e4m3 { return EightBitFloat.value(of: EightBitFloat.code(of: value)) }
        guard codes == .e2m1 else {
            return min(
                max(value.rounded(.toNearestOrEven), -zero), Float(highest) - zero)
        }
        let x = abs(value)
        var best: Float = 0
        for (index, magnitude) in GroupGrid.magnitudes.enumerated().dropFirst()
        where x > (magnitude + GroupGrid.magnitudes[index - 1]) / 2 {
            best = magnitude
        }
        return value < 0 ? -best : best
    }

    private static func code(of level: Float) -> UInt8 {
        let code = UInt8(magnitudes.firstIndex(of: abs(level)) ?? 0)
        return level < 0 ? code | 8 : code
    }

    /// The nearest number that a scale can be, positive.
    private func stored(_ value: Float) -> Float {
        switch scale {
        case .one: return 1
        case .powerOfTwo:
            return value > 0x1p-126
                ? Float(sign: .plus, exponent: Int(value.exponent), significand: 1) : 0x1p-126
        case .f16:
            let kept = min(max(value, 0x1p-24), 65504)
            return HalfFloat.float(fromF16: HalfFloat.f16(from: kept))
        case .bf16:
            let kept = max(value, .leastNormalMagnitude)
            return HalfFloat.float(fromBF16: HalfFloat.bf16(from: kept))
        case .e4m3:
            let kept = min(max(value, 0x1p-9), 448)
            if kept < 0x1p-6 { return (kept * 512).rounded(.toNearestOrEven) / 512 }
            let bits = kept.bitPattern
            return Float(bitPattern: (bits + 0x7FFFF + (bits >> 20 & 1)) & ~0xFFFFF)
        }
    }
}
