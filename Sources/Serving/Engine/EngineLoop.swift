import Architectures
import Evaluation
import Inference
import Tokenization

/// The engine's thread: what waits, what runs, and one step after the other.
final class EngineLoop {
    /// Room for one text.
    private struct Slot {
        let sequence: SequenceState
        /// The tokens that the sequence knows.
        var tokens: [Int32] = []
        var job: GenerationJob?
        var lastUse = 0
    }

    private let runner: ModelRunner
    private let settings: Engine.Settings
    private let inbox: EngineInbox
    private let embeddings: EmbeddingQueue
    /// Makes vectors of texts with the same matrices.
    let embedder: Embedder
    private let metrics: ServingMetrics
    private let vocabulary: TextVocabulary
    private var slots: [Slot] = []
    private var waiting: [GenerationJob] = []
    /// How many texts of each request have not ended.
    private var openCounts: [Int: Int] = [:]
    private var stepCount = 0
    /// The bytes of all keys and values.
    let byteCount: Int

    init(
        runner: ModelRunner, tokenizer: Tokenizer, settings: Engine.Settings, inbox: EngineInbox,
        embeddings: EmbeddingQueue, metrics: ServingMetrics
    ) throws {
        self.embeddings = embeddings
        embedder = try runner.makeEmbedder(pooling: settings.pooling)
        self.runner = runner
        self.settings = settings
        self.inbox = inbox
        self.metrics = metrics
        vocabulary = TextVocabulary(tokenizer, count: runner.vocabularyCount)
        // An encoder makes vectors and nothing else.
        guard !embedder.model.description.seesAhead else {
            byteCount = 0
            return
        }
        let byteCount = runner.sequenceByteCount(capacity: settings.slotCapacity)
        self.byteCount = byteCount * settings.slotCount
        for _ in 0..<settings.slotCount {
            slots.append(
                Slot(sequence: try runner.makeSequence(capacity: settings.slotCapacity)))
        }
    }

    // MARK: The loop

    func run() {
        while true {
            let isBusy =
                slots.contains { $0.job != nil } || !waiting.isEmpty || !embeddings.isIdle
            noteCounts()
            let mail = inbox.take(waits: !isBusy)
            if mail.isClosed {
                cancelAll(mail)
                embeddings.close()
                return
            }
            receive(mail)
            admit()
            noteCounts()
            settings.beforeStep?()
            step()
            embeddings.step(embedder, tokenLimit: Self.pieceAlone)
        }
    }

    private func receive(_ mail: EngineInbox.Mail) {
        for group in mail.groups where !mail.cancelled.contains(group.number) {
            openCounts[group.number] = group.requests.count
            for index in group.requests.indices {
                waiting.append(
                    GenerationJob(
                        group, index: index, vocabulary: vocabulary,
                        capacity: settings.slotCapacity))
            }
        }
        cancel(mail.cancelled)
    }

    private func cancel(_ numbers: Set<Int>) {
        guard !numbers.isEmpty else { return }
        for job in waiting where numbers.contains(job.group.number) { end(job, .cancelled) }
        waiting.removeAll { numbers.contains($0.group.number) }
        for index in slots.indices {
            guard let job = slots[index].job, numbers.contains(job.group.number) else { continue }
            free(index, .cancelled)
        }
    }

    private func cancelAll(_ mail: EngineInbox.Mail) {
        receive(mail)
        cancel(Set(waiting.map(\.group.number) + slots.compactMap { $0.job?.group.number }))
    }

    // MARK: Slots

    /// Gives free slots to the jobs of those requests that have the fewest running; of these, to the
    /// first that came.
    private func admit() {
        while !waiting.isEmpty, slots.contains(where: { $0.job == nil }) {
            var running: [Int: Int] = [:]
            for slot in slots {
                if let job = slot.job { running[job.group.number, default: 0] += 1 }
            }
            var best: Int?
            for index in waiting.indices where !waitsForSibling(waiting[index]) {
                let count = running[waiting[index].group.number, default: 0]
                if count < best.map({ running[waiting[$0].group.number, default: 0] }) ?? .max {
                    best = index
                }
            }
            guard let best else { return }
            start(waiting.remove(at: best))
        }
    }

    /// Whether another choice of the same prompt is being run through it: its keys and values can be
    /// taken over then.
    private func waitsForSibling(_ job: GenerationJob) -> Bool {
        !job.request.scoresPrompt
            && slots.contains { slot in
                guard let other = slot.job, other.promptEnd == nil else { return false }
                return other.group.number == job.group.number
                    && other.request.prompt == job.request.prompt
            }
    }

    private func start(_ job: GenerationJob) {
        job.begin()
        if job.needsNothing {
            end(job, .length)
            return
        }
        let prompt = job.request.prompt
        // The last token is run in any case: its logits are wanted.
        let wanted = job.request.scoresPrompt ? 0 : prompt.count - 1
        func common(_ tokens: [Int32]) -> Int {
            zip(tokens, prompt.prefix(wanted)).prefix { $0 == $1 }.count
        }
        let free = slots.indices.filter { slots[$0].job == nil }
        // A slot that keeps most of its text goes on; any other loses the oldest text.
        let reusable = free.filter {
            let count = common(slots[$0].tokens)
            return count > 0 && 2 * count >= slots[$0].tokens.count
        }
        let best =
            reusable.max { common(slots[$0].tokens) < common(slots[$1].tokens) }
            ?? free.min { slots[$0].lastUse < slots[$1].lastUse }
        guard let index = best else { return }
        let own = common(slots[index].tokens)
        // Another slot, running or not, may know more of it.
        let other = slots.indices.max { common(known($0)) < common(known($1)) }
        if let other, other != index, common(known(other)) > own {
            job.cachedCount = slots[index].sequence.copyPrefix(
                from: slots[other].sequence, count: common(known(other)))
        } else {
            slots[index].sequence.rewind(to: own)
            // A recurrence cannot go back, and forgets all.
            job.cachedCount = slots[index].sequence.count
        }
        slots[index].tokens = Array(prompt.prefix(job.cachedCount))
        slots[index].job = job
    }

