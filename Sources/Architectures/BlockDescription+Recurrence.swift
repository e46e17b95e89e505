extension BlockDescription {
    /// A mixer that walks over a text with a state of fixed size: in place of attention, its cost
    /// does not grow with the text.
    ///
    /// A row goes through `input`, then through what `kind` says, then through `output`.
    public struct Recurrence: Sendable, Hashable {
        /// What is between the two projections.
        public enum Kind: Sendable, Hashable {
            /// A matrix of associations for every head, corrected from token to token.
            case deltaRule(DeltaRule)
            /// The same with a decay for every element of a key.
            case kimiDelta(KimiDelta)
            /// A gated convolution over the last positions, and no other memory.
            ///
            /// `input` makes three parts as wide as the output's input: b, c and x. The result is
            /// c times the convolution of b times x. Source: Liquid AI, LFM2,
            /// <https://arxiv.org/abs/2511.23404>.
            case shortConvolution(Convolution)
            /// A state for every channel that decays and takes in as each token says.
            case selectiveScan(SelectiveScan)
            /// A matrix for every head that decays and takes in as each token says.
            case stateSpace(StateSpace)
            /// A selective scan with one step and one decay for all channels of a head.
            case headScan(HeadScan)
            /// A matrix for every head that decays by a constant.
            case lightning(Lightning)
            /// RWKV's matrix for every head, of rows that are mixed with the one before.
            case timeMix(TimeMix)
        }

        /// What makes the parts that `kind` works on, one below the other; of a time mix each part of
        /// a row of its own.
        public var input: [Projection]
        /// What makes the block's output.
        public var output: Projection
        /// What is between.
        public var kind: Kind

        /// Describes a recurrence.
        public init(input: [Projection], output: Projection, kind: Kind) {
            self.input = input
            self.output = output
            self.kind = kind
        }
    }

    /// A convolution of every channel by itself over the last positions; positions before the text
    /// are zero.
    public struct Convolution: Sendable, Hashable {
        /// The tensor of weights, `[channels, length]`, the last position's last.
        public var weight: String
        /// The tensor that is added, `[channels]`.
        public var bias: String?
        /// How many positions take part.
        public var length: Int
        /// Whether half of them follow the position, in texts that are there as a whole (encoders);
        /// only short convolutions are.
        public var isCentred = false

        /// Describes a convolution.
        public init(_ weight: String, bias: String?, length: Int) {
            self.weight = weight
            self.bias = bias
            self.length = length
        }
    }

    /// The gated delta rule: for every value head a matrix S, `[keyLength, valueLength]`, that
    /// starts at zero.
    ///
    /// With the head's query q, key k (both of length 1, q divided by the root of its length), value
    /// v, and its gates: `S ← S · exp(decay · softplus(alpha + stepBias))`, then
    /// `S ← S + k (v − Sᵀ k)ᵀ · sigmoid(beta)`, and the result is `Sᵀ q`, normalised and multiplied by
    /// silu of a gate z.
    ///
    /// `input` makes all heads' queries, keys and values, which go through the convolution and silu
    /// first, then z, then alpha and beta as `gates` says.
    /// Source: Yang et al., Gated Delta Networks, <https://arxiv.org/abs/2412.06464>.
    public struct DeltaRule: Sendable, Hashable {
        /// How value heads share key heads, and where their gates are.
        public enum Sharing: Sendable, Hashable {
            /// The value heads of a key head are neighbours. Of each key head's value heads there
            /// are first all betas, then all alphas.
            case neighbours
            /// Value head `i` takes key head `i` modulo their number. First are all alphas, then
            /// all betas.
            case turns
        }

        /// The number of query and key heads; divides that of value heads.
        public var keyHeadCount: Int
        /// The number of value heads.
        public var valueHeadCount: Int
        /// The length of a query and a key.
        public var keyLength: Int
        /// The length of a value.
        public var valueLength: Int
        /// Which value heads share which key head.
        public var sharing: Sharing
        /// The convolution of queries, keys and values.
        public var convolution: Convolution
        /// The tensor of decays, `[valueHeadCount]`, below 0.
        public var decay: String
        /// The tensor that is added to alpha, `[valueHeadCount]`.
        public var stepBias: String
        /// The norm of a head's result, `[valueLength]`.
        public var norm: Norm

        /// Describes a delta rule.
        public init(
            keyHeadCount: Int, valueHeadCount: Int, keyLength: Int, valueLength: Int,
            sharing: Sharing, convolution: Convolution, decay: String, stepBias: String,
            norm: Norm
        ) {
            self.keyHeadCount = keyHeadCount
            self.valueHeadCount = valueHeadCount
            self.keyLength = keyLength
            self.valueLength = valueLength
            self.sharing = sharing
            self.convolution = convolution
            self.decay = decay
            self.stepBias = stepBias
            self.norm = norm
        }

        /// The length of all queries, or keys, of a position.
        public var keyWidth: Int { keyHeadCount * keyLength }
        /// The length of all values of a position.
        public var valueWidth: Int { valueHeadCount * valueLength }
        /// The channels that are convolved: queries, keys and values.
        public var channelCount: Int { 2 * keyWidth + valueWidth }
    }

    /// Kimi delta attention (KDA): for every head a matrix S, `[headLength, headLength]`, that starts at
    /// zero.
    ///
    /// As the gated delta rule, but row i of S is multiplied by
    /// `exp(decay · softplus(step_i + stepBias_i))`, or with a bound by
    /// `exp(bound · sigmoid(decay · (step_i + stepBias_i)))`, and the result, normalised, is multiplied by
    /// the sigmoid of a gate. `input` makes all heads' queries, keys and values, each of which goes through
    /// a convolution of its own and silu, then two short rows, of which `steps` and `gates` make their rows,
    /// or these themselves, then a beta for every head.
    /// Source: Kimi Team, Kimi Linear, <https://arxiv.org/abs/2510.26692>.
    public struct KimiDelta: Sendable, Hashable {
        /// The number of heads.
        public var headCount: Int
        /// The length of a query, a key and a value.
        public var headLength: Int
        /// The convolutions of queries, of keys and of values, with weights `[1, width, 1, length]`.
        public var convolutions: [Convolution]
        /// What makes a step for every element of the keys, of the first short row; `nil` where the
        /// input makes them.
        public var steps: Projection?
        /// What makes the gates, of the second; `nil` where the input makes them.
        public var gates: Projection?
        /// The tensor of decays: `[1, 1, headCount, 1]`, below 0; with a bound `[headCount, 1]`, above 0.
        public var decay: String
        /// The least logarithm of what a row is multiplied by, below 0.
        public var bound: Float?
        /// Whether the tensor of decays is `[headCount]`, below 0 with a bound too.
        public var isDecayFlat = false
        /// The tensor that is added to the steps, `[width]`.
        public var stepBias: String
        /// The norm of a head's result, `[headLength]`.
        public var norm: Norm

        /// Describes Kimi delta attention.
        public init(
            headCount: Int, headLength: Int, convolutions: [Convolution], steps: Projection?,
            gates: Projection?, decay: String, stepBias: String, norm: Norm
        ) {
            self.headCount = headCount
            self.headLength = headLength
            self.convolutions = convolutions
            self.steps = steps
            self.gates = gates
            self.decay = decay
            self.stepBias = stepBias
            self.norm = norm
        }

        /// The length of all queries, keys or values of a position.
        public var width: Int { headCount * headLength }
    }

    /// A selective scan: for every channel c a state h of `stateLength` numbers that starts at zero.
    ///
    /// `input` makes x and a gate z. x goes through the convolution and silu; `parameters` makes of
    /// it a short row of step sizes, which `steps` makes as long as x, and the rows B and C. With
    /// `d = softplus(step)`: `h ← exp(d · decay) · h + d · x · B`, and the result is
    /// `(h · C + skip · x) · silu(z)`. Source: Gu and Dao, Mamba, <https://arxiv.org/abs/2312.00752>.
    public struct SelectiveScan: Sendable, Hashable {
        /// The numbers of a channel's state.
        public var stateLength: Int
        /// The convolution of x.
        public var convolution: Convolution
        /// What makes the short row of steps, B and C of x.
        public var parameters: Projection
        /// What makes a step for each channel.
        public var steps: Projection
        /// The tensor of decays, `[channels, stateLength]`, below 0.
        public var decay: String
        /// The tensor that lets x through, `[channels]`.
        public var skip: String
        /// Norms of the three parts of the short row; `nil` where they are taken as they are.
        public var norms: ParameterNorms?

        /// Norms of a short row's parts, each over the whole part (Jamba, Falcon Mamba).
        public struct ParameterNorms: Sendable, Hashable {
            /// The norm of the steps' part.
            public var steps: Norm
            /// The norm of B.
            public var input: Norm
            /// The norm of C.
            public var output: Norm

            /// Describes norms.
            public init(steps: Norm, input: Norm, output: Norm) {
                self.steps = steps
                self.input = input
                self.output = output
            }
        }

        /// Describes a selective scan.
        public init(
            stateLength: Int, convolution: Convolution, parameters: Projection, steps: Projection,
            decay: String, skip: String
        ) {
            self.stateLength = stateLength
            self.convolution = convolution
            self.parameters = parameters
            self.steps = steps
            self.decay = decay
            self.skip = skip
        }
    }

    /// Mamba-2's state space: for every head a matrix h, `[headLength, stateLength]`, that starts at
    /// zero.
    ///
    /// `input` makes a gate z, then x, B and C, which go through the convolution and silu, then a
    /// step for every head. B and C, of `stateLength`, are shared by the neighbouring heads of a
    /// group. With `d = softplus(step + stepBias)`: `h ← exp(d · decay) · h + d · x Bᵀ`, and the
    /// result is `(h C + skip · x) · silu(z)`, normalised over the heads of a group.
    /// Source: Dao and Gu, Mamba-2, <https://arxiv.org/abs/2405.21060>.
    public struct StateSpace: Sendable, Hashable {
        /// The number of heads.
        public var headCount: Int
        /// The number of groups of heads; divides `headCount`.
        public var groupCount: Int
        /// The length of a head's x.
        public var headLength: Int
        /// The length of B and C.
        public var stateLength: Int
        /// The convolution of x, B and C.
        public var convolution: Convolution
        /// The tensor of decays, `[headCount, 1]`, below 0.
        public var decay: String
        /// The tensor that is added to the steps, `[headCount]`.
        public var stepBias: String
        /// The tensor that lets x through, `[headCount, 1]`.
        public var skip: String
        /// The norm of each group's results, with weights `[groupCount, width / groupCount]`; `nil`
        /// where there is none.
        public var norm: Norm?

        /// Describes a state space.
        public init(
            headCount: Int, groupCount: Int, headLength: Int, stateLength: Int,
            convolution: Convolution, decay: String, stepBias: String, skip: String, norm: Norm?
        ) {
            self.headCount = headCount
            self.groupCount = groupCount
            self.headLength = headLength
            self.stateLength = stateLength
            self.convolution = convolution
            self.decay = decay
            self.stepBias = stepBias
            self.skip = skip
            self.norm = norm
        }

        /// The length of all heads' x, and of the result.
        public var width: Int { headCount * headLength }
        /// The channels that are convolved: x, B and C.
        public var channelCount: Int { width + 2 * groupCount * stateLength }
    }
}
