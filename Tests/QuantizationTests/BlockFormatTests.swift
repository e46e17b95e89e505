import Quantization
import TensorCore
import TestSupport
import Testing

/// What every format must keep; a new one is in all of these tests with its row in `Format.all`.
@Suite("Block formats")
struct BlockFormatTests {
    @Test("Encoded bytes are llama.cpp's", arguments: Format.encoded, ImportanceKind.allCases)
    func encodedBytes(format: Format, importance: ImportanceKind) throws {
        let goldens = try FormatGoldens(format)
        if format.importance == .required, importance == .absent {
            #expect(goldens.encoded["absent"] == nil)
            return
        }
        let digests = goldens.encoded[
            format.importance == .ignored ? "absent" : importance.rawValue]
        let expected = try #require(digests)
        let weights = importance.weights(goldens.rowLength, seed: goldens.importanceSeed)
        for kind in RowKind.allCases {
            let rows = kind.values(goldens.rowCount * goldens.rowLength, seed: goldens.seed)
            let digest = try #require(expected[kind.rawValue]?.text)
            // Where the peer aborts there is nothing to be equal to; we do not abort.
            guard digest != "abort" else { continue }
            for set in Set([InstructionSet.best, .scalar]) {
                let bytes = try InstructionSet.$current.withValue(set) {
                    try format.encoded(rows, rowLength: goldens.rowLength, importance: weights)
                }
                #expect(
                    String(sha256(bytes).prefix(16)) == digest,
                    "\(format) on \(set), \(kind.rawValue) rows, importance \(importance.rawValue)")
            }
        }
    }

    @Test(
        "Decoded numbers are llama.cpp's",
        arguments: Format.encoded.filter { $0.blockElementCount > 1 })
    func decodedNumbers(format: Format) throws {
        let goldens = try FormatGoldens(format)
        func expectDigest(_ expected: String?, of bytes: [UInt8], _ what: String) throws {
            let numbers = try format.decoded(bytes).map { $0.isNaN ? Float.nan : $0 }
            let digest = numbers.withUnsafeBytes { sha256($0) }
            #expect(String(digest.prefix(16)) == expected, "\(format), \(what)")
        }
        if let expected = goldens.decoded.text {
            var random = SeededRandom(seed: 17)
            let bytes = (0..<64 * format.blockByteCount).map { _ in UInt8(random.next() >> 56) }
            try expectDigest(expected, of: bytes, "random bytes")
            return
        }
        for kind in RowKind.allCases {
            let rows = kind.values(goldens.rowCount * goldens.rowLength, seed: goldens.seed)
            try expectDigest(
                goldens.decoded[kind.rawValue]?.text,
                of: format.encoded(rows, rowLength: goldens.rowLength, importance: nil),
                "\(kind.rawValue) rows")
        }
    }

    /// The largest relative errors of Gaussian rows.
    private static let errorLimits = [
        "F16": 3e-4, "BF16": 2e-3, "Q4_0": 0.09, "Q4_1": 0.08, "Q5_0": 0.045, "Q5_1": 0.04,
        "Q8_0": 6e-3, "Q2_K": 0.3, "Q3_K": 0.17, "Q4_K": 0.075, "Q5_K": 0.038, "Q6_K": 0.02,
        "Q1_0": 0.65, "Q2_0": 0.8, "TQ1_0": 0.9, "TQ2_0": 0.9, "MXFP4": 0.15, "NVFP4": 0.12,
        "IQ4_NL": 0.08, "IQ4_XS": 0.08, "IQ3_XXS": 0.22, "IQ3_S": 0.18, "IQ2_XXS": 0.4,
        "IQ2_XS": 0.36, "IQ2_S": 0.32, "IQ1_S": 0.6, "IQ1_M": 0.6,
    ]

    @Test("Encoding costs no more than the format's error", arguments: Format.encoded)
    func relativeError(format: Format) throws {
        let limit = try #require(Self.errorLimits[format.name])
        let rows = RowKind.gaussian.values(64 * 768, seed: 3)
        let even = [Float](repeating: 1, count: 768)
        let bytes = try format.encoded(
            rows, rowLength: 768, importance: format.importance >= .expected ? even : nil)
        let back = try format.decoded(bytes)
        var (error, power) = (0.0, 0.0)
        for (value, decoded) in zip(rows, back) {
            error += Double(value - decoded) * Double(value - decoded)
            power += Double(value) * Double(value)
        }
        let relative = (error / power).squareRoot()
        #expect(relative < limit && relative > limit / 4, "\(format): \(relative)")
    }

    @Test(
        "Importance moves the error to unimportant columns",
        arguments: Format.encoded.filter { $0.importance != .ignored })
    func importanceMatters(format: Format) throws {
        let rows = RowKind.gaussian.values(64 * 768, seed: 5)
        let weights = (0..<768).map { $0 % 5 == 0 ? Float(100) : 1 }
        let even = [Float](repeating: 1, count: 768)
        func error(_ importance: [Float]?) throws -> Double {
            let bytes = try format.encoded(rows, rowLength: 768, importance: importance)
            let back = try format.decoded(bytes)
            var sum = 0.0
            for index in rows.indices {
                let difference = Double(rows[index] - back[index])
                sum += Double(weights[index % 768]) * difference * difference
            }
            return sum
        }
        let without = try error(format.importance == .required ? even : nil)
        #expect(try error(weights) < 0.95 * without)
    }

    @Test(
        "Formats that ignore importance write the same bytes with it",
        arguments: Format.all.filter { $0.encode != nil && $0.importance == .ignored })
    func importanceIsIgnored(format: Format) throws {
        for kind in RowKind.allCases {
            let rows = kind.values(2 * 768, seed: 5)
            let expected = try format.encoded(rows, rowLength: 768, importance: nil)
            for importance in ImportanceKind.allCases {
                let weights = importance.weights(768, seed: 6)
                let bytes = try format.encoded(rows, rowLength: 768, importance: weights)
                #expect(bytes == expected, "\(kind.rawValue) rows, \(importance.rawValue)")
            }
        }
    }

    @Test("Any bytes decode", arguments: Format.all.filter { $0.decode != nil })
    func anyBytesDecode(format: Format) throws {
        var random = SeededRandom(seed: 17)
        let bytes = (0..<format.blockByteCount * 64).map { _ in UInt8(random.next() >> 56) }
        #expect(try format.decoded(bytes).count == 64 * format.blockElementCount)
    }

    @Test("F32 is the numbers' own bytes")
    func floats() throws {
        let rows = RowKind.heavyTailed.values(2 * 768, seed: 3)
        let bytes = try Format.F32.encoded(rows, rowLength: 768, importance: nil)
        #expect(
            bytes == rows.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
        #expect(try Format.F32.decoded(bytes) == rows)
    }
}
