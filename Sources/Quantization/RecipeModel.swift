public import TensorCore

/// What a recipe knows of a model.
public struct RecipeModel: Sendable {
    /// A tensor of the model as a recipe sees it.
    public struct Tensor: Sendable {
        /// The tensor's GGUF name.
        public let name: String
        /// Outermost dimension first.
        public let shape: Shape
        /// The format that it has in the source.
        public let format: Format
        /// Whether the importance matrix has an entry for it.
        public let hasImportance: Bool

        /// Describes a tensor.
        public init(name: String, shape: Shape, format: Format, hasImportance: Bool) {
            self.name = name
            self.shape = shape
            self.format = format
            self.hasImportance = hasImportance
        }
    }

    /// `general.architecture`.
    public let architecture: String
    /// `<architecture>.block_count`.
    public let blockCount: Int
    /// `<architecture>.attention.head_count`, of the first layer where layers differ.
    public let headCount: Int
    /// `<architecture>.attention.head_count_kv`, of the first layer where layers differ;
    /// `headCount` when the key is missing.
    public let headCountKV: Int
    /// `<architecture>.expert_count`, 0 without experts.
    public let expertCount: Int
    /// Whether an importance matrix is used at all.
    public let hasImportanceMatrix: Bool
    /// The tensors in the order in which they are written: rules count tensors of a kind, so the
    /// order decides.
    ///
    /// A file that is not split is written in the order of `isWrittenBefore`.
    public let tensors: [Tensor]

    /// Describes a model.
    public init(
        architecture: String, blockCount: Int, headCount: Int, headCountKV: Int, expertCount: Int,
        hasImportanceMatrix: Bool, tensors: [Tensor]
    ) {
        self.architecture = architecture
        self.blockCount = blockCount
        self.headCount = headCount
        self.headCountKV = headCountKV
        self.expertCount = expertCount
        self.hasImportanceMatrix = hasImportanceMatrix
        self.tensors = tensors
    }

    /// Whether the tensor called `name` is written before the one called `other` in a quantized
    /// file: tensors outside the blocks first, then block by block, each by the bytes of the names.
    public static func isWrittenBefore(_ name: String, _ other: String) -> Bool {
        let (block, otherBlock) = (blockIndex(of: name) ?? -1, blockIndex(of: other) ?? -1)
        guard block == otherBlock else { return block < otherBlock }
        return name.utf8.lexicographicallyPrecedes(other.utf8)
    }

    /// The number in `blk.12.attn_q.weight`; `nil` when the name does not start like that.
    public static func blockIndex(of name: String) -> Int? {
        guard name.utf8.starts(with: "blk.".utf8) else { return nil }
        let digits = name.utf8.dropFirst(4).prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}

extension RecipeModel {
    /// Query heads that share one key and value head; 0 without attention.
    var queriesPerKey: Int { headCountKV > 0 ? headCount / headCountKV : 0 }

    /// Falcon's rules are its own: all heads share one key and value head.
    var isFalcon: Bool { architecture == "falcon" }

    /// Models known as "70B" by family and depth: their value projection is an eighth of the query
    /// projection, so more bits there cost next to nothing.
    var isSeventyBillion: Bool {
        switch architecture {
        case "llama": blockCount == 80 && expertCount != 8 && headCount != headCountKV
        case "qwen2", "deci", "olmo": blockCount == 80
        case "jais2": blockCount == 68
        default: false
        }
    }
}
