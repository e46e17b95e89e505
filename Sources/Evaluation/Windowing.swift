/// How a text is cut into context windows, and which of their tokens are scored.
public enum Windowing: Sendable, Hashable {
    /// Windows of equal length one after another, the predictions made from the second half of each
    /// scored: those of the tokens `n/2 + 1 ..< n` for a window of n. A remainder is left out.
    ///
    /// llama.cpp's `llama-perplexity` does so by default.
    case halves
    /// Windows that start every `stride` tokens; each scores the tokens that no window before it
    /// had, so that every token but the first is scored once, with as long a context as there is.
    ///
    /// The page "Perplexity of fixed-length models" of Hugging Face's transformers does so.
    case sliding(stride: Int)
    /// Windows of `n + stride / 2` tokens that start every `stride` tokens; each scores its last
    /// `stride` tokens, and the first tokens of the text are scored by none.
    ///
    /// `llama-perplexity --ppl-stride` does so.
    case trailing(stride: Int)

    /// The tokens that the windows start apart; `nil` where that is their length.
    public var stride: Int? {
        switch self {
        case .halves: nil
        case .sliding(let stride), .trailing(let stride): stride
        }
    }

    /// Whether the first token of every window is replaced by BOS.
    var replacesFirst: Bool {
        if case .sliding = self { return false }
        return true
    }

    /// The windows of a text of `tokenCount` tokens, for a context of `contextLength`.
    ///
    /// - Complexity: O(windows).
    func spans(tokenCount: Int, contextLength length: Int) -> [EvaluationText.Span] {
        switch self {
        case .halves:
            return (0..<tokenCount / length).map {
                .init(tokens: $0 * length..<($0 + 1) * length, scored: length / 2..<length - 1)
            }
        case .sliding(let stride):
            var spans: [EvaluationText.Span] = []
            var scoredEnd = 1
            var start = 0
            while scoredEnd < tokenCount {
                let end = min(start + length, tokenCount)
                // A token is predicted from the position before it, which the window must have.
                let first = max(scoredEnd - 1 - start, 0)
                if first < end - 1 - start {
                    spans.append(.init(tokens: start..<end, scored: first..<end - 1 - start))
                }
                scoredEnd = end
                start += stride
            }
            return spans
        case .trailing(let stride):
            let window = length + stride / 2
            guard tokenCount > window else { return [] }
            return (0..<(tokenCount - window + stride - 1) / stride).map {
                .init(
                    tokens: $0 * stride..<$0 * stride + window,
                    scored: window - stride - 1..<window - 1)
            }
        }
    }
}
