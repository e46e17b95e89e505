import Foundation
import Quantization
import TensorCore
import TestSupport
import Testing

/// The formats on grids, on a curve, of ternary codes and of small floats against llama.cpp
/// (`scripts/fixtures/iq-golden.py`).
@Suite("Grid formats")
struct GridFormatTests {
    static let goldens = try? RecipeConformanceTests.json(Fixtures.path("quantize/iq-formats.json"))

    static let formats = [
        "Q1_0", "Q2_0", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4", "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ3_S",
        "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_S", "IQ1_M",
    ]

    @Test("Encoded bytes are llama.cpp's", arguments: formats, ImportanceKind.allCases)
    func encodedBytes(name: String, importance: ImportanceKind) throws {
        let goldens = try #require(Self.goldens)
        let format = try #require(Format.named(name))
        let rowCount = try #require(goldens["rowCount"]?.integer)
        let rowLength = try #require(goldens["rowLength"]?.integer)
        let table = try #require(goldens["formats"]?[name])
        // Where a matrix changes nothing, the digests without one count.
        guard let expected = table[importance.rawValue] ?? table["absent"] else {
            #expect(format.requiresImportance && importance == .absent)
            return
        }
        let seed = UInt64(try #require(goldens["seed"]?.integer))
        let importanceSeed = UInt64(try #require(goldens["importanceSeed"]?.integer))
        let weights = importance.weights(rowLength, seed: importanceSeed)
        for kind in RowKind.allCases {
            let rows = kind.values(rowCount * rowLength, seed: seed)
            let digest = try #require(expected[kind.rawValue]?.text)
            // Where the peer aborts there is nothing to be equal to; we do not abort.
            guard digest != "abort" else { continue }
            for set in Set([InstructionSet.best, .scalar]) {
                let bytes = try InstructionSet.$current.withValue(set) {
                    try format.encoded(rows, rowLength: rowLength, importance: weights)
                }
                #expect(
                    String(sha256(bytes).prefix(16)) == digest,
                    "\(name) on \(set), \(kind.rawValue), importance \(importance.rawValue)")
            }
        }
    }

    @Test("Any bytes decode as llama.cpp decodes them", arguments: formats)
    func decodedNumbers(name: String) throws {
        let format = try #require(Format.named(name))
        let expected = try #require(Self.goldens?["decoded"]?[name]?.text)
        var random = SeededRandom(seed: 17)
        let bytes = (0..<64 * format.blockByteCount).map { _ in UInt8(random.next() >> 56) }
        let numbers = try format.decoded(bytes).map { $0.isNaN ? Float.nan : $0 }
        #expect(String(numbers.withUnsafeBytes { sha256($0) }.prefix(16)) == expected)
    }

    @Test(
        "Encoding costs no more than the format's error",
        arguments: [
            ("Q1_0", 0.65), ("Q2_0", 0.8), ("TQ1_0", 0.9), ("TQ2_0", 0.9), ("MXFP4", 0.15),
            ("NVFP4", 0.12), ("IQ4_NL", 0.08), ("IQ4_XS", 0.08), ("IQ3_XXS", 0.22), ("IQ3_S", 0.18),
            ("IQ2_XXS", 0.4), ("IQ2_XS", 0.36), ("IQ2_S", 0.32), ("IQ1_S", 0.6), ("IQ1_M", 0.6),
        ])
    func relativeError(name: String, limit: Double) throws {
        let format = try #require(Format.named(name))
        let rows = RowKind.gaussian.values(16 * 768, seed: 3)
        let even = [Float](repeating: 1, count: 768)
        let back = try format.decoded(format.encoded(rows, rowLength: 768, importance: even))
        var (error, power) = (0.0, 0.0)
        for (value, decoded) in zip(rows, back) {
            error += Double(value - decoded) * Double(value - decoded)
            power += Double(value) * Double(value)
        }
        let relative = (error / power).squareRoot()
        #expect(relative < limit && relative > limit / 2, "\(name): \(relative)")
    }

    @Test("Formats that need importance say so")
    func requirements() {
        let needing = Format.all.filter(\.requiresImportance).map(\.name)
        #expect(Set(needing) == ["IQ2_XXS", "IQ2_XS", "IQ1_S"])
    }
}
