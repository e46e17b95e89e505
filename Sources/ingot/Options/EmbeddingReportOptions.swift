import Architectures
import ArgumentParser
import Evaluation
import Inference
import Reporting

/// What `report` does with embedding models, and asks of their levels.
struct EmbeddingReportOptions: ParsableArguments {
    @OptionGroup var pooling: PoolingOptions

    @Option(
        help: ArgumentHelp(
            "Embedding models: the most sentences of the text that are compared.",
            valueName: "count"))
    var sentences: Int?

    @Option(
        help: ArgumentHelp(
            "Embedding models: least mean cosine of a type's vectors to the base's, or of every"
                + " level's; may be given again.", valueName: "[type=]value"))
    var minCosine: [String] = []

    @Option(
        help: ArgumentHelp(
            "Embedding models: least rank correlation of neighbours, likewise.",
            valueName: "[type=]value"))
    var minRankCorrelation: [String] = []

    @Option(
        help: ArgumentHelp(
            "Embedding models: least share of kept nearest neighbours, 0.9 or 90%, likewise.",
            valueName: "[type=]share"))
    var minKeptNeighbours: [String] = []

    /// Whether a limit is given.
    var hasGate: Bool {
        [minCosine, minRankCorrelation, minKeptNeighbours].contains { !$0.isEmpty }
    }

    /// Whether an option is given.
    var isUsed: Bool { hasGate || sentences != nil || pooling.pooling != nil }

    /// The most sentences.
    var sentenceLimit: Int { sentences ?? 1000 }

    mutating func validate() throws {
        let least = EmbeddingComparison.leastTextCount
        if let sentences, !(least...100_000).contains(sentences) {
            throw ValidationError("--sentences is \(sentences), expected \(least) to 100000")
        }
        switch pooling.pooling {
        case .rank?, Pooling.none?:
            throw ValidationError("--pooling: expected mean, cls or last, which make one vector")
        default: break
        }
    }

    /// The limits.
    func gates() throws -> [EmbeddingGate] {
        let texts: [(EmbeddingGate.Measure, [String])] = [
            (.cosine, minCosine), (.rankCorrelation, minRankCorrelation),
            (.keptNeighbours, minKeptNeighbours),
        ]
        return try texts.flatMap { measure, texts in
            try texts.map { try EmbeddingGate(measure, parsing: $0) }
        }
    }
}
