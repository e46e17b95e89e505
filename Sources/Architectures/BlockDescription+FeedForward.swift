extension BlockDescription {
    /// A function of one number, or of a gate and what it lets through.
    public enum Activation: Sendable, Hashable {
        /// `x · sigmoid(x)`
        case silu
        /// GELU in its tanh form.
        case geluTanh
        /// GELU with the error function.
        case gelu
        /// `max(x, 0)`
        case relu
        /// `max(x, 0)²`
        case reluSquared
        /// `g · sigmoid(alpha · g) · (u + 1)` with the gate `g` cut to at most `limit` and the
        /// other, `u`, to `±limit`. Source: OpenAI, gpt-oss model card, <https://arxiv.org/abs/2508.10925>.
        case clampedSwiGLU(alpha: Float, limit: Float)
        /// `min(silu(g), limit) · u` with the gate `g` and the other, `u`, cut to `±limit`. Source:
        /// StepFun, Step 3.5.
        case limitedSwiGLU(limit: Float)
        /// `silu(min(g, limit)) · u` with the gate `g` and the other, `u`, cut to `±limit`. Source:
        /// DeepSeek-AI, DeepSeek-V4.
        case cutSwiGLU(limit: Float)
        /// `beta · tanh(g / beta) · sigmoid(g) · linear · tanh(u / linear)` with the gate `g` and the
        /// other, `u`, which stays as it is where `linear` is not above 0. Source: Moonshot AI, Kimi K3.
        case situ(beta: Float, linear: Float)
        /// `quadratic · x² + linear · x` above 0, otherwise
        /// `exponential · (exp(min(x, limit)) − 1 − x) + linear · x`. Source: Huang et al., xIELU,
        /// <https://arxiv.org/abs/2411.13010>.
        case xIELU(quadratic: Float, exponential: Float, linear: Float, limit: Float)
    }

    /// The feed-forward network of a block.
    public enum FeedForward: Sendable, Hashable {
        /// One network for all tokens.
        case dense(Network)
        /// Several networks, of which a token takes some.
        case experts(Experts)
        /// One network for all tokens, whose input is mixed with the row before it.
        case channelMix(ChannelMix)
        /// The block ends with its mixer.
        case absent

        /// The network `down(activation(gate(x)) · up(x))`.
        ///
        /// `gateUp` is two matrices, or one whose rows are the gate, then up.
        public static func gated(
            activation: Activation, gateUp: [Projection], down: Projection
        ) -> FeedForward {
            .dense(Network(activation: activation, isGated: true, input: gateUp, output: down))
        }

        /// The network `down(activation(up(x)))`.
        public static func plain(
            activation: Activation, up: Projection, down: Projection
        ) -> FeedForward {
            .dense(Network(activation: activation, isGated: false, input: [up], output: down))
        }
    }

    /// Two layers with an activation between.
    public struct Network: Sendable, Hashable {
        /// What is between the layers.
        public var activation: Activation
        /// Whether the first half of what `input` makes is a gate for the second half.
        public var isGated: Bool
        /// What is applied to the block's input, as one stack.
        public var input: [Projection]
        /// What makes the block's output.
        public var output: Projection
        /// A norm of what `output` takes in.
        public var hiddenNorm: Norm?
        /// How many standard deviations above the mean of its row a number before the activation
        /// must be: what it has more than that is left of it, otherwise 0; `nil` where all stay.
        public var cutoff: Float?

        /// Describes a network.
        public init(
            activation: Activation, isGated: Bool, input: [Projection], output: Projection
        ) {
            self.activation = activation
            self.isGated = isGated
            self.input = input
            self.output = output
        }
    }

    /// Networks of which a router chooses some for each token, and adds their weighted outputs.
    public struct Experts: Sendable, Hashable {
        /// How the router's outputs become scores.
        public enum Scoring: Sendable, Hashable {
            /// A softmax over all experts.
            case softmax
            /// Each by itself, `1 / (1 + exp(−x))`.
            case sigmoid
            /// Each by itself, the square root of `ln(1 + exp(x))`.
            case softplusRoot
            /// A softmax over the chosen ones only.
            case softmaxOfChosen
            /// A softmax for each chosen one, over those that are left then and whose output is
            /// below the best one's by at most this part of the larger of the two's sizes.
            ///
            /// Source: Liu et al., GRIN, <https://arxiv.org/abs/2409.12136>.
            case sparseMixer(tolerance: Float)
        }

        /// Experts in groups of equal size: only those of the best groups can be chosen.
        public struct Groups: Sendable, Hashable {
            /// What the score of a group is.
            public enum Score: Sendable, Hashable {
                /// Its best expert's.
                case largest
                /// The sum of its two best experts'.
                case topTwoSum
            }

            /// The number of groups; divides the number of experts.
            public var count: Int
            /// The number of groups that experts are chosen from.
            public var usedCount: Int
            /// What the score of a group is.
            public var score: Score

            /// Describes groups.
            public init(count: Int, usedCount: Int, score: Score) {
                self.count = count
                self.usedCount = usedCount
                self.score = score
            }
        }

        /// Norms of experts beside a shared network.
        ///
        /// Both take the residual row, each with a norm of its own, and are normalised before they
        /// are added. The block's norm before the network is
        /// the shared network's.
        public struct SeparateNorms: Sendable, Hashable {
            /// The norm of what the router takes.
            public var routerNorm: Norm
            /// What the router's input is multiplied by.
            public var routerScale: Float
            /// A tensor, `[count]`, that multiplies the weights of the chosen.
            public var weightScales: String?
            /// The norm of what experts take.
            public var inputNorm: Norm
            /// The norm of the experts' sum.
            public var outputNorm: Norm
            /// The norm of the shared network's output.
            public var sharedNorm: Norm

            /// Describes norms.
            public init(
                routerNorm: Norm, routerScale: Float, weightScales: String?, inputNorm: Norm,
                outputNorm: Norm, sharedNorm: Norm
            ) {
                self.routerNorm = routerNorm
                self.routerScale = routerScale
                self.weightScales = weightScales
                self.inputNorm = inputNorm
                self.outputNorm = outputNorm
                self.sharedNorm = sharedNorm
            }
        }

        /// Experts that work on shorter rows than the block has.
        ///
        /// `up(norm(Σ w · expert(down(x))))`; the router and the shared network take the block's rows.
        public struct Narrowing: Sendable, Hashable {
            /// What makes a row shorter.
            public var down: Projection
            /// A norm of the experts' sum.
            public var norm: Norm?
            /// What makes it as long as the block's rows.
            public var up: Projection

            /// Describes a narrowing.
            public init(down: Projection, norm: Norm?, up: Projection) {
                self.down = down
                self.norm = norm
                self.up = up
            }
        }

        /// The number of experts.
        public var count: Int
        /// The number of experts that a token takes.
        public var usedCount: Int
        /// The matrix that rates the experts, `[count, inputs]`.
        public var router: Projection
        /// How its outputs become scores.
        public var scoring: Scoring
        /// A tensor, `[count]`, that is added to the scores for the choice but not to the weights.
        public var choiceBias: String?
        /// A tensor of integers, `[vocabulary, usedCount]`: the experts of every token, whatever its scores.
        public var table: String?
        /// The groups that are chosen first.
        public var groups: Groups?
        /// Whether the weights of the chosen are divided by their sum.
        public var normalisesWeights: Bool
        /// What the weights are multiplied by in the end.
        public var weightScale: Float = 1
        /// Whether the router takes the block's input, as it is before the mixer and any norm.
        public var ratesBlockInput = false
        /// What the sum of experts and shared network is multiplied by.
        public var sumScale: Float = 1
        /// Whether weights multiply the experts' inputs, not their outputs.
        public var weighsInput = false
        /// What makes the shorter rows that experts take, and rows of what they give; `nil` where they
        /// take the block's.
        public var narrowing: Narrowing?
        /// One expert; its tensors have the experts as a further, outermost dimension.
        public var network: Network
        /// A network that every token takes.
        public var shared: Network?
        /// The norms of experts and shared network where each has its own; `nil` where both take the
        /// same rows and are added as they are.
        public var separateNorms: SeparateNorms?
        /// A matrix of one row whose output, through a sigmoid, multiplies the shared network's.
        public var sharedGate: Projection?

        /// Describes experts.
        public init(
            count: Int, usedCount: Int, router: Projection, scoring: Scoring,
            normalisesWeights: Bool, network: Network
        ) {
            self.count = count
            self.usedCount = usedCount
            self.router = router
            self.scoring = scoring
            self.normalisesWeights = normalisesWeights
            self.network = network
        }
    }
}
