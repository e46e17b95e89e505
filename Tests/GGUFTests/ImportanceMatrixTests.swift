import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// The older binary form, sound and hostile.
@Suite struct ImportanceMatrixTests {
    private func bytes(
        values: [Float] = [2, 0, 8], calls: Int32 = 2, name: String = "blk.0.attn_q.weight",
        trailer: Bool = true
    ) -> [UInt8] {
        var builder = ByteBuilder()
        builder.append(Int32(1))
        builder.append(Int32(name.utf8.count))
        builder.append(name)
        builder.append(calls)
        builder.append(Int32(values.count))
        for value in values { builder.append(value) }
        if trailer {
            builder.append(Int32(40))
            builder.append(Int32(8))
            builder.append("text.txt")
        }
        return builder.bytes
    }

    private func read(_ bytes: [UInt8]) throws -> ImportanceMatrix {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/imatrix.dat"
            try Data(bytes).write(to: URL(filePath: path))
            return try ImportanceMatrix(path: path)
        }
    }

    @Test func theOlderFormIsRead() throws {
        let matrix = try read(bytes())
        #expect(matrix["blk.0.attn_q.weight"]?.values == [1, 0, 4])
        #expect(matrix.datasets == ["text.txt"])
        #expect(matrix.chunkCount == 40)
        let plain = try read(bytes(calls: 0, trailer: false))
        #expect(plain["blk.0.attn_q.weight"]?.values == [2, 0, 8])
        #expect(plain.datasets.isEmpty)
    }

    @Test(arguments: [Float.nan, .infinity, -1])
    func badImportanceIsNamed(value: Float) throws {
        let error = #expect(throws: GGUFError.self) { try read(bytes(values: [1, value])) }
        #expect(error?.place == "blk.0.attn_q.weight")
    }

    @Test func everyTruncationIsAnError() throws {
        let whole = bytes(trailer: false)
        for count in 0..<whole.count {
            #expect(throws: (any Error).self, "\(count)") { try read(Array(whole[..<count])) }
        }
        let withTrailer = bytes()
        for count in whole.count + 1..<withTrailer.count {
            #expect(throws: (any Error).self, "\(count)") {
                try read(Array(withTrailer[..<count]))
            }
        }
    }

    @Test(arguments: [0, 4, 27, 31])
    func hugeAndNegativeCountsAreErrors(offset: Int) throws {
        for count: Int32 in [.max, -1] {
            var hostile = bytes()
            withUnsafeBytes(of: count.littleEndian) {
                hostile.replaceSubrange(offset..<offset + 4, with: $0)
            }
            if offset == 27, count > 0 { continue }  // The number of calls may be large.
            #expect(throws: GGUFError.self, "\(offset) \(count)") { try read(hostile) }
        }
    }

    @Test func entriesAreRestrictedByPartsOfTheirNames() throws {
        let matrix = try read(bytes())
        #expect(matrix.restricted(including: ["attn_q"], excluding: []) != nil)
        #expect(matrix.restricted(including: ["ffn"], excluding: []) == nil)
        #expect(matrix.restricted(including: [], excluding: ["blk.0"]) == nil)
        // A whole name, and one that is longer.
        #expect(matrix.restricted(including: ["blk.0.attn_q.weight"], excluding: []) != nil)
        #expect(matrix.restricted(including: ["blk.0.attn_q.weights"], excluding: []) == nil)
        #expect(matrix.restricted(including: [""], excluding: ["blk.1", "weights"]) != nil)
    }
}
