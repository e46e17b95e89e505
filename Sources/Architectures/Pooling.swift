/// How one vector is made of the rows that a model has for a text's tokens.
public enum Pooling: String, Sendable, Hashable, CaseIterable {
    /// A vector for every token.
    case none
    /// The mean of all rows.
    case mean
    /// The first token's row.
    case cls
    /// The last token's row.
    case last
    /// The answers of a classifier: the score of a pair of texts.
    case rank

    /// The value of `{arch}.pooling_type`.
    public init?(metadataValue: Int) {
        let ordered: [Pooling] = [.none, .mean, .cls, .last, .rank]
        guard ordered.indices.contains(metadataValue) else { return nil }
        self = ordered[metadataValue]
    }
}

/// What makes answers of a pooled row x: `output(norm(activation(dense(x))))`.
public struct ClassifierHead: Sendable, Hashable {
    /// What is between the matrices.
    public enum Activation: Sendable, Hashable {
        /// The hyperbolic tangent.
        case tanh
        /// `max(x, 0)`
        case relu
        /// GELU with the error function.
        case gelu
    }

    /// The first matrix; `nil` where the row itself is taken.
    public var dense: BlockDescription.Projection?
    /// What is applied to what it makes.
    public var activation: Activation
    /// A norm of that.
    public var norm: BlockDescription.Norm?
    /// The matrix that makes answers, `[answers, width]`; the number of answers is the tensor's.
    public var output: String
    /// Its bias, `[answers]`.
    public var outputBias: String?
    /// How the row is made that the head takes in.
    public var pooling: Pooling
    /// The names of the answers, where the file has them.
    public var labels: [String]

    /// Describes a head.
    public init(
        dense: BlockDescription.Projection?, activation: Activation,
        norm: BlockDescription.Norm? = nil, output: String, outputBias: String?,
        pooling: Pooling = .cls, labels: [String] = []
    ) {
        self.dense = dense
        self.activation = activation
        self.norm = norm
        self.output = output
        self.outputBias = outputBias
        self.pooling = pooling
        self.labels = labels
    }
}
