import Foundation
import Quantization
import TensorCore
import TestSupport
import Testing

/// Digests of what llama.cpp writes and reads, made by `scripts/fixtures/block-formats.py` and
/// `iq-golden.py`.
struct FormatGoldens: Sendable {
    /// The rows that were encoded.
    let rowCount: Int, rowLength: Int
    let seed: UInt64, importanceSeed: UInt64
    /// Importance, row kind → digest of the encoded bytes.
    let encoded: JSON
    /// Row kind → digest of the numbers that the bytes encoded without importance decode to, or the
    /// digest of what random bytes decode to.
    let decoded: JSON

    private static let files = ["block-formats", "iq-formats"].map { name in
        try? RecipeConformanceTests.json(Fixtures.path("quantize/\(name).json"))
    }

    /// Those of a format; a test that has none fails.
    init(_ format: Format) throws {
        let files = try FormatGoldens.files.map { try #require($0) }
        let file = try #require(
            files.first { $0["formats"]?[format.name] != nil }, "no digests of \(format)")
        rowCount = try #require(file["rowCount"]?.integer)
        rowLength = try #require(file["rowLength"]?.integer)
        seed = UInt64(try #require(file["seed"]?.integer))
        importanceSeed = UInt64(try #require(file["importanceSeed"]?.integer))
        encoded = try #require(file["formats"]?[format.name])
        decoded = try #require(file["decoded"]?[format.name])
    }
}

extension Format {
    /// The formats that can be encoded, but for the one whose bytes are the numbers themselves.
    static let encoded = all.filter { $0.encode != nil && $0 != .F32 }

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
