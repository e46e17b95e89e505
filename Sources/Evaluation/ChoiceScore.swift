/// How a model did on questions with several answers.
public struct ChoiceScore: Sendable, Hashable {
    /// How it did on one.
    public struct Outcome: Sendable, Hashable {
        /// The mean of `ln p` over each answer's tokens.
        public var scores: [Double]
        /// The answer with the highest.
        public var chosen: Int
        /// Whether each answer is right.
        public var isCorrect: [Bool]
        /// Creates an outcome.
        public init(scores: [Double], chosen: Int, isCorrect: [Bool]) {
            self.scores = scores
            self.chosen = chosen
            self.isCorrect = isCorrect
        }

        /// Whether the chosen one is.
        public var isRight: Bool { isCorrect[chosen] }
    }

    /// The model's file.
    public let model: String
    /// The outcomes, in the order of the tasks.
    public let outcomes: [Outcome]

    /// Creates a score.
    public init(model: String, outcomes: [Outcome]) {
        self.model = model
        self.outcomes = outcomes
    }

    /// The number of tasks answered right.
    public var rightCount: Int { outcomes.count { $0.isRight } }

    /// The share of tasks answered right, with its binomial standard error.
    public var accuracy: Estimate {
        let count = max(1, outcomes.count)
        return Estimate(share: Double(rightCount) / Double(count), of: count)
    }

    /// The 95 % confidence interval of the share (Wilson's score interval, which stays within 0
    /// and 1 and holds for few tasks).
    ///
    /// Source: E. B. Wilson, JASA 22, 1927.
    public var interval: ClosedRange<Double> {
        let count = Double(max(1, outcomes.count))
        let share = Double(rightCount) / count
        let z = 1.959_963_984_54
        let center = share + z * z / (2 * count)
        let spread = z * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
        let scale = 1 + z * z / count
        return max(0, (center - spread) / scale)...min(1, (center + spread) / scale)
    }

    /// The share that a choice by lot gets right.
    public var chance: Double {
        guard !outcomes.isEmpty else { return 0 }
        return outcomes.reduce(0) {
            $0 + Double($1.isCorrect.count { $0 }) / Double($1.isCorrect.count)
        } / Double(outcomes.count)
    }

    /// The difference in accuracy to `base` on the same tasks, as paired samples: what both get
    /// right or wrong does not count as error.
    public func difference(from base: ChoiceScore) -> Estimate {
        var moments = Moments()
        for (own, other) in zip(outcomes, base.outcomes) {
            moments.add((own.isRight ? 1 : 0) - (other.isRight ? 1 : 0))
        }
        return Estimate(moments)
    }

    /// The share of tasks where both choose the same answer.
    public func agreement(with base: ChoiceScore) -> Estimate {
        var moments = Moments()
        for (own, other) in zip(outcomes, base.outcomes) {
            moments.add(own.chosen == other.chosen ? 1 : 0)
        }
        return Estimate(moments)
    }
}
