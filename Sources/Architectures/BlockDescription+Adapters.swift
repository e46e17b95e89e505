extension BlockDescription {
    /// Changes to some outputs of a matrix (LoRA), of which every token takes one: `y += B A x`.
    public struct Adapters: Sendable, Hashable {
        /// The tensor with every adapter's matrix to a short row, `[adapters, rank, inputs]`; the first
        /// is for tokens that take none.
        public var first: String
        /// The tensor with those back, `[adapters, outputs, rank]`.
        public var second: String
        /// The number of adapters, the first among them.
        public var count: Int
        /// The length of a short row.
        public var rank: Int
        /// The outputs that are changed.
        public var outputs: Range<Int>

        /// Describes adapters.
        public init(first: String, second: String, count: Int, rank: Int, outputs: Range<Int>) {
            self.first = first
            self.second = second
            self.count = count
            self.rank = rank
            self.outputs = outputs
        }
    }
}

/// How tokens choose the adapter that they and those after them take.
///
/// A single head of attention looks for the tokens that stand for adapters: with e the gain, the sum s
/// of the numbers of those seen so far, their count n and the count m of all others, a token takes
/// number `s / (n + m e^(−2 gain))`, rounded. Source: IBM, Granite Switch.
public struct AdapterChoice: Sendable, Hashable {
    /// The tokens that stand for adapters, from number 1 on.
    public var tokens: [Int32]
    /// The tokens whose embeddings they have instead of their own.
    public var substitutes: [Int32]
    /// How much more such a token weighs than others, above 0.
    public var gain: Float

    /// Describes the choice.
    public init(tokens: [Int32], substitutes: [Int32], gain: Float) {
        self.tokens = tokens
        self.substitutes = substitutes
        self.gain = gain
    }
}
