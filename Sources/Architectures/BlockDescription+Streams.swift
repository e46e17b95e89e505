extension BlockDescription {
    /// How a block's parts take their input from several residual streams, and where their outputs go:
    /// hyper-connections and their kin.
    ///
    /// Legend: N the number of streams, E their width. Between blocks a token has N rows of E. A part sees
    /// one row, which the connection makes of them, and the connection puts what the part makes of it back.
    public struct Streams: Sendable, Hashable {
        /// The number N.
        public var count: Int
        /// The connection of the mixer.
        public var mixer: StreamConnection
        /// The connection of the feed-forward network.
        public var feedForward: StreamConnection
        /// What makes one row of the streams behind the last block; `nil` in all others.
        public var head: StreamHead?

        /// Describes connections.
        public init(
            count: Int, mixer: StreamConnection, feedForward: StreamConnection,
            head: StreamHead? = nil
        ) {
            self.count = count
            self.mixer = mixer
            self.feedForward = feedForward
            self.head = head
        }
    }

    /// The connection of one part.
    public enum StreamConnection: Sendable, Hashable {
        /// Weights are made of all streams, normalised as one row.
        case learned(LearnedConnection)
        /// A gate for every element, made of normalised streams.
        case gated(GatedConnection)
        /// The first stream is what residual streams usually are; the others are what it was at the
        /// beginning of some blocks, and never change.
        case kept(KeptConnection)
        /// The third stream is a row on its way through a stack; the first two are states that stacks
        /// leave.
        case stacked(StackedConnection)
    }

    /// Hyper-connections with weights that a token's streams make.
    ///
    /// `in = Σ pre[i] · x[i]`, then `x[k] = post[k] · out + Σ comb[j, k] · x[j]`, with weights of
    /// `p = F norm(x)` for all streams of a token as one row, F `[2N or 2N + N², N · E]`:
    /// `pre = sigmoid(s[0] · p + b) + ε`, `post = magnitude · sigmoid(s[1] · p + b) + postEpsilon`, and
    /// `comb` a softmax over k of `s[2] · p + b`, made doubly stochastic by Sinkhorn and Knopp's steps.
    /// Without steps there is no `comb`, and streams stay where they are.
    ///
    /// Source: Xie et al., mHC, <https://arxiv.org/abs/2512.24880>; DeepSeek V4 in transformers.
    public struct LearnedConnection: Sendable, Hashable {
        /// The matrix F.
        public var matrix: Projection
        /// The tensor b, as long as p.
        public var base: String
        /// The tensor s.
        public var scale: String
        /// How often rows and columns are divided by their sums; 0 without `comb`.
        public var stepCount: Int
        /// ε, of `pre` and of the steps.
        public var epsilon: Float
        /// ε of the norm.
        public var normEpsilon: Float
        /// What `post` is multiplied by.
        public var magnitude: Float
        /// What is added to `post`.
        public var postEpsilon: Float

        /// Describes weights.
        public init(
            matrix: Projection, base: String, scale: String, stepCount: Int, epsilon: Float,
            normEpsilon: Float, magnitude: Float = 2, postEpsilon: Float = 0
        ) {
            self.matrix = matrix
            self.base = base
            self.scale = scale
            self.stepCount = stepCount
            self.epsilon = epsilon
            self.normEpsilon = normEpsilon
            self.magnitude = magnitude
            self.postEpsilon = postEpsilon
        }
    }

    /// `in = mean(g · n)` over the streams, with `n` each stream normalised by itself and
    /// `g = sigmoid(up(silu(down(n) / N)))`; then `x[i] += 2 · sigmoid(inject(n)[i] / N) · out`.
    ///
    /// Source: Qwen 4 in transformers.
    public struct GatedConnection: Sendable, Hashable {
        /// The norm of the streams, with weights `[N · E]`.
        public var norm: Norm
        /// The matrix `[rank, N · E]`.
        public var down: Projection
        /// The matrix `[N · E, rank]`.
        public var up: Projection
        /// The matrix `[N, N · E]`; `nil` behind the last block.
        public var inject: Projection?

        /// Describes gates.
        public init(norm: Norm, down: Projection, up: Projection, inject: Projection?) {
            self.norm = norm
            self.down = down
            self.up = up
            self.inject = inject
        }
    }

    /// A weighted mean of the first stream and of those kept.
    ///
    /// `in = Σ p[i] · x[i]` over the first stream and those kept so far, with p a softmax of
    /// `w · norm(x[i])`. Where a part keeps, the first stream becomes a further one before, and what the
    /// part makes is all that is left of it; otherwise that is added.
    ///
    /// Source: Kimi K3.
    public struct KeptConnection: Sendable, Hashable {
        /// The tensor w, `[E]`.
        public var score: String
        /// ε of the norms.
        public var epsilon: Float
        /// How many streams have been kept before.
        public var keptCount: Int
        /// Whether the part keeps the first.
        public var keeps: Bool

        /// Describes what is kept.
        public init(score: String, epsilon: Float, keptCount: Int, keeps: Bool = false) {
            self.score = score
            self.epsilon = epsilon
            self.keptCount = keptCount
            self.keeps = keeps
        }
    }

    /// A part adds to the row on its way.
    ///
    /// The first of a stack starts with the sum of both states; behind
    /// the last the row, normalised, becomes one of them.
    ///
    /// Source: HRM-Text in transformers.
    public struct StackedConnection: Sendable, Hashable {
        /// Whether the row starts here.
        public var begins: Bool
        /// The state that the row becomes behind this part; `nil` within a stack.
        public var end: Int?
        /// The norm of what it becomes.
        public var norm: Norm?

        /// Describes a step of a stack.
        public init(begins: Bool = false, end: Int? = nil, norm: Norm? = nil) {
            self.begins = begins
            self.end = end
            self.norm = norm
        }
    }

    /// What makes one row of the streams behind the last block.
    public enum StreamHead: Sendable, Hashable {
        /// `Σ pre[i] · x[i]`, as a connection has it; the matrix is `[N, N · E]`.
        case learned(LearnedConnection)
        /// The mean of the streams.
        case mean
        /// As a connection's input.
        case connection(StreamConnection)
        /// One of the streams.
        case stream(Int)
    }
}

extension DecoderDescription {
    /// What a token's streams are in front of the first block.
    public enum StreamStart: Sendable, Hashable {
        /// Its embedding, each.
        case copies
        /// Its embedding, then zeros.
        case first
        /// Its embedding, then a row that a tensor has for all tokens, then zeros.
        case firstAnd(String)
    }

    /// The number of a token's residual streams.
    public var streamCount: Int { blocks.first?.streams?.count ?? 1 }
}
