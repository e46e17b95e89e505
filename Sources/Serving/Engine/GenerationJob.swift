import Evaluation
import Grammars
import Tokenization

/// One text of a request on its way through the engine.
final class GenerationJob {
    let group: EngineInbox.Group
    let index: Int
    let request: GenerationRequest
    /// The prompt and what was added.
    private(set) var text: [Int32]
    /// How many tokens were added.
    private(set) var addedCount = 0
    /// How many tokens of the prompt were known.
    var cachedCount = 0
    /// When the job found a slot, when its prompt was run, and when its last token came.
    private(set) var start = ContinuousClock.now
    private(set) var promptEnd: ContinuousClock.Instant?
    private(set) var lastToken: ContinuousClock.Instant?
    /// Seconds between tokens, for the metrics.
    private(set) var firstTokenSeconds: Double?
    private var sampler: Sampler
    private var tail: TextTail
    private var constraint: TokenConstraint?
    private var promptScores: [ScoredToken] = []
    private let vocabulary: TextVocabulary
    private let limit: Int

    init(
        _ group: EngineInbox.Group, index: Int, vocabulary: TextVocabulary, capacity: Int
    ) {
        self.group = group
        self.index = index
        self.vocabulary = vocabulary
        request = group.requests[index]
        text = request.prompt
        let room = max(0, capacity - request.prompt.count)
        limit = min(request.limit ?? room, room)
        sampler = Sampler(request.sampling)
        tail = TextTail(
            tokenizer: vocabulary.tokenizer, after: request.prompt.last ?? 0, stops: request.stops,
            shownControl: request.shownControl)
        if let grammar = request.grammar {
            constraint = vocabulary.constraint(grammar, controls: request.shownControl)
        }
    }

    /// Begins in a slot.
    func begin() { start = .now }

    /// Whether it needs no step at all.
    var needsNothing: Bool { limit == 0 && !request.scoresPrompt }

    /// How many of the last of so many untold tokens are to have logits, when the last of the text is
    /// among them or not.
    func scoredCount(ofLast count: Int, endsText: Bool) -> Int {
        if request.scoresPrompt, addedCount == 0 { return count }
        return endsText ? 1 : 0
    }

    /// Takes the logits of the tokens before `position` in the text, the last of them last.
    ///
    /// - Returns: Why the text ends, when it does.
    func take(_ rows: ArraySlice<[Float]>, before position: Int) throws(GrammarDeadEnd)
        -> FinishReason?
    {
        if request.scoresPrompt, addedCount == 0 {
            if promptScores.isEmpty { promptScores.append(scored(text[0], logits: nil)) }
            let first = position - rows.count
            for (offset, row) in rows.enumerated() where first + offset + 1 < text.count {
                promptScores.append(scored(text[first + offset + 1], logits: row))
            }
        }
        guard position == text.count, let last = rows.last else { return nil }
        if promptEnd == nil {
            promptEnd = .now
            emit(.prompt(cachedCount: cachedCount, scores: promptScores))
            if limit == 0 { return .length }
        }
        return try add(last)
    }

    /// Adds the token that follows from some logits.
    private func add(_ logits: [Float]) throws(GrammarDeadEnd) -> FinishReason? {
        let token = try pick(logits)
        let now = ContinuousClock.now
        if lastToken == nil { firstTokenSeconds = (now - group.arrival).inSeconds }
        lastToken = now
        if vocabulary.ends.contains(token), !request.ignoresEnd { return .stop }
        text.append(token)
        addedCount += 1
        let piece = tail.add(
            request.topCount == nil
                ? ScoredToken(token: token, bytes: tail.bytes(of: token))
                : scored(token, logits: logits))
        emit(piece)
        if tail.stop != nil || constraint?.isAtEnd == true { return .stop }
        return addedCount == limit ? .length : nil
    }

    private func pick(_ logits: [Float]) throws(GrammarDeadEnd) -> Int32 {
        if constraint == nil, request.adjustment.isNeutral, !request.ignoresEnd {
            return sampler.draw(logits)
        }
        var adjusted = logits
        request.adjustment.apply(to: &adjusted, text: text, addedCount: addedCount)
        if request.ignoresEnd {
            for end in vocabulary.ends where adjusted.indices.contains(Int(end)) {
                adjusted[Int(end)] = -.infinity
            }
        }
        return try constraint?.pick(adjusted, with: &sampler) ?? sampler.draw(adjusted)
    }

    private func scored(_ token: Int32, logits: [Float]?) -> ScoredToken {
        var result = ScoredToken(token: token, bytes: tail.bytes(of: token))
        guard let logits, let maximum = logits.max() else { return result }
        var sum = 0.0
        for logit in logits { sum += exponential(Double(logit - maximum)) }
        let offset = Double(maximum) + logarithm(sum)
        if logits.indices.contains(Int(token)) {
            result.logProbability = Double(logits[Int(token)]) - offset
        }
        if let count = request.topCount, count > 0 {
            result.top = Sampler.largest(count, of: logits).map { index in
                ScoredToken.Alternative(
                    token: Int32(index),
                    bytes: index == Int(token) ? result.bytes : tail.name(of: Int32(index)),
                    logProbability: Double(logits[index]) - offset)
            }
        }
        return result
    }

    // MARK: Telling

    private func emit(_ event: GenerationEvent) {
        group.continuation.yield((index, event))
    }

    private func emit(_ piece: (text: String, tokens: [ScoredToken])) {
        let tokens = request.topCount == nil ? [] : piece.tokens
        guard !piece.text.isEmpty || !tokens.isEmpty else { return }
        emit(.text(piece.text, tokens: tokens))
    }

    /// Tells the end.
    func end(_ reason: FinishReason) -> GenerationOutcome {
        emit(tail.finish())
        let now = ContinuousClock.now
        let outcome = GenerationOutcome(
            reason: reason, stop: tail.stop, promptCount: request.prompt.count,
            cachedCount: cachedCount, addedCount: addedCount,
            queueSeconds: (start - group.arrival).inSeconds,
            promptSeconds: ((promptEnd ?? now) - start).inSeconds,
            addedSeconds: promptEnd.map { ((lastToken ?? now) - $0).inSeconds } ?? 0)
        emit(.end(outcome))
        return outcome
    }

    /// Tells that it cannot be gone on with.
    func fail(_ sentence: String, field: String?) { emit(.failure(sentence, field: field)) }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
