import Evaluation
import Inference
import Reporting
import TensorCore

/// What `compare` found, as it prints it.
///
/// The keys of the JSON are described in docs/commands-evaluate.md.
struct ComparisonListing: Encodable {
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
        let windowDivergences: [Double]
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
        _ result: Evaluator.Result, text: String?, windowCount: Int, stride: Int?,
        activations: String, warnings: [String]
    ) {
        base = result.base.model
        basePerplexity = result.base.perplexity
        levels = result.levels.map { level in
            Level(
                model: level.model, perplexity: level.statistics.perplexity,
                correlation: level.correlation,
                logPerplexityRatio: level.statistics.logPerplexityRatio,
                perplexityRatio: level.statistics.perplexityRatio,
                perplexityDifference: level.perplexityDifference, divergence: level.divergence,
                probabilityChange: level.probabilityChange,
                rmsProbabilityChange: level.statistics.rmsProbabilityChange,
                sameTopToken: level.statistics.sameTopToken,
                windowDivergences: level.windowDivergences)
        }
        self.text = text
        windows = windowCount
        contextLength = result.base.contextLength
        self.activations = activations
        self.stride = stride
        tokensScored = result.base.scoredTokenCount
        seconds = result.seconds
        tokensPerSecond = result.tokensPerSecond
        self.warnings = warnings + result.warnings.map(\.description)
        version = Ingot.version
    }

    /// The table: a column for each model, the rows and names those of llama-perplexity.
    var lines: [String] {
        guard !levels.isEmpty else {
            return ["base \(base): PPL \(NumberFormat.fixed(basePerplexity, 6))"]
        }
        var table = TextTable(rightAligned: [false] + levels.map { _ in true })
        func section(_ title: String) { table.add(row: ["", ""]); table.add(row: [title]) }
        func row(_ name: String, _ cell: (Level) -> String) {
            table.add(row: [name] + levels.map(cell))
        }
        func percent(_ estimate: Estimate) -> String {
            NumberFormat.fixed(estimate, 3, scale: 100) + " %"
        }
        table.add(row: ["base: \(Paths.name(base))"] + levels.map { Paths.name($0.model) })
        section("Perplexity")
        row("Mean PPL(Q)") { NumberFormat.fixed($0.perplexity, 6) }
        row("Mean PPL(base)") { _ in NumberFormat.fixed(basePerplexity, 6) }
        row("Cor(ln(PPL(Q)), ln(PPL(base)))") { NumberFormat.fixed($0.correlation * 100, 2) + " %" }
        row("Mean ln(PPL(Q)/PPL(base))") { NumberFormat.fixed($0.logPerplexityRatio, 6) }
        row("Mean PPL(Q)/PPL(base)") { NumberFormat.fixed($0.perplexityRatio, 6) }
        row("Mean PPL(Q)-PPL(base)") { NumberFormat.fixed($0.perplexityDifference, 6) }
        section("KL divergence (nats)")
        row("Mean    KLD") { NumberFormat.fixed($0.divergence.mean, 6) }
        for index in levels[0].divergence.percentiles.indices.reversed() {
            let percent = levels[0].divergence.percentiles[index].percent
            guard percent != 25, percent != 75 else { continue }
            row(ComparisonListing.name(percent) + " KLD") {
                NumberFormat.fixed($0.divergence.percentiles[index].estimate, 6)
            }
        }
        section("Probability of the text's token")
        row("Mean    Δp") { percent($0.probabilityChange.mean) }
        for index in levels[0].probabilityChange.percentiles.indices.reversed() {
            row(
                ComparisonListing.name(levels[0].probabilityChange.percentiles[index].percent)
                    + " Δp"
            ) {
                NumberFormat.fixed($0.probabilityChange.percentiles[index].estimate, 3, scale: 100)
                    + " %"
            }
        }
        row("RMS Δp") { percent($0.rmsProbabilityChange) }
        row("Same top p") { percent($0.sameTopToken) }
        let summary =
            "  \(NumberFormat.counted(windows, "window")) of \(contextLength),"
            + " \(tokensScored) tokens scored,"
            + (activations == Activations.f32.rawValue ? "" : " activations \(activations),")
            + " \(NumberFormat.fixed(tokensPerSecond, 1)) tokens/s"
        return table.lines + ["", summary]
    }

    private static func name(_ percent: Double) -> String {
        switch percent {
        case 0: "Minimum"
        case 50: "Median "
        case 100: "Maximum"
        default: (percent < 10 ? " " : "") + NumberFormat.fixed(percent, 1) + " % "
        }
    }
}
