/// The perplexity of a model on a text.
///
/// With `nll` the mean of `−ln p(token)` over the scored tokens, perplexity is `exp(nll)`; its
/// standard error is that of the mean, carried through the exponential: `se(nll) · exp(nll)`.
/// These are llama.cpp's definitions (`tools/perplexity/README.md`).
public struct PerplexityResult: Sendable, Hashable {
    /// The model's file.
    public var model: String
    /// The perplexity, with its standard error.
    public var perplexity: Estimate
    /// The mean of `−ln p(token)`, with its standard error.
    public var meanNegativeLogLikelihood: Estimate
    /// The perplexity over the windows up to each.
    public var running: [Double]
    /// The number of windows.
    public var windowCount: Int
    /// The tokens of a window.
    public var contextLength: Int
    /// The number of tokens whose prediction was scored.
    public var scoredTokenCount: Int
}
