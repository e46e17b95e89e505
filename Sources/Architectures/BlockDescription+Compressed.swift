extension BlockDescription {
    /// Attention whose keys are its values too, one row for all heads: to the positions of a window, and to
    /// rows that a compressor makes of everything before.
    ///
    /// Legend: H the number of heads, L their length. The last elements of a head turn, and what attention
    /// makes of a query turns back. Heads in groups make rows of their own, of which `output` makes the
    /// block's. Source: DeepSeek-AI, DeepSeek-V4; its definition in transformers.
    public struct CompressedAttention: Sendable, Hashable {
        /// H.
        public var headCount: Int
        /// L.
        public var headLength: Int
        /// What makes the queries' short row.
        public var queryInput: Projection
        /// The norm of that.
        public var queryInputNorm: Norm
        /// What makes queries of it.
        public var queries: Projection
        /// The norm of every query, without weights.
        public var queryNorm: Norm
        /// What makes keys.
        public var keys: Projection
        /// The norm of a key.
        public var keyNorm: Norm
        /// How positions are told; elements turn at the end of a head.
        public var rotary: Rotary
        /// How many positions a query sees as they are, its own included.
        public var window: Int
        /// The tensor with a score for each head that stands for no position, `[H]`.
        public var sinks: String
        /// What makes rows of the positions before; `nil` where there is the window alone.
        public var compressor: Compressor?
        /// What picks some of these rows for a query; `nil` where it sees all.
        public var indexer: Indexer?
        /// The number of groups of heads.
        public var groupCount: Int
        /// The matrix of all groups, `[groups · rank, H · L / groups]`, each with rows of its own.
        public var groups: Projection
        /// What makes the block's output.
        public var output: Projection

        /// Describes attention.
        public init(
            headCount: Int, headLength: Int, queryInput: Projection, queryInputNorm: Norm,
            queries: Projection, queryNorm: Norm, keys: Projection, keyNorm: Norm, rotary: Rotary,
            window: Int, sinks: String, groupCount: Int, groups: Projection, output: Projection
        ) {
            self.headCount = headCount
            self.headLength = headLength
            self.queryInput = queryInput
            self.queryInputNorm = queryInputNorm
            self.queries = queries
            self.queryNorm = queryNorm
            self.keys = keys
            self.keyNorm = keyNorm
            self.rotary = rotary
            self.window = window
            self.sinks = sinks
            self.groupCount = groupCount
            self.groups = groups
            self.output = output
        }

        /// The numbers that are kept of a position, and of a compressed row.
        public var keptLengths: (position: Int, row: Int) {
            let compressors = [compressor, indexer?.compressor].compactMap { $0 }
            return (
                headLength + compressors.reduce(0) { $0 + 2 * $1.values.outputs },
                compressors.reduce(0) { $0 + $1.length }
            )
        }
    }

    /// One row for every so many positions: their values weighted, element by element, by a softmax of
    /// their gates, normalised, turned as the first of them.
    public struct Compressor: Sendable, Hashable {
        /// How many positions make a row.
        public var ratio: Int
        /// The length of a row.
        public var length: Int
        /// Whether values and gates have two parts, and a row is made of the first of the positions before
        /// and the second of its own.
        public var overlaps: Bool
        /// What makes values.
        public var values: Projection
        /// What makes gates.
        public var gates: Projection
        /// The tensor that is added to gates, by place: `[ratio, outputs]`.
        public var places: String
        /// The norm of a row.
        public var norm: Norm

        /// Describes a compressor.
        public init(
            ratio: Int, length: Int, overlaps: Bool, values: Projection, gates: Projection,
            places: String, norm: Norm
        ) {
            self.ratio = ratio
            self.length = length
            self.overlaps = overlaps
            self.values = values
            self.gates = gates
            self.places = places
            self.norm = norm
        }
    }

    /// Picks the rows of most merit for a query: `Σ w[h] · max(0, q[h] · k)`.
    public struct Indexer: Sendable, Hashable {
        /// The number of its heads.
        public var headCount: Int
        /// What makes its queries of the queries' short row.
        public var queries: Projection
        /// What makes the heads' weights of the block's row.
        public var weights: Projection
        /// What makes its keys.
        public var compressor: Compressor
        /// How many rows are picked.
        public var pickCount: Int

        /// Describes an indexer.
        public init(
            headCount: Int, queries: Projection, weights: Projection, compressor: Compressor,
            pickCount: Int
        ) {
            self.headCount = headCount
            self.queries = queries
            self.weights = weights
            self.compressor = compressor
            self.pickCount = pickCount
        }
    }

    /// Describes a block of any mixer.
    public init(
        attentionNorm: Norm?, mixer: Mixer, feedForwardNorm: Norm?, feedForward: FeedForward
    ) {
        self.attentionNorm = attentionNorm
        self.mixer = mixer
        self.feedForwardNorm = feedForwardNorm
        self.feedForward = feedForward
    }
}
