/// How much the quantization of each part of a model to each format moves its predictions.
///
/// A part is a tensor, all tensors of a kind or all of a layer; the others stay as they are.
public struct SensitivityMap: Sendable, Codable, Hashable {
    /// What is quantized at a time.
    public enum Grouping: String, Sendable, Codable, CaseIterable {
        /// One tensor.
        case tensor
        /// The tensors of a kind in all layers, such as all `ffn_down`.
        case kind
        /// The tensors of a layer; those outside the layers each by themselves.
        case layer
    }

    /// One part in one format.
    public struct Cell: Sendable, Codable, Hashable {
        /// The part: a tensor's name, a kind or `blk.N`.
        public var name: String
        /// The layer, where the part lies in one.
        public var layer: Int?
        /// The kind of tensor, such as `ffn_down`, where the part is of one.
        public var kind: String?
        /// The format.
        public var format: String
        /// The number of tensors in the part.
        public var tensorCount: Int
        /// The number of their values.
        public var elementCount: Int
        /// Their bytes in the format.
        public var byteCount: Int
        /// Mean KL divergence from the model as it is, in nats.
        public var divergence: Estimate
        /// ln of the ratio of perplexities.
        public var logPerplexityRatio: Estimate
        /// The share of tokens with the same most probable token.
        public var sameTop: Estimate
        /// The root mean square of the values' change over that of the values.
        public var weightError: Double
        /// The same of the outputs of the linear layers, where an importance matrix tells the mean
        /// square of each input: `sqrt(Σ h (w − ŵ)² / Σ h w²)`, inputs taken as uncorrelated.
        public var outputError: Double?
    }

    /// A tensor that a format cannot hold.
    public struct Skipped: Sendable, Codable, Hashable {
        /// The tensor's name.
        public var tensor: String
        /// The format.
        public var format: String
        /// The length of its rows, no whole number of blocks.
        public var rowLength: Int
    }

    /// The model's file.
    public var model: String
    /// What was quantized at a time.
    public var grouping: Grouping
    /// The formats, in the order asked for.
    public var formats: [String]
    /// The parts in the order of the file, each in all formats that can hold it.
    public var cells: [Cell]
    /// Tensors left as they are.
    public var skipped: [Skipped]
    /// The perplexity of the model as it is.
    public var basePerplexity: Estimate
    /// The tokens of a window.
    public var contextLength: Int
    /// The number of windows.
    public var windowCount: Int
    /// The number of tokens scored.
    public var scoredTokenCount: Int
}
