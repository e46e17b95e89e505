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
    /// The matrix of learned positions, `[positions, embeddingLength]`, added to the embeddings.
    public var positionEmbedding: String?
    /// A norm of the embeddings.
    public var embeddingNorm: BlockDescription.Norm?
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
