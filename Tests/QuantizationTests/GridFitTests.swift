import Quantization
import TensorCore
import TestSupport
import Testing

/// Rows that are a format's own values come back from it exactly.
@Suite struct GridFitTests {
    static let formats: [Format] = [
        .Q4_0, .Q4_1, .Q5_0, .Q5_1, .Q8_0, .Q2_K, .Q3_K, .Q4_K, .Q5_K, .Q6_K, .IQ4_NL, .IQ4_XS,
        .MXFP4,
    ]

    /// Random values encoded, decoded and rounded to the format that a checkpoint has them in.
    private static func row(
        _ format: Format, as source: Format, seed: UInt64, scale: Float = 0.02
    ) throws -> [Float] {
        var random = SeededRandom(seed: seed)
        let length = 768
        let values = (0..<length).map { _ in
            // About normal, with columns that differ.
            Float((0..<6).reduce(0) { sum, _ in sum + Double.random(in: -1...1, using: &random) })
                * scale * Float.random(in: 0.3...2, using: &random)
        }
        return try decoded(encoded(values, format), format).map { rounded($0, source) }
    }

    private static func rounded(_ value: Float, _ source: Format) -> Float {
        switch source {
        case .F16: HalfFloat.float(fromF16: HalfFloat.f16(from: value))
        case .BF16: HalfFloat.float(fromBF16: HalfFloat.bf16(from: value))
        default: value
        }
    }

    private static func encoded(_ values: [Float], _ format: Format) throws -> [UInt8] {
        let encode = try #require(format.encode)
        var bytes = [UInt8](repeating: 0, count: format.byteRange(of: 0..<values.count).count)
        values.withUnsafeBufferPointer { values in
            bytes.withUnsafeMutableBytes {
                guard let row = values.baseAddress, let place = $0.baseAddress else { return }
                encode(row, 1, values.count, nil, place)
            }
        }
        return bytes
    }

    private static func decoded(_ bytes: [UInt8], _ format: Format) throws -> [Float] {
        let decode = try #require(format.decode)
        let count = bytes.count / format.blockByteCount * format.blockElementCount
        var values = [Float](repeating: 0, count: count)
        bytes.withUnsafeBytes { bytes in
            values.withUnsafeMutableBufferPointer {
                guard let blocks = bytes.baseAddress, let place = $0.baseAddress else { return }
                decode(blocks, count, place)
            }
        }
        return values
    }

    /// What the exact encoder makes of a row; `nil` where it is not on the grid.
    private static func exact(_ row: [Float], _ format: Format, _ source: Format) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: format.byteRange(of: 0..<row.count).count)
        let isExact = row.withUnsafeBufferPointer { row in
            bytes.withUnsafeMutableBytes {
                guard let values = row.baseAddress, let place = $0.baseAddress else { return false }
                return format.encodeExactly(
                    values, count: row.count, storedAs: source, into: place)
            }
        }
        return isExact ? bytes : nil
    }

    @Test(arguments: formats, [Format.F32, .F16, .BF16])
    func aDecodedRowComesBack(format: Format, source: Format) throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            let row = try Self.row(format, as: source, seed: seed)
            let bytes = try #require(
                Self.exact(row, format, source), "\(format) in \(source), seed \(seed)")
            #expect(try Self.decoded(bytes, format).map { Self.rounded($0, source) } == row)
        }
    }

    /// Blocks with any scales and codes, as no encoder would choose them.
    @Test(arguments: formats, [Format.F32, .F16, .BF16])
    func anyBlockComesBack(format: Format, source: Format) throws {
        // BF16 does not tell the 255 levels of Q8_0 apart unless the largest is an end of them.
        if format == .Q8_0, source == .BF16 { return }
        var random = SeededRandom(seed: 11)
        var bytes = try Self.encoded(Self.row(format, as: .F32, seed: 1), format)
        let units = try #require(Self.units[format])
        for index in bytes.indices where !units.contains(index % format.blockByteCount) {
            bytes[index] = UInt8.random(in: 0...255, using: &random)
            // An encoder's codes are symmetric.
            if format == .Q8_0, bytes[index] == 0x80 { bytes[index] = 0x81 }
        }
        let row = try Self.decoded(bytes, format).map { Self.rounded($0, source) }
        let found = try #require(Self.exact(row, format, source), "\(format) in \(source)")
        #expect(try Self.decoded(found, format).map { Self.rounded($0, source) } == row)
    }

    /// The bytes of a block that hold binary16 numbers, or the exponent.
    private static let units: [Format: Range<Int>] = [
        .Q4_0: 0..<2, .Q4_1: 0..<4, .Q5_0: 0..<2, .Q5_1: 0..<4, .Q8_0: 0..<2, .Q2_K: 80..<84,
        .Q3_K: 108..<110, .Q4_K: 0..<4, .Q5_K: 0..<4, .Q6_K: 208..<210, .IQ4_NL: 0..<2,
        .IQ4_XS: 0..<2, .MXFP4: 0..<1,
    ]

    /// A training grid need not use the level that the encoder takes for the largest value.
    @Test(arguments: [Format.Q4_0, .Q8_0, .Q4_K], [Format.F32, .F16, .BF16])
    func aGridOfFewerLevelsIsFound(format: Format, source: Format) throws {
        var random = SeededRandom(seed: 9)
        let row = (0..<512).map { index in
            let scale = HalfFloat.float(fromF16: 0x2123 + UInt16(index / 256))
            return Self.rounded(scale * Float(Int.random(in: -5...5, using: &random)), source)
        }
        let bytes = try #require(Self.exact(row, format, source))
        #expect(try Self.decoded(bytes, format).map { Self.rounded($0, source) } == row)
    }

    @Test(arguments: formats)
    func otherRowsAreNot(format: Format) throws {
        // F32 values, which no grid of few levels has.
        var random = SeededRandom(seed: 3)
        let row = (0..<512).map { _ in Float.random(in: -1...1, using: &random) }
        #expect(Self.exact(row, format, .F32) == nil)
        #expect(Self.exact(row.map { Self.rounded($0, .F16) }, format, .F16) == nil)
        // One value beside the grid.
        var near = try Self.row(format, as: .F32, seed: 5)
        let largest = try #require(near.indices.max { abs(near[$0]) < abs(near[$1]) })
        near[largest] *= 1.01
        #expect(Self.exact(near, format, .F32) == nil)
    }

    @Test(arguments: [Format.IQ2_XS, .IQ3_XXS, .IQ1_S])
    func formatsOfCodewordsHaveNoSuchGrid(format: Format) {
        #expect(Self.exact([Float](repeating: 0.5, count: 256), format, .F16) == nil)
    }
}
