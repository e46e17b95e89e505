/// How one block of a decoder runs, as data: what a family's file fills in and the decoder obeys.
///
/// A block is `x += attention(norm(x)); x += feedForward(norm(x))`, with the variations that its
/// members describe. Every tensor is named; what a model does not have is `nil`.
public struct BlockDescription: Sendable, Hashable {
    /// Where the feed-forward network takes its input.
    public enum Arrangement: Sendable, Hashable {
        /// After attention's output was added.
        case sequential
        /// Beside attention, from the block's input: `x += attention(norm(x)) + feedForward(norm(x))`.
        /// Without a norm of its own the network shares the rows that attention takes.
        case parallel
    }

    /// What carries over from position to position.
    public enum Mixer: Sendable, Hashable {
        /// Attention to earlier positions.
        case attention(Attention)
        /// Attention to a window and to compressed rows of all before.
        case compressed(CompressedAttention)
        /// A state that walks along.
        case recurrence(Recurrence)
        /// Nothing: the block is its network.
        case absent
    }

    /// The norm before the mixer.
    public var attentionNorm: Norm?
    /// What carries over from position to position.
    public var mixer: Mixer
    /// A norm of what the mixer's output layer takes in.
    public var mixedNorm: Norm?
    /// A recurrence beside attention: it takes the same rows, and what it makes is added too, without
    /// a norm.
    public var parallelMixer: Recurrence?
    /// A norm of the mixer's output, before it is added.
    public var postAttentionNorm: Norm?
    /// A norm of the residual row itself once the mixer's output was added (post-norm, as in BERT).
    public var mixerSumNorm: Norm?
    /// Where the feed-forward network takes its input.
    public var arrangement = Arrangement.sequential
    /// The norm before the feed-forward network.
    public var feedForwardNorm: Norm?
    /// The feed-forward network.
    public var feedForward: FeedForward
    /// A norm of the feed-forward network's output, before it is added.
    public var postFeedForwardNorm: Norm?
    /// A norm of the residual row itself once the network's output was added.
    public var feedForwardSumNorm: Norm?
    /// What both outputs are multiplied by before they are added.
    public var residualScale: Float = 1
    /// A tensor of one number that the mixer's output is multiplied by too.
    public var mixerGain: String?
    /// A tensor of one number that the network's output is multiplied by too.
    public var feedForwardGain: String?
    /// What the rows that mixer and network take in are multiplied by to go past them, in place of
    /// the residual row before the norm; `nil` where that goes past.
    public var skipScale: Float?
    /// The rows beside the one that the block works on.
    public var alternatingUpdates: AlternatingUpdates?
    /// A short way past the mixer.
    public var laurel: Laurel?
    /// What the block makes of the token's embedding for it, in the end.
    public var layerInput: LayerInput?
    /// A tensor of one number: so many times the token's embedding, as it is before the first block,
    /// is added in the end.
    public var embeddingGain: String?
    /// Where the parts' inputs come from and their outputs go, where there are several residual streams.
    public var streams: Streams?
    /// A tensor of one number that the residual row is multiplied by in the end.
    public var outputScale: String?
    /// A number that it is multiplied by too.
    public var outputFactor: Float = 1

    /// Describes a block.
    public init(
        attentionNorm: Norm?, attention: Attention, feedForwardNorm: Norm?, feedForward: FeedForward
    ) {
        self.attentionNorm = attentionNorm
        mixer = .attention(attention)
        self.feedForwardNorm = feedForwardNorm
        self.feedForward = feedForward
    }

    /// Describes a block of a recurrence without a feed-forward network.
    public init(mixerNorm: Norm?, recurrence: Recurrence) {
        attentionNorm = mixerNorm
        mixer = .recurrence(recurrence)
        feedForward = .absent
    }

    /// The attention of a block that has it; blocks with another mixer must not be asked.
    public var attention: Attention {
        get {
            guard case .attention(let attention) = mixer else {
                preconditionFailure("a block without attention")
            }
            return attention
        }
        set { mixer = .attention(newValue) }
    }

    /// The block whose keys and values attention goes to, where they are not its own.
    public var keySource: Int? {
        if case .attention(let attention) = mixer { attention.source } else { nil }
    }

    /// The block whose values a recurrence mixes into its own.
    public var valueSource: Int? {
        guard case .recurrence(let recurrence) = mixer, case .timeMix(let mix) = recurrence.kind
        else { return nil }
        return mix.valueSource
    }

    /// How positions are told; `nil` where they are not.
    public var rotary: Rotary? {
        switch mixer {
        case .attention(let attention): attention.rotary
        case .compressed(let attention): attention.rotary
        case .recurrence, .absent: nil
        }
    }

    /// `x += norm(output(gelu(gate(x)) · e))` with the row e that the decoder's `LayerEmbedding` has for
    /// the block.
    public struct LayerInput: Sendable, Hashable {
        /// What makes the gate.
        public var gate: Projection
        /// What makes the change.
        public var output: Projection
        /// A norm of the change.
        public var norm: Norm?

        /// Describes an input.
        public init(gate: Projection, output: Projection, norm: Norm?) {
            self.gate = gate
            self.output = output
            self.norm = norm
        }
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
        /// Changes of which every token takes one.
        public var adapters: [Adapters] = []

        /// Describes a projection.
        public init(_ weight: String, bias: String?, outputs: Int, inputs: Int) {
            self.weight = weight
            self.bias = bias
            self.outputs = outputs
            self.inputs = inputs
        }
    }
}
