/// How tensors of a checkpoint become tensors of a GGUF file: the names on both sides, the shape
/// that the configuration promises, and what happens to the values.
///
/// `{bid}` in a name stands for the number of a block (layer).
public struct TensorRule: Sendable {
    /// Whether a checkpoint must have the tensor.
    public enum Presence: Sendable, Hashable {
        /// In every block, or once when the name has no block.
        case required
        /// It may be missing.
        case optional
    }

    /// The name in the checkpoint, with its suffix: `model.layers.{bid}.self_attn.q_proj.weight`.
    public let pattern: String
    /// The name in the GGUF file, with its suffix: `blk.{bid}.attn_q.weight`.
    public let name: String
    /// The dimensions, outermost first.
    public let shape: [Dimension]
    /// Whether a checkpoint must have it.
    public let presence: Presence
    /// What happens to the values.
    public let transform: TensorTransform

    private let prefix: [UInt8]
    private let suffix: [UInt8]?

    /// Declares a rule.
    public init(
        _ pattern: String, _ name: String, _ shape: [Dimension],
        presence: Presence = .required, transform: TensorTransform = .none
    ) {
        self.pattern = pattern
        self.name = name
        self.shape = shape
        self.presence = presence
        self.transform = transform
        let marker = Array("{bid}".utf8)
        let bytes = Array(pattern.utf8)
        let position = bytes.indices.first { bytes[$0...].starts(with: marker) }
        prefix = Array(bytes[..<(position ?? bytes.count)])
        suffix = position.map { Array(bytes[($0 + marker.count)...]) }
    }

    /// Whether there is one such tensor in every block.
    public var isPerBlock: Bool { suffix != nil }

    /// The block that a checkpoint tensor of this name belongs to (0 for tensors outside blocks),
    /// or `nil` when the rule is not about it.
    public func block(of tensor: String) -> Int? {
        let bytes = Array(tensor.utf8)
        guard bytes.starts(with: prefix) else { return nil }
        guard let suffix else { return bytes.count == prefix.count ? 0 : nil }
        let rest = bytes[prefix.count...]
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard rest.dropFirst(digits.count).elementsEqual(suffix),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// The GGUF name of the tensor in block `block`.
    public func name(block: Int) -> String { TensorRule.fill(name, block) }

    /// The checkpoint name of the tensor in block `block`.
    public func source(block: Int) -> String { TensorRule.fill(pattern, block) }

    private static func fill(_ name: String, _ block: Int) -> String {
        let parts = name.split(separator: "{bid}", omittingEmptySubsequences: false)
        return parts.joined(separator: String(block))
    }
}

/// A dimension of a tensor in the configuration's words.
public enum Dimension: Sendable, Hashable {
    /// The number of tokens, `vocab_size`.
    case vocabulary
    /// The width of the residual stream.
    case hidden
    /// The width of the feed-forward network.
    case feedForward
    /// The values of all query heads.
    case queryHeads
    /// The values of all key or value heads.
    case keyValueHeads
    /// The values of one head.
    case head

    /// Its size in a model of this configuration.
    public func size(
        in configuration: ModelConfiguration
    ) throws(ArchitectureError) -> Int {
        switch self {
        case .vocabulary: try configuration.vocabSize()
        case .hidden: try configuration.hiddenSize()
        case .feedForward: try configuration.intermediateSize()
        case .queryHeads:
            try product(configuration.numAttentionHeads(), configuration.headDim(), configuration)
        case .keyValueHeads:
            try product(configuration.numKeyValueHeads(), configuration.headDim(), configuration)
        case .head: try configuration.headDim()
        }
    }

    private func product(
        _ heads: Int, _ headDim: Int, _ configuration: ModelConfiguration
    ) throws(ArchitectureError) -> Int {
        let (value, overflow) = heads.multipliedReportingOverflow(by: headDim)
        guard !overflow else {
            throw configuration.fault(
                .invalidValue(found: "\(heads) heads of \(headDim)", expected: "fewer"), "head_dim")
        }
        return value
    }
}

/// What happens to a tensor's values on the way into a GGUF file.
///
/// Transforms are done row by row while the file is written. New families add cases here and
/// their meaning in `Conversion`.
public enum TensorTransform: Sendable, Hashable {
    /// The values stay where they are.
    case none
    /// Rows of each head are reordered from `[first halves, second halves]`, as transformers
    /// rotates them, to neighbouring pairs, as GGUF's Llama does.
    case rotaryPairs(Heads)

    /// Which heads a tensor has.
    public enum Heads: Sendable, Hashable {
        /// The query heads.
        case query
        /// The key-value heads.
        case keyValue
    }

    /// The number of heads in a model of this configuration.
    public func headCount(
        in configuration: ModelConfiguration
    ) throws(ArchitectureError) -> Int? {
        switch self {
        case .none: nil
        case .rotaryPairs(.query): try configuration.numAttentionHeads()
        case .rotaryPairs(.keyValue): try configuration.numKeyValueHeads()
        }
    }
}
