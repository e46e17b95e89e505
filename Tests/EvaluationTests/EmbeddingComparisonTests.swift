import Evaluation
import Inference
import TestSupport
import Testing

/// How vectors of the same texts are compared.
@Suite("Vectors compared with the base's")
struct EmbeddingComparisonTests {
    private static func vectors(_ count: Int, seed: UInt64) -> [[Float]] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in (0..<16).map { _ in random.normal() } }
    }

    @Test("the same vectors, whatever their length, agree wholly")
    func same() throws {
        let base = Self.vectors(30, seed: 1)
        let scaled = base.enumerated().map { index, vector in
            vector.map { $0 * Float(1 << (index % 4)) }
        }
        let found = try EmbeddingComparison(base: base).agreement(of: scaled)
        #expect(abs(found.cosine.value - 1) < 1e-6 && found.leastCosine > 0.99999)
        #expect(found.rankCorrelation.value > 0.99999)
        #expect(found.keptNeighbours.value == 1 && found.keptNeighbours.standardError == 0)
        #expect(found.neighbourCount == 10)
    }

    @Test("noise costs neighbours before it costs the cosine; other vectors share nothing")
    func noise() throws {
        let base = Self.vectors(60, seed: 2)
        let noise = Self.vectors(60, seed: 3)
        func found(_ size: Float) throws -> EmbeddingAgreement {
            try EmbeddingComparison(base: base).agreement(
                of: zip(base, noise).map { zip($0, $1).map { $0 + size * $1 } })
        }
        let (small, large) = (try found(0.05), try found(0.5))
        #expect(small.cosine.value > 0.99 && small.keptNeighbours.value > 0.8)
        #expect(large.cosine.value < small.cosine.value)
        #expect(large.rankCorrelation.value < small.rankCorrelation.value)
        #expect(large.keptNeighbours.value < small.keptNeighbours.value)
        #expect(try #require(large.keptNeighbours.standardError) > 0)
        let other = try EmbeddingComparison(base: base).agreement(of: noise)
        #expect(abs(other.cosine.value) < 0.15 && abs(other.rankCorrelation.value) < 0.1)
        // Ten of 59 by chance.
        #expect(abs(other.keptNeighbours.value - 10.0 / 59) < 0.06)
    }

    @Test("figures are those of the definitions")
    func definitions() throws {
        let (base, level) = (Self.vectors(15, seed: 4), Self.vectors(15, seed: 5))
        func cosines(_ vectors: [[Float]], _ text: Int) -> [Double] {
            vectors.indices.filter { $0 != text }.map { cosine(vectors[text], vectors[$0]) }
        }
        /// The place of each among all, without equal ones.
        func places(_ values: [Double]) -> [Int] {
            values.map { value in values.count { $0 < value } }
        }
        var (correlations, kept) = ([Double](), [Double]())
        for text in base.indices {
            let (old, new) = (places(cosines(base, text)), places(cosines(level, text)))
            let squares = zip(old, new).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            correlations.append(1 - 6 * Double(squares) / Double(14 * (14 * 14 - 1)))
            // The three nearest are in the last three places.
            kept.append(Double(zip(old, new).count { $0 >= 11 && $1 >= 11 }) / 3)
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let found = try EmbeddingComparison(base: base, neighbourCount: 3).agreement(of: level)
        #expect(abs(found.rankCorrelation.value - mean(correlations)) < 1e-9)
        #expect(abs(found.keptNeighbours.value - mean(kept)) < 1e-9)
        let direct = zip(base, level).map { cosine($0, $1) }
        #expect(abs(found.cosine.value - mean(direct)) < 1e-6)
        #expect(abs(found.leastCosine - (direct.min() ?? 0)) < 1e-6)
        let variance = direct.reduce(0) { $0 + ($1 - mean(direct)) * ($1 - mean(direct)) } / 15
        #expect(
            abs(try #require(found.cosine.standardError) - (variance / 14).squareRoot()) < 1e-6)
    }

    @Test("a text is cut at stops and lines, each sentence once")
    func sentences() {
        let text = """
            = A heading =
            The first sentence is here. The second one asks, does it not? Version 3.14 is no end of one!
            The first sentence is here.
            short. これは十分に長い文章です。次の文章もここにあります。
            """
        let found = Sentences.split(Array(text.utf8), limit: 100).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(
            found == [
                "The first sentence is here.", "The second one asks, does it not?",
                "Version 3.14 is no end of one!", "これは十分に長い文章です。", "次の文章もここにあります。",
            ])
        let many = (0..<1000).map { "This is sentence number \($0)." }.joined(separator: " ")
        let spread = Sentences.split(Array(many.utf8), limit: 10).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(spread.count == 10 && spread[1] == "This is sentence number 100.")
        #expect(Sentences.split([], limit: 10).isEmpty)
        #expect(Sentences.split([0x82, 0x81, 0x9F], limit: 10).isEmpty)
    }
}
