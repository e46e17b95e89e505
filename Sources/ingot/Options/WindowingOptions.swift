import ArgumentParser
import Evaluation

/// How the windows of a text lie.
struct WindowingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Windows start so many tokens apart and every token is scored once, with as long a"
                + " context as there is (the sliding protocol of Hugging Face's perplexity page).",
            valueName: "tokens"))
    var stride: Int?

    @Option(
        help: ArgumentHelp(
            "llama-perplexity's option: windows of the context's length and half the stride, the"
                + " last so many tokens of each scored.", valueName: "tokens"))
    var pplStride: Int?

    mutating func validate() throws {
        if stride != nil, (pplStride ?? 0) > 0 {
            throw ValidationError("--stride and --ppl-stride are two protocols; expected one")
        }
        if let stride, stride < 1 {
            throw ValidationError("--stride is \(stride), expected at least 1")
        }
    }

    /// The protocol asked for; a `--ppl-stride` of 0 is none, as for the peer.
    var windowing: Windowing {
        if let stride { return .sliding(stride: stride) }
        if let pplStride, pplStride > 0 { return .trailing(stride: pplStride) }
        return .halves
    }
}
