extension BlockDescription {
    /// RWKV's time mix: for every head a matrix S, `[headLength, headLength]`, that starts at zero, and
    /// parts of a token that are made of rows between its own and the one before.
    ///
    /// `Recurrence.input` are the matrices of receptance r, keys k and values v.
    /// Sources: Peng et al., RWKV 6, <https://arxiv.org/abs/2404.05892>, and RWKV 7,
    /// <https://arxiv.org/abs/2503.14456>.
    public struct TimeMix: Sendable, Hashable {
        /// The length of a head.
        public var headLength: Int
        /// The number of heads.
        public var headCount: Int
        /// The number of heads of keys and values; divides `headCount`.
        public var headCountKV: Int
        /// How the rows are mixed that parts are made of.
        public var shift: Shift
        /// What makes decays of the row for them.
        public var decay: LowRank
        /// What makes the gates of the results.
        public var gate: Gate?
        /// The norm of a head's result, with weights `[headCount · headLength]`; `nil` where there is
        /// none.
        public var norm: Norm?
        /// What is done with the matrix.
        public var update: Update

        /// Describes a time mix.
        public init(
            headLength: Int, headCount: Int, headCountKV: Int, shift: Shift, decay: LowRank,
            gate: Gate?, norm: Norm?, update: Update
        ) {
            self.headLength = headLength
            self.headCount = headCount
            self.headCountKV = headCountKV
            self.shift = shift
            self.decay = decay
            self.gate = gate
            self.norm = norm
            self.update = update
        }

        /// The length of all heads.
        public var width: Int { headCount * headLength }
        /// The block whose values are mixed into these; `nil` in that block, and without.
        public var valueSource: Int? {
            if case .delta(let delta) = update { delta.values?.source } else { nil }
        }
    }
}

extension BlockDescription.TimeMix {
    /// A part of a token that has a row of its own.
    public enum Part: Sendable, Hashable {
        /// What the state is asked with.
        case receptance
        /// The decays.
        case decay
        /// The keys.
        case key
        /// The values.
        case value
        /// The rates of learning.
        case rate
        /// The gates.
        case gate
    }

    /// Rows between a token's row x and the one before, y: `x + (y − x) · factors` for each part.
    public struct Shift: Sendable, Hashable {
        /// The parts, in the order of their factors.
        public var parts: [Part]
        /// The tensor of factors, `[parts, 1, 1, E]`.
        public var factors: String
        /// What is added to the factors for every token.
        public var learned: Learned?

        /// Describes a shift.
        public init(parts: [Part], factors: String, learned: Learned? = nil) {
            self.parts = parts
            self.factors = factors
            self.learned = learned
        }
    }

    /// `second · tanh(first · (x + (y − x) · factors))`, part by part.
    public struct Learned: Sendable, Hashable {
        /// The tensor of factors, `[E]`.
        public var factors: String
        /// The matrix to the short rows of all parts, `[parts · rank, E]`.
        public var first: BlockDescription.Projection
        /// The tensor with a matrix for each part, `[parts, E, rank]`.
        public var second: String

        /// Describes what is learned.
        public init(factors: String, first: BlockDescription.Projection, second: String) {
            self.factors = factors
            self.first = first
            self.second = second
        }
    }

    /// `base + second · first · x`, with a function of the short row between.
    public struct LowRank: Sendable, Hashable {
        /// The matrix to the short row.
        public var first: BlockDescription.Projection
        /// The matrix back.
        public var second: BlockDescription.Projection
        /// The tensor that is added, `[width]`.
        public var base: String?

        /// Describes factors.
        public init(
            first: BlockDescription.Projection, second: BlockDescription.Projection, base: String?
        ) {
            self.first = first
            self.second = second
            self.base = base
        }
    }

    /// What makes gates.
    public enum Gate: Sendable, Hashable {
        /// A matrix, and silu of what it makes.
        case silu(BlockDescription.Projection)
        /// A matrix, and the sigmoid of what it makes.
        case sigmoid(BlockDescription.Projection)
        /// Two factors, with a sigmoid between.
        case lowRank(LowRank)
    }

