public import Inference
import TensorCore

/// Measures how fast a model runs prompts and continues texts.
public struct SpeedBenchmark {
    /// What is measured: `pp512`, `tg128`, or one after the other; perhaps behind a text that is
    /// there already.
    public struct Test: Sendable, Hashable {
        /// Tokens of the prompt, run in steps as large as the decoder takes them.
        public var promptCount: Int
        /// Tokens after it, each a step whose logits are made.
        public var generationCount: Int
        /// Tokens before both, not in the time.
        public var depth: Int

        /// Describes a test.
        public init(promptCount: Int, generationCount: Int, depth: Int = 0) {
            self.promptCount = promptCount
            self.generationCount = generationCount
            self.depth = depth
        }

        /// The name that benchmarks of engines give it.
        public var name: String {
            let parts =
                (promptCount > 0 && generationCount == 0 ? ["pp\(promptCount)"] : [])
                + (generationCount > 0 && promptCount == 0 ? ["tg\(generationCount)"] : [])
                + (generationCount > 0 && promptCount > 0
                    ? ["pp\(promptCount)+tg\(generationCount)"] : [])
            return (parts + (depth > 0 ? ["@ d\(depth)"] : [])).joined(separator: " ")
        }

        /// The tokens that are in the time.
        public var tokenCount: Int { promptCount + generationCount }
    }

    private let decoder: StreamDecoder
    private let batchCount: Int

    /// - Parameter batchCount: The most tokens of a prompt that a step takes.
    public init(_ decoder: StreamDecoder, batchCount: Int) {
        self.decoder = decoder
        self.batchCount = max(1, batchCount)
    }

    /// Runs a test some times, after a short run that is not counted.
    ///
    /// - Returns: The nanoseconds of each run.
    /// - Throws: `InferenceError`.
    public func run(
        _ test: Test, repetitions: Int, isWarm: Bool = true,
        progress: (Int) -> Void = { _ in }
    ) throws -> [UInt64] {
        let sequence = try decoder.makeSequence(capacity: max(1, test.depth + test.tokenCount))
        if isWarm {
            if test.promptCount > 0 { try prompt(min(test.promptCount, batchCount), sequence) }
            if test.generationCount > 0, test.promptCount == 0 { try generate(1, sequence) }
            sequence.rewind(to: 0)
        }
        return try (0..<repetitions).map { repetition in
            sequence.rewind(to: 0)
            try prompt(test.depth, sequence)
            let elapsed = try ContinuousClock().measure {
                try prompt(test.promptCount, sequence)
                try generate(test.generationCount, sequence)
            }
            progress(repetition)
            let (seconds, attoseconds) = elapsed.components
            return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
        }
    }

    private func prompt(_ count: Int, _ sequence: SequenceState) throws {
        var left = count
        while left > 0 {
            let tokens = (0..<min(left, batchCount)).map { token(sequence.count + $0) }
            left -= tokens.count
            // The logits of what follows a prompt belong to it.
            let scored = left == 0 ? tokens.count - 1..<tokens.count : 0..<0
            _ = try decoder.step(
                Batch([Stretch(tokens: tokens, scored: scored, sequence: sequence)]))
        }
    }

    private func generate(_ count: Int, _ sequence: SequenceState) throws {
        for _ in 0..<count {
            _ = try decoder.step(
                Batch([
                    Stretch(tokens: [token(sequence.count)], scored: 0..<1, sequence: sequence)
                ]))
        }
    }

    /// Some token; which one makes no difference to the time.
    private func token(_ position: Int) -> Int32 {
        let mixed = UInt64(position) &* 0x9E37_79B9_7F4A_7C15
        return Int32((mixed >> 33) % UInt64(decoder.model.vocabularyCount))
    }
}
