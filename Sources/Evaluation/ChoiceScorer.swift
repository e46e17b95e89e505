public import Inference
public import TensorCore
public import Tokenization

/// Scores models on questions with several answers, as llama.cpp's `llama-perplexity` does.
///
/// Every answer is judged by the mean of `ln p` over its tokens; the one with the highest mean is
/// the model's. All models run over the same sequences in one pass.
public struct ChoiceScorer {
    private let decoder: Decoder
    private let state = ForwardState()
    private let tokenizer: Tokenizer

    /// Prepares to score models with the same vocabulary.
    ///
    /// - Throws: `EvaluationError` when the vocabularies differ.
    public init(
        models: [Model], tokenizer: Tokenizer, activations: Activations = .f32,
        pool: WorkerPool = WorkerPool()
    ) throws {
        for model in models.dropFirst() { try VocabularyCheck.compare(model, with: models[0]) }
        decoder = try Decoder(models: models, activations: activations, pool: pool)
        self.tokenizer = tokenizer
    }

    /// A text in tokens, some of which are scored.
    private struct Sequence {
        var tokens: [Int32]
        /// Places of the scored tokens, from 1 on.
        var scored: Range<Int>
        var task: Int
    }

    /// Scores all tasks.
    ///
    /// - Parameter progress: Called with the sequences done and all of them, after every batch.
    /// - Returns: A result for every model.
    /// - Throws: `TokenizationError`, `InferenceError`.
    public func score(
        _ tasks: [ChoiceTask], form: ChoiceTaskForm,
        progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws -> [ChoiceScore] {
        var sequences: [Sequence] = []
        for (index, task) in tasks.enumerated() {
            sequences += try self.sequences(of: task, number: index)
        }
        let means = try means(of: sequences, progress: progress)
        return decoder.models.indices.map { model in
            var place = 0
            let outcomes = tasks.map { task in
                let scores = (0..<task.texts.count).map { means[model][place + $0] }
                place += task.texts.count
                return ChoiceScore.Outcome(
                    scores: scores, chosen: form.choice(scores), isCorrect: task.isCorrect)
            }
            return ChoiceScore(model: decoder.models[model].path, outcomes: outcomes)
        }
    }

    /// What is warned of: tasks longer than the context that a model was trained with.
    public func warnings(_ tasks: [ChoiceTask]) throws -> [EvaluationWarning] {
        var longest = 0
        for (index, task) in tasks.enumerated() {
            for sequence in try sequences(of: task, number: index) {
                longest = max(longest, sequence.tokens.count)
            }
        }
        return decoder.models.filter { longest > $0.contextLength }.map {
            .contextBeyondTraining(
                contextLength: longest, trained: $0.contextLength, model: $0.path)
        }
    }

    private func sequences(of task: ChoiceTask, number: Int) throws -> [Sequence] {
        let tokens = try task.texts.map { try tokenizer.encode($0) }
        let shortest = tokens.map(\.count).min() ?? 0
        var common = 0
        while common < shortest, tokens.allSatisfy({ $0[common] == tokens[0][common] }) {
            common += 1
        }
        // Of each answer at least one token is scored, and the first token of a text never is:
        // nothing predicts it.
        let starts = tokens.map { max(1, min(common, $0.count - 1)) }
        guard let stems = task.stems else {
            return zip(tokens, starts).map {
                Sequence(tokens: $0, scored: min($1, $0.count)..<$0.count, task: number)
            }
        }
        // With more than three tokens after what is common, the choice itself is not scored but
        // what follows it; and the last token, the full stop, is not.
        let skipsChoice = tokens.allSatisfy { $0.count - common > 3 }
        return try zip(zip(tokens, starts), stems).map { pair, stem in
            let (tokens, start) = pair
            let count = skipsChoice ? try tokenizer.encode(stem).count : start
            let from = max(1, min(count, tokens.count - 1))
            let end = tokens.count - from > 1 ? tokens.count - 1 : tokens.count
            return Sequence(tokens: tokens, scored: min(from, end)..<end, task: number)
        }
    }

    /// The mean of `ln p` of every sequence, for each model.
    private func means(
        of sequences: [Sequence], progress: (Int, Int) throws -> Void
    ) throws -> [[Double]] {
        let models = decoder.models.count
        var means = [[Double]](
            repeating: [Double](repeating: 0, count: sequences.count), count: models)
        // Sequences that begin to be scored at about the same place and are about as long waste
        // little on padding, which comes after them and does not change them.
        let order = sequences.indices.sorted {
            let (left, right) = (sequences[$0], sequences[$1])
            return (left.scored.lowerBound / 8, left.tokens.count, $0)
                < (right.scored.lowerBound / 8, right.tokens.count, $1)
        }
        var done = 0
        while done < order.count {
            var (length, first, last) = (2, Int.max, 0)
            var batch: [Int] = []
            for index in order[done...] {
                let sequence = sequences[index]
                let wanted = max(length, sequence.tokens.count)
                if !batch.isEmpty, (batch.count + 1) * wanted > decoder.batchTokenCount { break }
                batch.append(index)
                length = wanted
                guard !sequence.scored.isEmpty else { continue }
                first = min(first, sequence.scored.lowerBound - 1)
                last = max(last, sequence.scored.upperBound - 1)
            }
            done += batch.count
            if first < last {
                try run(batch.map { sequences[$0] }, length: length, scored: first..<last) {
                    for model in means.indices { means[model][batch[$0]] = $1[model] }
                }
            }
            try progress(done, order.count)
        }
        return means
    }

    private func run(
        _ sequences: [Sequence], length: Int, scored: Range<Int>,
        give: (_ sequence: Int, _ means: [Double]) -> Void
    ) throws {
        let windows = sequences.map {
            $0.tokens + [Int32](repeating: $0.tokens.last ?? 0, count: length - $0.tokens.count)
        }
        let targets = sequences.flatMap { sequence in
            scored.map {
                sequence.scored.contains($0 + 1) ? sequence.tokens[$0 + 1] : -1
            }
        }
        let models = decoder.models.count
        let rows = PairedRows(targets: targets, modelCount: models)
        try decoder.forward(Batch(windows: windows, scored: scored), in: state) { rows.add($0) }
        for (index, sequence) in sequences.enumerated() {
            let first = index * scored.count - scored.lowerBound - 1
            give(
                index,
                (0..<models).map { model in
                    let sum = sequence.scored.reduce(0) {
                        $0 - rows.negativeLogLikelihood(row: first + $1, model: model)
                    }
                    return sum / Double(max(1, sequence.scored.count))
                })
        }
    }
}

extension ChoiceTaskForm {
    /// The answer that a model prefers: the first of the highest; of WinoGrande's two the second.
    fileprivate func choice(_ scores: [Double]) -> Int {
        if self == .winogrande { return scores[0] > scores[1] ? 0 : 1 }
        return scores.indices.max {
            scores[$0] < scores[$1] || (scores[$0] == scores[$1] && $0 > $1)
        }
            ?? 0
    }
}
