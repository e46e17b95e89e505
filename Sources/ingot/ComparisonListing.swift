import Evaluation
import Inference
import TensorCore

/// What `compare` found, as it prints it.
///
/// The keys of the JSON are described in docs/commands-evaluate.md.
struct ComparisonListing: Encodable {
    struct Percentile: Encodable {
        let percent: Double
        let value: Double
        let standardError: Double?
    }
    struct Distribution: Encodable {
        let mean: Estimate
        let percentiles: [Percentile]

        init(mean: Estimate, _ distribution: LevelStatistics.Distribution) {
            self.mean = mean
            percentiles = LevelStatistics.Distribution.percents.map { percent in
                let estimate = distribution[percent]
                return Percentile(
                    percent: percent, value: estimate.value,
                    standardError: percent == 0 || percent == 100 ? nil : estimate.standardError)
            }
        }
    }
    struct Level: Encodable {
        let model: String
        let perplexity: Estimate
        let correlation: Double
        let logPerplexityRatio: Estimate
        let perplexityRatio: Estimate
        let perplexityDifference: Estimate
        let divergence: Distribution
        let probabilityChange: Distribution
        let rmsProbabilityChange: Estimate
        let sameTopToken: Estimate
    }

    let schemaVersion = 1
    let base: String
    let basePerplexity: Estimate
    let levels: [Level]
    let text: String?
    let windows: Int
    let contextLength: Int
    let activations: String
    let stride: Int?
    let tokensScored: Int
    let seconds: Double
    let tokensPerSecond: Double
    let warnings: [String]
    let version: String

    init(
        _ result: Evaluator.Result, text: String?, windowCount: Int, windowing: Windowing,
        activations: Activations, warnings: [String]
    ) {
        base = result.base.model
        basePerplexity = result.base.perplexity
        levels = result.levels.map { level in
            Level(
                model: level.perplexity.model, perplexity: level.perplexity.perplexity,
                correlation: level.correlation, logPerplexityRatio: level.logPerplexityRatio,
                perplexityRatio: level.perplexityRatio,
                perplexityDifference: level.perplexityDifference,
                divergence: Distribution(mean: level.meanDivergence, level.divergence),
                probabilityChange: Distribution(
                    mean: level.meanProbabilityChange, level.probabilityChange),
                rmsProbabilityChange: level.rootMeanSquareProbabilityChange,
                sameTopToken: level.sameTop)
        }
        self.text = text
        windows = windowCount
        contextLength = result.base.contextLength
        self.activations = activations.rawValue
        stride = windowing.stride
        tokensScored = result.base.scoredTokenCount
        seconds = result.seconds
        tokensPerSecond = result.tokensPerSecond
        self.warnings = warnings + result.warnings.map(\.description)
        version = Ingot.version
    }

    /// The table: a column for each model, the rows and names those of llama-perplexity.
    var lines: [String] {
        guard !levels.isEmpty else {
            return ["base \(base): PPL \(ComparisonListing.show(basePerplexity, 6))"]
        }
        var table = Columns(rightAligned: [false] + levels.map { _ in true })
        func section(_ title: String) { table.add(row: ["", ""]); table.add(row: [title]) }
        func row(_ name: String, _ cell: (Level) -> String) {
            table.add(row: [name] + levels.map(cell))
        }
        table.add(row: ["base: \(Paths.name(base))"] + levels.map { Paths.name($0.model) })
        section("Perplexity")
        row("Mean PPL(Q)") { ComparisonListing.show($0.perplexity, 6) }
        row("Mean PPL(base)") { _ in ComparisonListing.show(basePerplexity, 6) }
        row("Cor(ln(PPL(Q)), ln(PPL(base)))") { Numbers.fixed($0.correlation * 100, 2) + " %" }
        row("Mean ln(PPL(Q)/PPL(base))") { ComparisonListing.show($0.logPerplexityRatio, 6) }
        row("Mean PPL(Q)/PPL(base)") { ComparisonListing.show($0.perplexityRatio, 6) }
        row("Mean PPL(Q)-PPL(base)") { ComparisonListing.show($0.perplexityDifference, 6) }
        section("KL divergence (nats)")
        row("Mean    KLD") { ComparisonListing.show($0.divergence.mean, 6) }
        for index in levels[0].divergence.percentiles.indices.reversed() {
            let percent = levels[0].divergence.percentiles[index].percent
            guard percent != 25, percent != 75 else { continue }
            row(ComparisonListing.name(percent) + " KLD") {
                ComparisonListing.show($0.divergence.percentiles[index], 6, scale: 1)
            }
        }
        section("Probability of the text's token")
        row("Mean    Δp") { ComparisonListing.show($0.probabilityChange.mean, 3, percent: true) }
        for index in levels[0].probabilityChange.percentiles.indices.reversed() {
            row(
                ComparisonListing.name(levels[0].probabilityChange.percentiles[index].percent)
                    + " Δp"
            ) {
                ComparisonListing.show($0.probabilityChange.percentiles[index], 3, scale: 100)
                    + " %"
            }
        }
        row("RMS Δp") { ComparisonListing.show($0.rmsProbabilityChange, 3, percent: true) }
        row("Same top p") { ComparisonListing.show($0.sameTopToken, 3, percent: true) }
        let summary =
            "  \(Numbers.counted(windows, "window")) of \(contextLength),"
            + " \(tokensScored) tokens scored,"
            + (activations == Activations.f32.rawValue ? "" : " activations \(activations),")
            + " \(Numbers.fixed(tokensPerSecond, 1)) tokens/s"
        return table.lines + ["", summary]
    }

    private static func name(_ percent: Double) -> String {
        switch percent {
        case 0: "Minimum"
        case 50: "Median "
        case 100: "Maximum"
        default: (percent < 10 ? " " : "") + Numbers.fixed(percent, 1) + " % "
        }
    }

    private static func show(
        _ estimate: Estimate, _ decimals: Int, percent: Bool = false
    ) -> String {
        let scale = percent ? 100.0 : 1
        return Numbers.fixed(estimate.value * scale, decimals) + " ± "
            + Numbers.fixed(estimate.standardError * scale, decimals) + (percent ? " %" : "")
    }

    private static func show(_ percentile: Percentile, _ decimals: Int, scale: Double) -> String {
        let value = Numbers.fixed(percentile.value * scale, decimals)
        guard let error = percentile.standardError else { return value }
        return value + " ± " + Numbers.fixed(error * scale, decimals)
    }
}