    /// The tokens that a slot's sequence knows now.
    private func known(_ index: Int) -> [Int32] {
        guard let job = slots[index].job else { return slots[index].tokens }
        return Array(job.text.prefix(slots[index].sequence.count))
    }

    /// Ends the job of a slot.
    private func free(
        _ index: Int, _ reason: FinishReason, _ sentence: String? = nil, field: String? = nil
    ) {
        guard let job = slots[index].job else { return }
        slots[index].job = nil
        slots[index].tokens = Array(job.text.prefix(slots[index].sequence.count))
        slots[index].lastUse = stepCount
        end(job, reason, sentence, field: field)
    }

    private func end(
        _ job: GenerationJob, _ reason: FinishReason, _ sentence: String? = nil,
        field: String? = nil
    ) {
        if let sentence { job.fail(sentence, field: field) }
        metrics.ended(job, job.end(reason))
        let number = job.group.number
        openCounts[number, default: 1] -= 1
        guard openCounts[number] == 0 else { return }
        openCounts[number] = nil
        job.group.continuation.finish()
    }

    // MARK: Steps

    /// The tokens of a slot that take part in a step.
    private struct Part {
        let slot: Int
        let range: Range<Int>
    }

    /// Prompt tokens of a step in which others go on, and of one in which none does.
    private static let pieceBesideOthers = 128
    private static let pieceAlone = 512
    /// Prompt tokens of a step that all have logits.
    private static let scoredPiece = 32

    /// One token of every text that goes on, and pieces of prompts: the oldest gets at least a
    /// quarter of them, the rest goes to those with the least left.
    private func parts() -> [Part] {
        var result: [Part] = []
        var prompts: [(slot: Int, count: Int)] = []
        for (index, slot) in slots.enumerated() {
            guard let job = slot.job else { continue }
            let known = slot.sequence.count
            if job.text.count - known == 1, job.promptEnd != nil {
                result.append(Part(slot: index, range: known..<job.text.count))
            } else {
                prompts.append((index, job.text.count - known))
            }
        }
        var budget = result.isEmpty ? Self.pieceAlone : Self.pieceBesideOthers
        guard let oldest = prompts.min(by: { arrival($0.slot) < arrival($1.slot) }) else {
            return result
        }
        var shares = [oldest.slot: min(oldest.count, budget / 4)]
        budget -= shares[oldest.slot] ?? 0
        for (slot, count) in prompts.sorted(by: { $0.count < $1.count }) {
            let more = min(count - shares[slot, default: 0], budget)
            shares[slot, default: 0] += more
            budget -= more
        }
        for (slot, share) in shares.sorted(by: { $0.key < $1.key }) where share > 0 {
            let known = slots[slot].sequence.count
            let limit = slots[slot].job?.request.scoresPrompt == true ? Self.scoredPiece : share
            result.append(Part(slot: slot, range: known..<known + min(share, limit)))
        }
        return result
    }

    private func arrival(_ slot: Int) -> ContinuousClock.Instant {
        slots[slot].job?.group.arrival ?? .now
    }

    private func step() {
        let parts = parts()
        guard !parts.isEmpty else { return }
        stepCount += 1
        do {
            let rows = try runner.step(works(parts))
            distribute(rows, to: parts)
        } catch {
            // One text may have brought the step down: each is tried alone.
            for part in parts {
                do {
                    distribute(try runner.step(works([part])), to: [part])
                } catch {
                    free(part.slot, .error, "\(error)")
                }
            }
        }
        metrics.stepped(batchSize: parts.count)
    }

    private func works(_ parts: [Part]) -> [ModelRunner.Work] {
        parts.compactMap { part in
            guard let job = slots[part.slot].job else { return nil }
            return ModelRunner.Work(
                sequence: slots[part.slot].sequence, tokens: Array(job.text[part.range]),
                scoredCount: scoredCount(part, job))
        }
    }

    private func scoredCount(_ part: Part, _ job: GenerationJob) -> Int {
        job.scoredCount(
            ofLast: part.range.count, endsText: part.range.upperBound == job.text.count)
    }

    private func distribute(_ rows: [[Float]], to parts: [Part]) {
        var row = 0
        for part in parts {
            guard let job = slots[part.slot].job else { continue }
            let count = scoredCount(part, job)
            defer { row += count }
            let before = job.lastToken
            do {
                if let reason = try job.take(
                    rows[row..<row + count], before: part.range.upperBound)
                {
                    free(part.slot, reason)
                }
            } catch {
                free(part.slot, .error, error.problem, field: job.request.grammarField)
            }
            if let before, let last = job.lastToken, last > before {
                metrics.tokenCame(after: (last - before).inSeconds)
            }
        }
    }

    private func noteCounts() {
        let runningCount = slots.count { $0.job != nil }
        let waitingCount = Set(waiting.map(\.group.number)).count
        inbox.note(waitingCount: waitingCount, runningCount: runningCount)
        metrics.set(
            running: runningCount, waiting: waitingCount,
            cachedTokens: slots.reduce(0) { $0 + $1.sequence.count })
    }
}
