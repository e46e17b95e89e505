#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension BlockDescription {
    /// A rotation of queries and keys by angles proportional to the position.
    ///
    /// Pair `i` of `dimensionCount / 2` turns by
    /// `position · positionScale · base^(−2i / dimensionCount)`. Source: Su et al., RoFormer, <https://arxiv.org/abs/2104.09864>.
    public struct Rotary: Sendable, Hashable {
        /// Which two elements are a pair.
        public enum Pairing: Sendable, Hashable {
            /// Neighbours, 2i and 2i + 1.
            case interleaved
            /// i and i + dimensionCount / 2.
            case halves
        }

        /// Which two elements are a pair.
        public var pairing: Pairing
        /// How many elements of a head turn; the rest stay.
        public var dimensionCount: Int
        /// How many elements of a head come before those that turn.
        public var offset = 0
        /// The base of the angles.
        public var base: Double
        /// What positions are multiplied by: the inverse of a linear scaling factor.
        public var positionScale: Double = 1
        /// A scaling that slows down long waves only.
        public var yarn: YaRN?
        /// A tensor with a divisor of the angle for each pair.
        public var factors: String?
        /// How many divisors the tensor has, where there are more than turning pairs.
        public var factorCount: Int?
        /// Another tensor of divisors, for contexts beyond a length.
        public var longFactors: LongFactors?
        /// What the turned elements are multiplied by.
        public var magnitude: Float = 1

        /// Describes a rotation.
        public init(pairing: Pairing, dimensionCount: Int, base: Double) {
            self.pairing = pairing
            self.dimensionCount = dimensionCount
            self.base = base
        }

        /// Leaves the plain rotation: families with sliding windows stretch only the blocks that
        /// see the whole context.
        public mutating func removeScaling() {
            positionScale = 1
            yarn = nil
            factors = nil
            longFactors = nil
            magnitude = 1
        }
    }

    /// The divisors of angles that take over in contexts longer than `contextLength`.
    public struct LongFactors: Sendable, Hashable {
        /// The tensor with a divisor for each pair.
        public var tensor: String
        /// The longest context that does without.
        public var contextLength: Int

        /// Describes divisors.
        public init(_ tensor: String, beyond contextLength: Int) {
            self.tensor = tensor
            self.contextLength = contextLength
        }
    }

    /// A scaling of rotations by wave length: pairs that make many turns in the original context
    /// stay, those that make few are slowed down by `factor`, and those between are blended.
    ///
    /// Source: Peng et al., YaRN, <https://arxiv.org/abs/2309.00071>.
    public struct YaRN: Sendable, Hashable {
        /// How much longer the context has become.
        public var factor: Double
        /// The context before.
        public var originalContextLength: Int
        /// The number of turns from which a pair stays.
        public var betaFast: Double
        /// The number of turns below which a pair is slowed down in full.
        public var betaSlow: Double
        /// Whether the pairs where the blend starts and ends are rounded to whole numbers.
        public var truncates: Bool

        /// Describes a scaling.
        public init(
            factor: Double, originalContextLength: Int, betaFast: Double = 32,
            betaSlow: Double = 1, truncates: Bool = true
        ) {
            self.factor = factor
            self.originalContextLength = originalContextLength
            self.betaFast = betaFast
            self.betaSlow = betaSlow
            self.truncates = truncates
        }

        /// How much of its unscaled angle each pair keeps, from 0 to 1.
        public func kept(dimensionCount: Int, base: Double) -> [Double] {
            let (low, high) = ramp(dimensionCount: dimensionCount, base: base)
            return (0..<dimensionCount / 2).map {
                1 - min(1, max(0, (Double($0) - low) / (high - low)))
            }
        }

        /// The pairs where the blend starts and ends.
        private func ramp(dimensionCount: Int, base: Double) -> (Double, Double) {
            func pair(turns: Double) -> Double {
                Double(dimensionCount) * log(Double(originalContextLength) / (turns * 2 * .pi))
                    / (2 * log(base))
            }
            var (low, high) = (pair(turns: betaFast), pair(turns: betaSlow))
            if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            low = max(low, 0)
            high = min(high, Double(dimensionCount - 1))
            return low == high ? (low, high + 0.001) : (low, high)
        }
    }
}
