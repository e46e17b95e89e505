/// How one block of a decoder runs, as data: what a family's file fills in and the decoder obeys.
///
/// A block is `x += attention(norm(x)); x += feedForward(norm(x))`, with the variations that its
/// members describe. Every tensor is named; what a model does not have is `nil`.
public struct BlockDescription: Sendable, Hashable {
    /// The norm before attention.
    public var attentionNorm: Norm?
    /// Attention.
    public var attention: Attention
    /// A norm of attention's output, before it is added.
    public var postAttentionNorm: Norm?
    /// The norm before the feed-forward network.
    public var feedForwardNorm: Norm?
    /// The feed-forward network.
    public var feedForward: FeedForward
    /// A norm of the feed-forward network's output, before it is added.
    public var postFeedForwardNorm: Norm?
    /// What both outputs are multiplied by before they are added.
    public var residualScale: Float = 1

    /// Describes a block.
    public init(
        attentionNorm: Norm?, attention: Attention, feedForwardNorm: Norm?, feedForward: FeedForward
    ) {
        self.attentionNorm = attentionNorm
        self.attention = attention
        self.feedForwardNorm = feedForwardNorm
        self.feedForward = feedForward
    }

    /// A normalisation of a row.
    public struct Norm: Sendable, Hashable {
        /// What is computed.
        public enum Kind: Sendable, Hashable {
            /// `x / sqrt(mean(x²) + ε)`
            case rootMeanSquare
            /// `(x − mean) / sqrt(variance + ε)`
            case layer
        }

        /// What is computed.
        public var kind: Kind
        /// ε.
        public var epsilon: Float
        /// The tensor that the result is multiplied by.
        public var weight: String?
        /// The tensor that is added in the end.
        public var bias: String?

        /// Describes a norm.
        public init(_ kind: Kind, epsilon: Float, weight: String?, bias: String? = nil) {
            self.kind = kind
            self.epsilon = epsilon
            self.weight = weight
            self.bias = bias
        }
    }

    /// A matrix with its bias: `y = W x + b`.
    public struct Projection: Sendable, Hashable {
        /// The matrix, `[outputs, inputs]`.
        public var weight: String
        /// The bias, `[outputs]`.
        public var bias: String?
        /// The number of outputs.
        public var outputs: Int
        /// The number of inputs.
        public var inputs: Int

        /// Describes a projection.
        public init(_ weight: String, bias: String?, outputs: Int, inputs: Int) {
            self.weight = weight
            self.bias = bias
            self.outputs = outputs
            self.inputs = inputs
        }
    }

    /// Attention over heads that share keys and values in groups.
    public struct Attention: Sendable, Hashable {
        /// The number of query heads.
        public var headCount: Int
        /// The number of key and value heads; divides `headCount`.
        public var headCountKV: Int
        /// The length of a query and a key.
        public var keyLength: Int
        /// The length of a value.
        public var valueLength: Int
        /// What makes queries, keys and values: three matrices, or one whose rows are the queries,
        /// then the keys, then the values.
        public var input: [Projection]
        /// What makes the block's output of the heads' values.
        public var output: Projection
        /// A norm of every query head, before rotation.
        public var queryNorm: Norm?
        /// A norm of every key head, before rotation.
        public var keyNorm: Norm?
        /// How positions are told; `nil` where they are not.
        public var rotary: Rotary?
        /// What scores are multiplied by.
        public var scale: Float
        /// How many positions a query sees, its own included; `nil` for all before it.
        public var window: Int?
        /// `cap · tanh(score / cap)`, before the softmax.
        public var softCap: Float?

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

        /// The length of all queries of a position.
        public var queryWidth: Int { headCount * keyLength }
        /// The length of all keys of a position.
        public var keyWidth: Int { headCountKV * keyLength }
        /// The length of all values of a position.
        public var valueWidth: Int { headCountKV * valueLength }
    }

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
        /// How many elements of a head turn, from its start; the rest stay.
        public var dimensionCount: Int
        /// The base of the angles.
        public var base: Double
        /// What positions are multiplied by: the inverse of a linear scaling factor.
        public var positionScale: Double = 1
        /// A tensor with a divisor of the angle for each pair.
        public var factors: String?

        /// Describes a rotation.
        public init(pairing: Pairing, dimensionCount: Int, base: Double) {
            self.pairing = pairing
            self.dimensionCount = dimensionCount
            self.base = base
        }
    }

    /// A function of one number.
    public enum Activation: Sendable, Hashable {
        /// `x · sigmoid(x)`
        case silu
        /// GELU in its tanh form.
        case geluTanh
    }

    /// The feed-forward network of a block.
    public enum FeedForward: Sendable, Hashable {
        /// `down(activation(gate(x)) · up(x))`; `gateUp` is two matrices, or one whose rows are
        /// the gate, then up.
        case gated(activation: Activation, gateUp: [Projection], down: Projection)
        /// `down(activation(up(x)))`
        case plain(activation: Activation, up: Projection, down: Projection)

        /// What is applied to the block's input, as one stack.
        public var input: [Projection] {
            switch self {
            case .gated(_, let gateUp, _): gateUp
            case .plain(_, let up, _): [up]
            }
        }

        /// What makes the block's output.
        public var output: Projection {
            switch self {
            case .gated(_, _, let down), .plain(_, _, let down): down
            }
        }
    }
}

/// How a whole decoder runs: token embeddings, blocks, output.
public struct DecoderDescription: Sendable, Hashable {
    /// `general.architecture`.
    public var architecture: String
    /// The context that the model was trained with.
    public var contextLength: Int
    /// The width of the residual stream.
    public var embeddingLength: Int
    /// The matrix of token embeddings, `[vocabulary, embeddingLength]`.
    public var tokenEmbedding: String
    /// What embeddings are multiplied by.
    public var embeddingScale: Float = 1
    /// The blocks, first to last.
    public var blocks: [BlockDescription]
    /// The norm after the last block.
    public var outputNorm: BlockDescription.Norm?
    /// The matrix that makes logits, `[vocabulary, embeddingLength]`; the token embeddings where
    /// the two are tied.
    public var output: String
    /// A bias of the logits.
    public var outputBias: String?
    /// What logits are multiplied by.
    public var logitScale: Float = 1
    /// The limit of logits, which become `cap · tanh(logit / cap)`.
    public var logitSoftCap: Float?

    /// Describes a decoder.
    public init(
        architecture: String, contextLength: Int, embeddingLength: Int, tokenEmbedding: String,
        blocks: [BlockDescription], outputNorm: BlockDescription.Norm?, output: String
    ) {
        self.architecture = architecture
        self.contextLength = contextLength
        self.embeddingLength = embeddingLength
        self.tokenEmbedding = tokenEmbedding
        self.blocks = blocks
        self.outputNorm = outputNorm
        self.output = output
    }
}
