public import Evaluation
public import Grammars

/// A text that is to be gone on with.
public struct GenerationRequest: Sendable {
    /// The tokens before it.
    public var prompt: [Int32]
    /// The most tokens that are added; `nil` for as many as there is room for.
    ///
    /// With 0 the prompt is run for its log probabilities only.
    public var limit: Int?
    /// How tokens are picked.
    public var sampling: Sampler.Settings
    /// What logits are changed by before a token is picked.
    public var adjustment = LogitAdjustment()
    /// Texts that end the generation; they are no part of it.
    public var stops: [String] = []
    /// How many of the most probable tokens are told for every token beside its own log probability;
    /// `nil` for no log probabilities.
    public var topCount: Int?
    /// Whether log probabilities of the prompt's tokens are told too.
    public var scoresPrompt = false
    /// Whether tokens that end a text are tokens like others.
    public var ignoresEnd = false
    /// Control tokens that appear in the text with their names.
    public var shownControl: Set<Int32> = []
    /// What the text has to follow.
    public var grammar: Grammar?
    /// What the grammar's sender calls it, for errors.
    public var grammarField: String?

    /// A request with the usual rest.
    public init(prompt: [Int32], limit: Int?, sampling: Sampler.Settings) {
        self.prompt = prompt
        self.limit = limit
        self.sampling = sampling
    }
}

/// What logits are changed by before a token is picked.
public struct LogitAdjustment: Sendable, Hashable {
    /// What is added to the logits of tokens.
    public var bias: [Int32: Float] = [:]
    /// What is taken from the logit of every token that was added.
    public var presencePenalty: Float = 0
    /// What is taken from the logit of a token for every time that it was added.
    public var frequencyPenalty: Float = 0
    /// What positive logits are divided by, and negative ones multiplied with, of tokens in the
    /// prompt or added.
    public var repetitionPenalty: Float = 1
    /// How many of the last tokens the penalty of repetitions looks at; `nil` for all.
    public var repetitionWindow: Int?

    /// Changes nothing.
    public init() {}

    /// Whether nothing changes.
    var isNeutral: Bool { self == LogitAdjustment() }

    /// Changes the logits of the token after `text`, of which the last `addedCount` were added.
    ///
    /// - Complexity: O(length of the text), where penalties are asked for.
    package func apply(to logits: inout [Float], text: [Int32], addedCount: Int) {
        for (token, value) in bias where logits.indices.contains(Int(token)) {
            logits[Int(token)] += value
        }
        if repetitionPenalty != 1 {
            let window = text.suffix(repetitionWindow ?? text.count)
            for token in Set(window) where logits.indices.contains(Int(token)) {
                let logit = logits[Int(token)]
                logits[Int(token)] =
                    logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty
            }
        }
        guard presencePenalty != 0 || frequencyPenalty != 0 else { return }
        var counts: [Int32: Int] = [:]
        for token in text.suffix(addedCount) { counts[token, default: 0] += 1 }
        for (token, count) in counts where logits.indices.contains(Int(token)) {
            logits[Int(token)] -= presencePenalty + Float(count) * frequencyPenalty
        }
    }
}

/// A token with its log probability.
public struct ScoredToken: Sendable, Hashable {
    /// Its id.
    public var token: Int32
    /// What it adds to the text.
    public var bytes: [UInt8]
    /// The natural logarithm of the probability that the model gave it, before anything was changed
    /// or left out; `nil` for the first of a text.
    public var logProbability: Double?
    /// The most probable tokens in its place, the most probable first.
    public var top: [Alternative] = []

    /// A token that could have been.
    public struct Alternative: Sendable, Hashable {
        /// Its id.
        public var token: Int32
        /// Its text.
        public var bytes: [UInt8]
        /// The natural logarithm of its probability.
        public var logProbability: Double
    }
}

/// Why a text ended.
public enum FinishReason: String, Sendable, CaseIterable {
    /// The model ended it, a stop text came, or the grammar allows nothing more.
    case stop
    /// It has the most tokens that were asked for or that there is room for.
    case length
    /// It calls tools.
    case toolCalls = "tool_calls"
    /// Nobody waits for it any more.
    case cancelled
    /// It could not be gone on with.
    case error
}

/// What a generation tells as it goes on.
public enum GenerationEvent: Sendable {
    /// The prompt is run; with its tokens' log probabilities where they were asked for.
    case prompt(cachedCount: Int, scores: [ScoredToken])
    /// Whole characters were added; with log probabilities where they were asked for.
    case text(String, tokens: [ScoredToken])
    /// Nothing more comes.
    case end(GenerationOutcome)
    /// It could not be gone on with; with the field that is to blame where the request is.
    case failure(String, field: String?)
}

/// What a generation came to.
public struct GenerationOutcome: Sendable {
    /// Why it ended.
    public var reason: FinishReason
    /// The stop text that ended it.
    public var stop: String?
    /// The tokens of the prompt.
    public var promptCount: Int
    /// How many of them were known from texts before.
    public var cachedCount: Int
    /// The tokens that were added; one that ended the text is not counted.
    public var addedCount: Int
    /// Seconds in the queue, for the prompt, and for the tokens after it.
    public var queueSeconds: Double
    /// Seconds that the prompt took.
    public var promptSeconds: Double
    /// Seconds that the tokens after it took.
    public var addedSeconds: Double
}
