import Calibration
import Conversion
import GGUF
import Inference
import TensorCore
import TestSupport
import Testing

/// Sums of squares that no order changes.
@Suite struct ExactSumsTests {
    private static let source = Result {
        try ConversionSource(directory: Fixtures.path("conformance/convert/checkpoints/llama"))
    }

    /// Windows of seeded tokens.
    private static func windows(_ count: Int, length: Int) -> [[Int32]] {
        (0..<count).map { window in
            var random = SeededRandom(seed: UInt64(window + 1))
            return (0..<length).map { _ in Int32(random.unit() * 200) }
        }
    }

    private static func gather(
        _ batches: [[[Int32]]], threads: Int = 2
    ) throws -> GatheredImportance {
        let calibration = try Calibration(
            model: Model(source: source.get()), pool: WorkerPool(threadCount: threads))
        for batch in batches { try calibration.add(batch) }
        return calibration.gathered
    }

    @Test func neitherThreadsNorBatchesNorPartsChangeABit() throws {
        let all = Self.windows(9, length: 48)
        let once = try Self.gather([all], threads: 1)
        #expect(once == (try Self.gather([all], threads: 3)))
        #expect(once == (try Self.gather([Array(all[..<2]), Array(all[2...])])))
        let parts = try [0..<4, 4..<5, 5..<9].map { try Self.gather([Array(all[$0])]) }
        for order in [[0, 1, 2], [2, 0, 1]] {
            var joined = GatheredImportance()
            for part in order {
                // Through the bytes of a part's file.
                let stored = try #require(GatheredImportance(bytes: parts[part].bytes[...]))
                let isAdded = joined.add(stored)
                #expect(isAdded)
            }
            #expect(joined == once)
        }
        let entries = once.sums
        #expect(entries.count > 10)
        #expect(entries.values.allSatisfy { $0.sums.contains { $0 > 0 } })
    }

    @Test func damagedBytesAreNoSums() throws {
        let whole = try Self.gather([Self.windows(1, length: 16)])
        let bytes = whole.bytes
        #expect(GatheredImportance(bytes: bytes[...]) == whole)
        #expect(GatheredImportance(bytes: bytes.dropLast()) == nil)
        #expect(GatheredImportance(bytes: bytes.dropFirst()) == nil)
        #expect(GatheredImportance(bytes: (bytes + bytes)[...]) == nil)
        for place in [0, 7, 8, 40, 60] {
            var changed = bytes
            changed[place] = 0xFF
            // Whatever it is taken for, nothing ends the process.
            _ = GatheredImportance(bytes: changed[...])
        }
        var other = try Self.gather([Self.windows(1, length: 16)])
        var half = GatheredImportance()
        let (first, second) = (half.add(other), other.add(whole))
        #expect(first && second)
        #expect(half == whole)
        #expect(other != whole)
    }
}
