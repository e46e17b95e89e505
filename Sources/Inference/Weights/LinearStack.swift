/// Linear layers that take the same input (queries, keys, values; gate, up), as one product: their
/// matrices row under row, with a bias for every row or none.
struct LinearStack: Sendable {
    /// One of the layers.
    struct Part: Sendable {
        var tensor: String
        /// The tensor's number in its source.
        var number: Int
        /// Its rows of the stack.
        var outputs: Range<Int>
        /// What engines round the input to.
        var rounding: Rounding
    }

    /// A part's place in a buffer.
    struct Place: Sendable {
        var offset: Int
        /// How the part is held as codes; `nil` where it is decoded.
        var coded: CodedMatrix?
    }

    /// Where the weights are.
    enum Storage: Sendable {
        /// Decoded, from here on in the block's buffer, row under row.
        case floats(offset: Int)
        /// In the block's buffer, each part as codes where its format has them.
        case codes([Place])
        /// In memory for as long as the model runs, each part a matrix of its own.
        case resident(ResidentMatrices, [ResidentMatrix])
    }

    var inputs: Int
    var outputs = 0
    /// The place of the biases in the block's buffer.
    var bias: Int?
    var parts: [Part] = []
    /// Changes of which every row takes one.
    var adapters: [AdapterStack] = []
    var storage: Storage

    /// The threads that products with matrices in memory are shared out between.
    var workers: ResidentWorkers? {
        guard case .resident(let matrices, _) = storage else { return nil }
        return matrices.workers
    }
}
