import Calibration
import GGUF
import Testing

/// What an importance matrix says.
@Suite struct ImportanceStatisticsTests {
    @Test func statisticsAreThoseOfTheDefinitions() throws {
        let statistics = ImportanceStatistics(
            ImportanceSums(
                entries: [
                    "blk.0.attn_q.weight": .init(sums: [2, 4, 8, 2], counts: [2]),
                    "blk.1.attn_q.weight": .init(sums: [4, 8, 16, 4], counts: [2]),
                    // An expert that no row reached does not count.
                    "blk.1.ffn_up_exps.weight": .init(sums: [3, 0, 9, 9], counts: [1, 0]),
                    "output.weight": .init(sums: [5], counts: [1]),
                ], chunkCount: 1, chunkSize: 64))
        #expect(
            statistics.tensors.map(\.name) == [
                "blk.1.attn_q.weight", "blk.0.attn_q.weight", "blk.1.ffn_up_exps.weight",
                "output.weight",
            ])
        let query = statistics.tensors[1]
        #expect(query.layer == 0 && query.kind == "attn_q" && query.count == 4)
        #expect(query.sum == 8 && query.minimum == 1 && query.maximum == 4 && query.mean == 2)
        // Squares 1, 4, 16, 1: their mean less the mean's square.
        #expect(abs(query.deviation - Float(1.5).squareRoot()) < 1e-6)
        #expect(query.active == 1 && query.zScoreDensity == 0.25 && query.cosine == 0)
        // Shares 1/8, 1/4, 1/2, 1/8.
        #expect(abs(query.entropy - 1.75) < 1e-6)
        #expect(abs((query.normalizedEntropy ?? 0) - 0.875) < 1e-6)
        #expect(abs(statistics.tensors[0].cosine - 1) < 1e-6)
        let expert = statistics.tensors[2]
        #expect(expert.count == 2 && expert.sum == 3 && expert.active == 0.5)
        let output = statistics.tensors[3]
        #expect(output.layer == nil && output.kind == "output" && output.normalizedEntropy == nil)
        #expect(statistics.layers.map(\.layer) == [0, 1])
        // Four values with the sum 16 and two with the sum 3.
        #expect(abs(statistics.layers[1].sum - (4 * 16 + 2 * 3) / 6) < 1e-5)
        #expect(abs(statistics.layers[1].cosine - 4 / 6) < 1e-5)
    }
}
