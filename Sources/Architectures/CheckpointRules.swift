/// What the checkpoints of some families have beyond plain tensors.
public struct CheckpointRules: Sendable {
    /// A number that every layer has learned, which a checkpoint has as a tensor of one element and
    /// a GGUF file as metadata: one F32 array for all layers.
    ///
    /// A name without a layer is the whole model's, and one F32.
    public struct LayerScalar: Sendable, Hashable {
        /// The tensors.
        public let pattern: TensorPattern
        /// The metadata key.
        public let key: String
        /// The shape with which transformers stores it: `[1]`, or none for a scalar.
        public let shape: [Int]

        /// A number with a name in each layer.
        init(_ pattern: String, _ key: String, shape: [Int]) {
            self.pattern = TensorPattern(pattern)
            self.key = key
            self.shape = shape
        }
    }

    /// A length that a tensor tells, put into the configuration.
    public struct Measured: Sendable, Hashable {
        /// The tensor's name, or the end of it; where it has `{xid}` for a number, the lengths of all
        /// count together.
        public let tensor: String
        /// The number of the dimension.
        public let dimension: Int
        /// The configuration key.
        public let key: String

        /// A length.
        init(_ tensor: String, dimension: Int, as key: String) {
            self.tensor = tensor
            self.dimension = dimension
            self.key = key
        }
    }

    /// Integers of a small tensor, put into the configuration.
    public struct Numbers: Sendable, Hashable {
        /// The end of the tensor's name.
        public let tensor: String
        /// The configuration key.
        public let key: String

        /// Integers.
        init(_ tensor: String, as key: String) {
            self.tensor = tensor
            self.key = key
        }
    }

    /// Where a checkpoint's tokenizer is.
    public enum TokenizerPlace: Sendable, Hashable {
        /// In its directory.
        case own
        /// In the directory of the model that it drafts for, read by the rules of its own family or of
        /// that model's.
        case ofTarget(rules: Rules)

        /// Whose rules count.
        public enum Rules: Sendable, Hashable {
            case own, target
        }
    }

    /// Matrices that the sentence-transformers library keeps behind a model (`Dense`).
    public struct DenseModules: Sendable {
        /// The folders in the model's directory, and what their matrices are called as tensors of the
        /// checkpoint.
        public let folders: [(folder: String, tensor: String)]
        /// Whether they become a part of the file only where that is asked for.
        public let isOnRequest: Bool

        /// Says where they are.
        init(_ folders: [(folder: String, tensor: String)], isOnRequest: Bool = false) {
            self.folders = folders
            self.isOnRequest = isOnRequest
        }
    }

    /// Other names that checkpoints have for the same tensors.
    public internal(set) var spellings: [ModelFamily.Spelling] = []
    /// Tensors that are written as metadata.
    public internal(set) var layerScalars: [LayerScalar] = []
    /// What becomes of layers that predict further tokens (MTP).
    public internal(set) var multiTokenPrediction = MultiTokenPrediction.none
    /// The kinds of packed weights (`quant_method`) that the rules write as they are.
    public internal(set) var packedMethods: [String] = []
    /// Names of tensors that are not the language model's, although they could be taken for its own.
    public internal(set) var foreign: Set<String> = []
    /// Parts that stay F32 in this family's files, by the names that GGUF has for them within a block.
    public internal(set) var exactParts: @Sendable (ModelConfiguration) -> Set<String> = { _ in [] }
    /// Whether tokens behind the tokenizer's own whose embeddings are zeros are never to be generated.
    public internal(set) var suppressesEmptyTokens = false
    /// Matrices behind a sentence-embedding model, in folders of their own.
    public internal(set) var denseModules: DenseModules?
    /// Lengths that no configuration says.
    public internal(set) var measured: [Measured] = []
    /// Integers that no configuration says.
    public internal(set) var numbers: [Numbers] = []
    /// What the names of all blocks' tensors begin with where these are counted, not those of the
    /// configuration.
    public internal(set) var countedBlocks: TensorPattern?
    /// Where the tokenizer is.
    public internal(set) var tokenizer = TokenizerPlace.own
    /// What names of tensors begin with that are not the language model's.
    public internal(set) var foreignPrefixes: [String] = []
    /// Whether routers of experts get the type of the other matrices; otherwise they are F32.
    public internal(set) var roundsRouters = false
    /// Whether matrices keep the type that they are stored in, BF16 or F32, whatever the output type is;
    /// those of FP8 become Q8_0.
    public internal(set) var keepsTypes = false
    /// Whether leading outputs follow each other by rule, then by block, wherever their sources are.
    public internal(set) var sortsLeading = false
}
