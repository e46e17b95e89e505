#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension BlockDescription {
    /// Attention over heads that share keys and values in groups.
    public struct Attention: Sendable, Hashable {
        /// What a norm of queries or keys takes as its row.
        public enum NormScope: Sendable, Hashable {
            /// Every head by itself, all with the same weights, `[length]`.
            case head
            /// Every head by itself, each with weights of its own, `[heads, length]`.
            case eachHead
            /// All heads of a position together, `[heads · length]`.
            case row
        }

        /// The number of query heads.
        public var headCount: Int
        /// The number of key and value heads; divides `headCount`.
        public var headCountKV: Int
        /// The length of a query and a key.
        public var keyLength: Int
        /// The length of a value.
        public var valueLength: Int
        /// What makes queries, keys and values.
        ///
        /// Three matrices, or one whose rows are the queries, then the keys, then the values. With
        /// `latent`, what makes the latent rows.
        public var input: [Projection]
        /// How queries, keys and values come of compressed rows; `nil` where `input` makes them.
        public var latent: Latent?
        /// What makes the block's output of the heads' values.
        public var output: Projection
        /// Queries, keys and values are cut to at most this, and at least its negative.
        public var inputLimit: Float?
        /// A norm of the queries.
        public var queryNorm: Norm?
        /// A norm of the keys.
        public var keyNorm: Norm?
        /// A tensor, `[headCount, 1]`, with a number for each query head that multiplies its queries
        /// once they are normalised and turned.
        public var queryGains: String?
        /// What both norms take as a row.
        public var normScope = NormScope.head
        /// Whether both norms come after the rotation, not before it.
        public var normAfterRotation = false
        /// How positions are told; `nil` where they are not.
        public var rotary: Rotary?
        /// What scores are multiplied by.
        public var scale: Float
        /// A scale of queries that grows with their position.
        public var temperature: Temperature?
        /// Whether a query sees its own position and earlier ones only; otherwise it sees all (encoders).
        public var isCausal = true
        /// How many positions a causal query sees, its own included; `nil` for all before it.
        ///
        /// Without causality a query sees those at most half of this away, on both sides.
        public var window: Int?
        /// Positions are cut into chunks of this length, and a query sees those of its own only.
        public var chunk: Int?
        /// `cap · tanh(score / cap)`, before the softmax.
        public var softCap: Float?
        /// A norm of every value head.
        public var valueNorm: Norm?
        /// Whether values are the keys as the input makes them, before norm and rotation.
        public var valuesAreKeys = false
        /// The block whose keys and values, which are of the same shape, these queries go to; `input`
        /// makes queries only then.
        public var source: Int?
        /// Whether each query head is followed by as many numbers, whose sigmoids multiply the
        /// head's result; keys and values are of one length then.
        public var isGated = false
        /// What makes, of the rows that `input` takes, a number for each element of the heads'
        /// results, or one for each head's, of which `gateFunction` makes what multiplies it.
        public var gate: Projection?
        /// What gates go through.
        public var gateFunction = GateFunction.sigmoid
        /// What values are multiplied by.
        public var valueScale: Float = 1
        /// The tensor with a score for each query head, `[headCount]`, that takes part in its
        /// softmax and stands for no position.
        public var sinks: String?
        /// Scores fall linearly with the distance, by slopes that are powers of `2^(−bias / heads)`.
        ///
        /// Source: Press et al., ALiBi, <https://arxiv.org/abs/2108.12409>.
        public var alibiBias: Float?
        /// Numbers learned for distances that are added to scores.
        public var relativeBias: RelativeBias?

        /// Describes attention with the usual scale, `1 / sqrt(keyLength)`.
        public init(
            headCount: Int, headCountKV: Int, keyLength: Int, valueLength: Int,
            input: [Projection], output: Projection, rotary: Rotary?
        ) {
            self.headCount = headCount
            self.headCountKV = headCountKV
            self.keyLength = keyLength
            self.valueLength = valueLength
            self.input = input
            self.output = output
            self.rotary = rotary
            scale = 1 / Float(keyLength).squareRoot()
        }

        /// The numbers from one query head to the next.
        public var queryStride: Int { isGated ? 2 * keyLength : keyLength }
        /// The length of all queries of a position, with their gates.
        public var queryWidth: Int { headCount * queryStride }
        /// The length of all keys of a position.
        public var keyWidth: Int { headCountKV * keyLength }
        /// The length of all values of a position.
        public var valueWidth: Int { headCountKV * valueLength }
    }

    /// What makes a factor of a gate's number.
    public enum GateFunction: Sendable, Hashable {
        /// `1 / (1 + exp(−x))`
        case sigmoid
        /// `ln(1 + exp(x))`
        case softplus
    }

    /// A score's learned part, by head and by the bucket that the distance from query to key is in.
    ///
    /// Half of the buckets are for keys behind the query. Half of each side's are for one distance
    /// each, the others grow with the logarithm up to `longest`, from which on the last one counts.
    /// Source: Raffel et al., T5, <https://arxiv.org/abs/1910.10683>.
    public struct RelativeBias: Sendable, Hashable {
        /// The tensor, `[buckets, heads]`.
        public var tensor: String
        /// The number of buckets, of both sides.
        public var bucketCount: Int
        /// The distance from which on all are alike.
        public var longest: Int

        /// Describes biases.
        public init(_ tensor: String, bucketCount: Int, longest: Int = 128) {
            self.tensor = tensor
            self.bucketCount = bucketCount
            self.longest = longest
        }

        /// The bucket of a key that is `distance` positions behind the query; negative before it.
        public func bucket(distance: Int) -> Int {
            let side = bucketCount / 2
            let exact = side / 2
            let size = abs(distance)
            let start = distance > 0 ? side : 0
            guard size >= exact, exact > 0, longest > exact else {
                return start + min(size, max(0, side - 1))
            }
            let ratio =
                log(Float(size) / Float(exact)) / Float(log(Double(longest) / Double(exact)))
            return start + min(side - 1, exact + Int(ratio * Float(side - exact)))
        }
    }

    /// Queries multiplied by `1 + scale · ln(1 + floor((position + offset) / length))`.
    public struct Temperature: Sendable, Hashable {
        /// What the logarithm is multiplied by.
        public var scale: Float
        /// The positions that share one factor.
        public var length: Int
        /// The number of the first position.
        public var offset: Int

        /// Describes a temperature.
        public init(scale: Float, length: Int, offset: Int = 1) {
            self.scale = scale
            self.length = length
            self.offset = offset
        }
    }

    /// Keys and values made from a short row that all heads share, as in DeepSeek-V2's multi-head
    /// latent attention.
    ///
    /// `Attention.input` makes, of the block's normed row, the queries (or their latent row), and
    /// below them the keys' latent row followed by the part of the key that turns and that all
    /// heads share. A head's query and key are the part that stays, then the part that turns.
    /// Source: DeepSeek-AI, DeepSeek-V2, <https://arxiv.org/abs/2405.04434>.
    public struct Latent: Sendable, Hashable {
        /// How the latent row becomes keys and values.
        public enum Expansion: Sendable, Hashable {
            /// One matrix, `[heads · (staying + valueLength), rank]`: each head's key, then its
            /// value.
            case together(String)
            /// `keys` is `[heads, rank, staying]`, the transposed matrix of each head; `values` is
            /// `[heads, valueLength, rank]`.
            case apart(keys: String, values: String)
        }

        /// A norm of the queries' latent row.
        public var queryNorm: Norm?
        /// What makes queries of their latent row; `nil` where the input makes queries at once.
        public var queries: Projection?
        /// A norm of the latent row of keys and values.
        public var norm: Norm?
        /// A norm of the part of the key that turns, before it does.
        public var rotatedNorm: Norm?
        /// The length of the latent row of keys and values.
        public var rank: Int
        /// How many elements of a key turn.
        public var rotatedLength: Int
        /// How the latent row becomes keys and values.
        public var expansion: Expansion

        /// Describes latent rows.
        public init(
            queryNorm: Norm?, queries: Projection?, norm: Norm?, rank: Int, rotatedLength: Int,
            expansion: Expansion
        ) {
            self.queryNorm = queryNorm
            self.queries = queries
            self.norm = norm
            self.rank = rank
            self.rotatedLength = rotatedLength
            self.expansion = expansion
        }
    }
}

extension BlockDescription.Attention {
    /// How fast the scores of a head fall with the distance.
    ///
    /// Heads up to the largest power of two have the slopes of that number of heads; the rest take
    /// every other slope of twice that number.
    public func alibiSlope(head: Int, bias: Float) -> Float {
        var power = 1
        while power * 2 <= headCount { power *= 2 }
        let exponent =
            head < power
            ? -bias * Float(head + 1) / Float(power)
            : -bias * Float(2 * (head - power) + 1) / Float(2 * power)
        return exp2(exponent)
    }
}

extension BlockDescription.Temperature {
    /// What the queries at a position are multiplied by.
    public func factor(at position: Int) -> Float {
        1 + scale * log(1 + Float((position + offset) / length))
    }
}
