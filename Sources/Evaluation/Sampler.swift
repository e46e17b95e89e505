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

    private let settings: Settings
    private var state: UInt64

    /// Starts a sequence of picks.
    public init(_ settings: Settings) {
        self.settings = settings
        state = settings.seed
    }

    /// Picks a token; with its probability before any was left out.
    ///
    /// - Complexity: O(n log n) in the size of the vocabulary; O(n) for the most probable token.
    public mutating func pick(_ logits: [Float]) -> (token: Int32, probability: Double) {
        let top = logits.indices.max { logits[$0] < logits[$1] } ?? 0
        let maximum = logits.isEmpty ? 0 : logits[top]
        let total = logits.reduce(0.0) { $0 + exp(Double($1 - maximum)) }
        var chosen = top
        if settings.temperature > 0 {
            let kept = candidates(logits)
            let weights = kept.map {
                exp(Double((logits[$0] - maximum) / settings.temperature))
            }
            var rest = unit() * weights.reduce(0, +)
            chosen = kept.last ?? top
            for (token, weight) in zip(kept, weights) {
                rest -= weight
                if rest < 0 {
                    chosen = token
                    break
                }
            }
        }
        let probability = total > 0 ? exp(Double(logits[chosen] - maximum)) / total : 0
        return (Int32(chosen), probability)
    }

    /// The tokens that stay, the most probable first.
    private func candidates(_ logits: [Float]) -> [Int] {
        // Equal logits in the order of the tokens: the same on every machine.
        var kept = logits.indices.sorted {
            logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1)
        }
        if settings.topK > 0 { kept = Array(kept.prefix(settings.topK)) }
        guard let first = kept.first else { return kept }
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
