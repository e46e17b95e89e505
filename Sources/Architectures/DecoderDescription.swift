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
    /// The matrix of embeddings of kinds of segments, `[kinds, embeddingLength]`; a token's is added to
    /// its embedding.
    public var segmentEmbedding: String?
    /// How tokens choose among adapters.
    public var adapterChoice: AdapterChoice?
    /// A norm of the embeddings.
    public var embeddingNorm: BlockDescription.Norm?
    /// Embeddings for every block.
    public var layerEmbedding: LayerEmbedding?
    /// What tokens' streams are in front of the first block, where there are several.
    public var streamStart = StreamStart.copies
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
    /// How one vector is made of a text's rows, where the model was made for that.
    public var pooling: Pooling?
    /// Layers without activations behind the pooling.
    public var poolingLayers: [BlockDescription.Projection] = []
    /// What makes answers of the pooled row.
    public var classifier: ClassifierHead?

    /// Whether tokens see what follows them: an encoder, which makes rows of a whole text and cannot
    /// continue it.
    public var seesAhead: Bool {
        blocks.contains {
            if case .attention(let attention) = $0.mixer { !attention.isCausal } else { false }
        }
    }

    /// Whether blocks need more of a token than its residual row: keys or values of another block, or
    /// rows beside that one.
    public var blocksShareRows: Bool {
        blocks.contains {
            $0.keySource != nil || $0.valueSource != nil || $0.alternatingUpdates != nil
        }
    }

    /// Whether blocks take the embedding once more.
    public var keepsEmbeddings: Bool { blocks.contains { $0.embeddingGain != nil } }

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

/// A short row for each token and block, made once from the token's number and its embedding:
/// `sumScale · (norm(projectionScale · P x) + embeddingScale · e)`, the norm block by block.
///
/// Source: the Gemma 4 definition in transformers.
public struct LayerEmbedding: Sendable, Hashable {
    /// The matrix of embeddings, `[vocabulary, blocks · length]`.
    public var embedding: String
    /// What embeddings are multiplied by.
    public var embeddingScale: Float
    /// The matrix P, `[blocks · length, embeddingLength]`.
    public var projection: String
    /// What its outputs are multiplied by.
    public var projectionScale: Float
    /// The norm of a block's part of them.
    public var norm: BlockDescription.Norm
    /// What the sum is multiplied by.
    public var sumScale: Float
    /// The length of a block's row.
    public var length: Int

    /// Describes embeddings.
    public init(
        embedding: String, embeddingScale: Float, projection: String, projectionScale: Float,
        norm: BlockDescription.Norm, sumScale: Float, length: Int
    ) {
        self.embedding = embedding
        self.embeddingScale = embeddingScale
        self.projection = projection
        self.projectionScale = projectionScale
        self.norm = norm
        self.sumScale = sumScale
        self.length = length
    }
}