    /// What a token does with S, row j of which belongs to element j of keys.
    public enum Update: Sendable, Hashable {
        /// RWKV 6: with the decay `w = exp(−exp(d))` the result is `(S + (bonus · k) vᵀ)ᵀ r`, and then
        /// `S ← w S + k vᵀ`. The tensor of the bonus is `[headCount, headLength]`.
        case bonus(String)
        /// Gated linear attention: `S ← w S + ((1 − w) k) vᵀ` and the result is `Sᵀ r / √headLength`.
        case gated
        /// RWKV 7.
        case delta(Delta)
    }

    /// RWKV 7's generalised delta rule.
    ///
    /// With the decay `w = exp(−e^(−1/2) sigmoid(d))`, the rate a, the sigmoid of what `rate` makes,
    /// the key `κ = k · removal` brought to length 1, and `k ← k (1 + (a − 1) · replacement)`:
    /// `S ← w S − (a κ) (Sᵀ κ)ᵀ + k vᵀ`, and the result is `Sᵀ r`, normalised, plus
    /// `v Σ r k · bonus`.
    public struct Delta: Sendable, Hashable {
        /// What makes rates.
        public var rate: LowRank
        /// A tensor, `[width]`.
        public var removal: String
        /// A tensor, `[width]`.
        public var replacement: String
        /// A tensor, `[width]`.
        public var bonus: String
        /// What is taken of another block's values; `nil` in that block.
        public var values: FirstValues?

        /// Describes the rule.
        public init(
            rate: LowRank, removal: String, replacement: String, bonus: String,
            values: FirstValues?
        ) {
            self.rate = rate
            self.removal = removal
            self.replacement = replacement
            self.bonus = bonus
            self.values = values
        }
    }

    /// `v + (v₀ − v) · sigmoid(share)` with another block's values v₀ in place of v.
    public struct FirstValues: Sendable, Hashable {
        /// The other block.
        public var source: Int
        /// What makes the share, of the row for values.
        public var share: LowRank

        /// Describes values.
        public init(source: Int, share: LowRank) {
            self.source = source
            self.share = share
        }
    }
}

extension BlockDescription {
    /// RWKV's channel mix: `output · relu(key · x_k)²`, times the sigmoid of `receptance · x_r` where
    /// there is one, of rows between the normed row and that of the token before, `x + (y − x) · factor`.
    public struct ChannelMix: Sendable, Hashable {
        /// The tensor of factors for keys, `[E]`.
        public var keyFactors: String
        /// What makes the hidden row.
        public var key: Projection
        /// What makes the network's output.
        public var output: Projection
        /// What multiplies that.
        public var receptance: Receptance?

        /// A gate of the output.
        public struct Receptance: Sendable, Hashable {
            /// The tensor of factors, `[E]`.
            public var factors: String
            /// The matrix.
            public var matrix: Projection

            /// Describes a gate.
            public init(factors: String, matrix: Projection) {
                self.factors = factors
                self.matrix = matrix
            }
        }

        /// Describes a channel mix.
        public init(
            keyFactors: String, key: Projection, output: Projection, receptance: Receptance?
        ) {
            self.keyFactors = keyFactors
            self.key = key
            self.output = output
            self.receptance = receptance
        }
    }

    /// Lightning attention: for every head a matrix S, `[headLength, headLength]`, that starts at zero.
    ///
    /// `input` makes for each head its query q, key k and value v, which go through silu, then a gate for
    /// all: `S ← exp(−slope) S + k vᵀ`, and the results `Sᵀ q` of all heads, normalised together, are
    /// multiplied by the sigmoids of the gates.
    /// Source: MiniMax, MiniMax-01, <https://arxiv.org/abs/2501.08313>.
    public struct Lightning: Sendable, Hashable {
        /// The number of heads.
        public var headCount: Int
        /// The length of a query, a key and a value.
        public var headLength: Int
        /// How fast each head forgets, above 0.
        public var slopes: [Float]
        /// The norm of the results.
        public var norm: Norm

        /// Describes lightning attention.
        public init(headCount: Int, headLength: Int, slopes: [Float], norm: Norm) {
            self.headCount = headCount
            self.headLength = headLength
            self.slopes = slopes
            self.norm = norm
        }

        /// The length of all heads.
        public var width: Int { headCount * headLength }
    }
}
