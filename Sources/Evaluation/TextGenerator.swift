public import Grammars
public import Inference
public import TensorCore
public import Tokenization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Has a model go on with a text, token by token.
public struct TextGenerator {
    private let model: Model
    private let tokenizer: Tokenizer
    private let activations: Activations
    private let cacheTypeK: CacheType
    private let cacheTypeV: CacheType
    private let pool: WorkerPool
    private let grammar: Grammar?
    private let vocabulary: TextVocabulary?

    /// Prepares to generate.
    ///
    /// - Parameter grammar: What every text has to follow.
    public init(
        model: Model, tokenizer: Tokenizer, activations: Activations = .f32,
        cacheTypeK: CacheType = .f16, cacheTypeV: CacheType = .f16,
        grammar: Grammar? = nil, pool: WorkerPool = WorkerPool()
    ) {
        self.grammar = grammar
        vocabulary = grammar.map { _ in TextVocabulary(tokenizer, count: model.vocabularyCount) }
        self.cacheTypeK = cacheTypeK
        self.cacheTypeV = cacheTypeV
        self.activations = activations
        self.model = model
        self.tokenizer = tokenizer
        self.pool = pool
    }

    /// A token that was picked.
    public struct Step: Sendable, Hashable {
        /// Its id.
        public var token: Int32
        /// The probability that the model gave it.
        public var probability: Double
    }

    /// A text that a model went on with.
    public struct Outcome: Sendable {
        /// The model's file.
        public var model: String
        /// The tokens of the prompt.
        public var promptTokens: [Int32]
        /// How many of them were known from the text before.
        public var reusedCount: Int
        /// The tokens after it.
        public var steps: [Step]
        /// The text after it; what is not UTF-8 is U+FFFD.
        public var text: String
        /// Whether the model ended the text itself.
        public var endedByModel: Bool
        /// Seconds for the prompt, and for the tokens after it.
        public var promptSeconds: Double
        /// Seconds for the tokens after the prompt.
        public var seconds: Double
    }

    /// The tokens of a prompt: control tokens written in it are those tokens.
    public func promptTokens(_ prompt: String) throws(TokenizationError) -> [Int32] {
        try tokenizer.encode(Array(prompt.utf8), addSpecial: true, parseSpecial: true)
    }

    /// Goes on with a prompt.
    ///
    /// - Parameters:
    ///   - limit: The most tokens that are added.
    ///   - emit: Takes the text as it comes, whole characters.
    /// - Throws: `EvaluationError` for a prompt without tokens; `InferenceError`; `GrammarDeadEnd`.
    public func generate(
        prompt: [Int32], limit: Int, settings: Sampler.Settings, emit: (String) -> Void = { _ in }
    ) throws -> Outcome {
        try generate(
            prompt: prompt, limit: limit, settings: settings, in: nil, showsControl: true,
            isCancelled: { false }, emit: emit)
    }

    /// Goes on with a prompt, in a conversation.
    ///
    /// - Parameters:
    ///   - limit: The most tokens that are added.
    ///   - conversation: Where the text stands that went before: what the prompt has in common with
    ///     it is not run again. It needs room for the prompt and the limit.
    ///   - showsControl: Whether control tokens appear in the text with their names.
    ///   - isCancelled: Asked after every token; the text ends when it is so.
    ///   - emit: Takes the text as it comes, whole characters.
    /// - Throws: `EvaluationError` for a prompt without tokens; `InferenceError`; `GrammarDeadEnd`.
    public func generate(
        prompt: [Int32], limit: Int, settings: Sampler.Settings, in conversation: Generation?,
        showsControl: Bool, isCancelled: () -> Bool, emit: (String) -> Void
    ) throws -> Outcome {
        guard let last = prompt.last else { throw EvaluationError(.emptyText, path: nil) }
        let capacity = prompt.count.adding(checked: max(1, limit)) ?? Int.max
        let generation =
            try conversation
            ?? Generation(
                model: model, capacity: capacity, activations: activations,
                cacheTypeK: cacheTypeK, cacheTypeV: cacheTypeV, pool: pool)
        // The last token is run in any case: its logits are wanted.
        let known = zip(generation.tokens, prompt.dropLast()).prefix { $0 == $1 }.count
        generation.rewind(to: known)
        var sampler = Sampler(settings)
        var constraint = grammar.flatMap { vocabulary?.constraint($0) }
        var assembler = UTF8Assembler()
        var outcome = Outcome(
            model: model.path, promptTokens: prompt, reusedCount: known, steps: [], text: "",
            endedByModel: false, promptSeconds: 0, seconds: 0)
        let start = ContinuousClock.now
        var logits = try generation.append(Array(prompt[known...]))
        outcome.promptSeconds = start.secondsAgo
        let ends = tokenizer.vocabulary.endTokens
        var previous = last
        while outcome.steps.count < limit, !isCancelled() {
            let fitting = try constraint?.pick(logits, with: &sampler)
            let (token, probability) =
                fitting.map { ($0, Sampler.probability(of: $0, logits)) } ?? sampler.pick(logits)
            outcome.steps.append(Step(token: token, probability: probability))
            if ends.contains(token) {
                outcome.endedByModel = true
                break
            }
            let piece = assembler.add(
                tokenizer.bytes(of: token, after: previous, showsControl: showsControl))
            outcome.text += piece
            if !piece.isEmpty { emit(piece) }
            previous = token
            if constraint?.isAtEnd == true {
                // Nothing can follow.
                outcome.endedByModel = true
                break
            }
            if outcome.steps.count < limit { logits = try generation.append([token]) }
        }
        let rest = assembler.finish()
        outcome.text += rest
        if !rest.isEmpty { emit(rest) }
        outcome.seconds = start.secondsAgo - outcome.promptSeconds
        return outcome
    }

    /// The probability that the model gives `token` as what follows `text`, before any token is
    /// left out and without a temperature.
    ///
    /// - Throws: `InferenceError`.
    public func probability(of token: Int32, after text: [Int32]) throws -> Double {
        guard !text.isEmpty else { return 0 }
        let logits = try Generation(
            model: model, capacity: text.count, activations: activations,
            cacheTypeK: cacheTypeK, cacheTypeV: cacheTypeV, pool: pool
        ).append(text)
        guard logits.indices.contains(Int(token)) else { return 0 }
        var sum = LogitsSum()
        logits.withUnsafeBufferPointer { sum.add($0, first: 0) }
        return exp(Double(logits[Int(token)] - sum.maximum)) / sum.sum
    }
}
