import Evaluation
import Reporting

/// What `perplexity` found, as it prints it.
struct PerplexityListing: Encodable {
    let model: String
    let text: String
    let perplexity: Double
    let standardError: Double?
    let windows: Int
    let tokensScored: Int
    let tokensPerSecond: Double
    let seconds: Double
    let contextLength: Int
    let activations: String
    let stride: Int?
    let threads: Int
    let textTokens: Int
    let running: [Double]
    let warnings: [String]
    let version: String

    init(_ found: Evaluator.Result, _ head: EvaluationHead) {
        let result = found.base
        model = result.model
        text = head.text ?? ""
        perplexity = result.perplexity.value
        standardError = result.perplexity.standardError
        windows = result.windowCount
        tokensScored = result.scoredTokenCount
        tokensPerSecond = found.tokensPerSecond
        seconds = found.seconds
        contextLength = result.contextLength
        activations = head.activations
        stride = head.stride
        threads = head.threads
        textTokens = head.textTokens
        running = result.running
        warnings = head.warnings
        version = Ingot.version
    }

    /// What people read: the running value, unless little is to be said, and the result.
    static func lines(of found: Evaluator.Result, isQuiet: Bool) -> [String] {
        let perplexity = found.base
        let running = perplexity.running.enumerated()
            .map { "[\($0 + 1)]\(NumberFormat.fixed($1, 4))" }
        let summary =
            "perplexity \(NumberFormat.fixed(perplexity.perplexity, 4))"
            + " (\(NumberFormat.counted(perplexity.windowCount, "window")) of"
            + " \(perplexity.contextLength), \(perplexity.scoredTokenCount) tokens scored,"
            + " \(NumberFormat.fixed(found.tokensPerSecond, 1)) tokens/s)"
        return isQuiet ? [summary] : [running.joined(separator: ","), summary]
    }
}
