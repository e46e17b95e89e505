#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Picks the next token of a text from its logits.
///
/// Tokens are left out one way after the other, as llama.cpp does: all but the `topK` most
/// probable, all beyond a total probability of `topP`, all less probable than `minP` times the most
/// probable one; then logits are divided by the temperature and one token is drawn.
public struct Sampler: Sendable {
    /// How tokens are picked.
    public struct Settings: Sendable, Hashable {
        /// What logits are divided by; 0 picks the most probable token always.
        public var temperature: Float
        /// How many tokens stay; 0 for all.
        public var topK: Int
        /// The total probability of the tokens that stay; 1 for all.
        public var topP: Float
        /// The least probability of the tokens that stay, as a share of the largest; 0 for all.
        public var minP: Float
        /// The same numbers follow from the same seed on every machine.
        public var seed: UInt64

        /// Creates settings; without arguments, those of the most probable token.
        public init(
            temperature: Float = 0, topK: Int = 40, topP: Float = 0.95, minP: Float = 0.05,
            seed: UInt64 = 0
        ) {
            self.temperature = temperature
            self.topK = topK
            self.topP = topP
            self.minP = minP
            self.seed = seed
        }
    }

    /// How tokens are picked.
    let settings: Settings
    private var state: UInt64

    /// Starts a sequence of picks.
    public init(_ settings: Settings) {
        self.settings = settings
        state = settings.seed
    }

    /// Picks a token; with its probability before any was left out.
    ///
    /// - Complexity: As `draw`.
    public mutating func pick(_ logits: [Float]) -> (token: Int32, probability: Double) {
        let token = draw(logits)
        return (token, Sampler.probability(of: token, logits))
    }

    /// The probability of a token before any is left out.
    static func probability(of token: Int32, _ logits: [Float]) -> Double {
        guard let maximum = logits.max() else { return 0 }
        let total = logits.reduce(0.0) { $0 + exp(Double($1 - maximum)) }
        return exp(Double(logits[Int(token)] - maximum)) / total
    }

    /// Picks a token; those with a logit of minus infinity are never drawn.
    ///
    /// - Complexity: O(n) in the size of the vocabulary for the most probable token and with `topK`;
    ///   O(n log n) at most without.
    public mutating func draw(_ logits: [Float]) -> Int32 {
        guard settings.temperature > 0 else { return Sampler.mostProbable(logits) }
        let kept = candidates(logits)
        guard let first = kept.first else { return 0 }
        let weights = kept.map {
            exp(Double((logits[$0] - logits[first]) / settings.temperature))
        }
        var rest = unit() * weights.reduce(0, +)
        for (token, weight) in zip(kept, weights) {
            rest -= weight
            if rest < 0 { return Int32(token) }
        }
        return Int32(kept[kept.count - 1])
    }

    /// The token with the largest logit, the first of equal ones; 0 where there are none.
    public static func mostProbable(_ logits: [Float]) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }

    /// The tokens with the largest logits, the largest first; equal ones in the order of the tokens,
    /// which is the same on every machine.
    ///
    /// - Complexity: O(n) in the number of logits for a small `count`.
    public static func largest(_ count: Int, of logits: [Float]) -> [Int] {
        guard count < logits.count / 16 else {
            return Array(
                logits.indices.sorted {
                    logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1)
                }.prefix(count))
        }
        var kept: [Int] = []
        kept.reserveCapacity(count + 1)
        var least = -Float.infinity
        for index in logits.indices where kept.count < count || logits[index] > least {
            var low = 0
            var high = kept.count
            while low < high {
                let middle = (low + high) / 2
                if logits[kept[middle]] >= logits[index] { low = middle + 1 } else { high = middle }
            }
            kept.insert(index, at: low)
            if kept.count > count { kept.removeLast() }
            if let last = kept.last { least = logits[last] }
        }
        return kept
    }

    /// The tokens that stay, the most probable first.
    private func candidates(_ logits: [Float]) -> [Int] {
        var kept = Sampler.largest(
            settings.topK > 0 ? min(settings.topK, logits.count) : logits.count, of: logits)
        guard let first = kept.first else { return kept }
        if logits[kept[kept.count - 1]] == -.infinity {
            kept.removeAll { logits[$0] == -.infinity }
            if kept.isEmpty { return [first] }
        }
        let weights = kept.map { exp(Double(logits[$0] - logits[first])) }
        var count = kept.count
        if settings.topP < 1 {
            let wanted = Double(settings.topP) * weights.reduce(0, +)
            var sum = 0.0
            for (index, weight) in weights.enumerated() {
                sum += weight
                if sum >= wanted {
                    count = index + 1
                    break
                }
            }
        }
        if settings.minP > 0 {
            let least = Double(settings.minP)
            count = min(count, weights.firstIndex { $0 < least } ?? count)
        }
        return Array(kept.prefix(max(1, count)))
    }

    /// A number in 0 ..< 1.
    ///
    /// Source: SplitMix64, Steele and others, OOPSLA 2014.
    private mutating func unit() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return Double(value >> 11) * 0x1p-53
    }
}
