import Foundation
import Quantization
import TestSupport
import Testing

/// Digests of what llama.cpp writes and reads, made by `scripts/fixtures/block-formats.py`.
struct BlockGoldens: Decodable, Sendable {
    let rowCount: Int
    let rowLength: Int
    let seed: UInt64
    let importanceSeed: UInt64
    /// Format, importance, row kind → digest of the encoded bytes.
    let formats: [String: [String: [String: String]]]
    /// Format, row kind → digest of those bytes decoded.
    let decoded: [String: [String: String]]

    static func load() throws -> BlockGoldens {
        let path = Fixtures.path("quantize/block-formats.json")
        return try JSONDecoder().decode(
            BlockGoldens.self, from: Data(contentsOf: URL(filePath: path)))
    }
}

extension Format {
    /// Encodes whole rows.
    func encoded(_ rows: [Float], rowLength: Int, importance: [Float]?) throws -> [UInt8] {
        let encode = try #require(encode)
        let count = try #require(
            byteCount(rowLength: rowLength, rowCount: rows.count / rowLength))
        return [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            guard let base = bytes.baseAddress else { return }
            encode(rows, rows.count / rowLength, rowLength, importance, base)
            initialized = count
        }
    }

    /// Decodes whole blocks.
    func decoded(_ bytes: [UInt8]) throws -> [Float] {
        let decode = try #require(decode)
        let count = bytes.count / blockByteCount * blockElementCount
        return [Float](unsafeUninitializedCapacity: count) { values, initialized in
            guard let base = values.baseAddress else { return }
            bytes.withUnsafeBytes { source in
                guard let source = source.baseAddress else { return }
                decode(source, count, base)
            }
            initialized = count
        }
    }
}

/// The formats that these tests are about.
private let blockFormats = [
    "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
]

@Suite("Block formats")
struct BlockFormatTests {
    @Test("Encoded bytes are llama.cpp's", arguments: blockFormats, ImportanceKind.allCases)
    func encodedBytes(name: String, importance: ImportanceKind) throws {
        let goldens = try BlockGoldens.load()
        let format = try #require(Format.named(name))
        // F16, BF16 and Q8_0 take no notice of importance.
        let table = try #require(goldens.formats[name])
        let expected = try #require(table[importance.rawValue] ?? table["absent"])
        let weights = importance.weights(goldens.rowLength, seed: goldens.importanceSeed)
        for kind in RowKind.allCases {
            let rows = kind.values(goldens.rowCount * goldens.rowLength, seed: goldens.seed)
            for set in Set([InstructionSet.best, .scalar]) {
                let bytes = try InstructionSet.$current.withValue(set) {
                    try format.encoded(rows, rowLength: goldens.rowLength, importance: weights)
                }
                #expect(
                    sha256(bytes).prefix(16) == expected[kind.rawValue].map { $0[...] },
                    "\(name) on \(set), \(kind.rawValue) rows, importance \(importance.rawValue)")
            }
        }
    }

    @Test("Decoded numbers are llama.cpp's", arguments: blockFormats.dropFirst(2))
    func decodedNumbers(name: String) throws {
        let goldens = try BlockGoldens.load()
        let format = try #require(Format.named(name))
        let expected = try #require(goldens.decoded[name])
        for kind in RowKind.allCases {
            let rows = kind.values(goldens.rowCount * goldens.rowLength, seed: goldens.seed)
            let bytes = try format.encoded(rows, rowLength: goldens.rowLength, importance: nil)
            let numbers = try format.decoded(bytes).map { $0.isNaN ? Float.nan : $0 }
            let digest = numbers.withUnsafeBytes { sha256($0) }
            #expect(
                digest.prefix(16) == expected[kind.rawValue].map { $0[...] },
                "\(name), \(kind.rawValue) rows")
        }
    }

    @Test(
        "Encoding costs no more than the format's error",
        arguments: [
            ("F16", 3e-4), ("BF16", 2e-3), ("Q4_0", 0.09), ("Q4_1", 0.08), ("Q5_0", 0.045),
            ("Q5_1", 0.04), ("Q8_0", 6e-3), ("Q2_K", 0.3), ("Q3_K", 0.17), ("Q4_K", 0.075),
            ("Q5_K", 0.038), ("Q6_K", 0.02),
        ])
    func relativeError(name: String, limit: Double) throws {
        let format = try #require(Format.named(name))
        let rows = RowKind.gaussian.values(64 * 768, seed: 3)
        let back = try format.decoded(format.encoded(rows, rowLength: 768, importance: nil))
        var (error, power) = (0.0, 0.0)
        for (value, decoded) in zip(rows, back) {
            error += Double(value - decoded) * Double(value - decoded)
            power += Double(value) * Double(value)
        }
        let relative = (error / power).squareRoot()
        #expect(relative < limit && relative > limit / 4, "\(name): \(relative)")
    }

    @Test("Importance moves the error to unimportant columns", arguments: blockFormats.dropFirst(2))
    func importanceMatters(name: String) throws {
        guard name != "Q8_0" else { return }
        let format = try #require(Format.named(name))
        let rows = RowKind.gaussian.values(64 * 768, seed: 5)
        let weights = (0..<768).map { $0 % 5 == 0 ? Float(100) : 1 }
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
        #expect(try error(weights) < 0.95 * error(nil))
    }

    @Test("Any bytes decode", arguments: blockFormats)
    func anyBytesDecode(name: String) throws {
        let format = try #require(Format.named(name))
        var random = SeededRandom(seed: 17)
        let bytes = (0..<format.blockByteCount * 64).map { _ in UInt8(random.next() >> 56) }
        #expect(try format.decoded(bytes).count == 64 * format.blockElementCount)
    }
}
