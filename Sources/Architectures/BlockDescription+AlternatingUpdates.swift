extension BlockDescription {
    /// Alternating updates (AltUp): a token has several rows between blocks, and a block works on one.
    ///
    /// With `m(x) = tanh(router · norm(x) / E)`, and before the block the rows h: row i becomes the
    /// prediction `p_i = h_i + Σ_j c_ij h_j`, where c is `prediction · m(h_active)`, `[count, count]`.
    /// The block makes x of `p_active`; then `h_i = p_i + (1 + d_i) (x − p_active)`, where d is
    /// `correction · m(x)`. What the block makes of the token's embedding for it, `LayerInput`, takes
    /// `inputScale · h_active`, and is added to all rows but the first.
    /// Source: Baykal et al., Alternating Updates, <https://arxiv.org/abs/2301.13310>, and the
    /// Gemma 3n definition in transformers.
    public struct AlternatingUpdates: Sendable, Hashable {
        /// The number of rows.
        public var count: Int
        /// The row that the block works on.
        public var active: Int
        /// The norm of what the router takes.
        public var norm: Norm
        /// The matrix that makes modalities, `[count, E]`.
        public var router: Projection
        /// The matrix that makes the weights of a prediction, `[count², count]`.
        public var prediction: Projection
        /// The matrix that makes the weights of a correction, `[count, count]`.
        public var correction: Projection
        /// A tensor, `[E]`.
        public var inputScale: String
        /// In the first block: the tensor with the matrices that make the rows but the first of that,
        /// `[count − 1, E, E]`; each is brought to the first's size.
        public var expansion: String?
        /// In the last block: the tensor with the matrices that rows but the first go through, each
        /// brought to the first's size, before the mean of all is taken, `[count − 1, E, E]`.
        public var merging: String?

        /// Describes updates.
        public init(
            count: Int, active: Int, norm: Norm, router: Projection, prediction: Projection,
            correction: Projection, inputScale: String
        ) {
            self.count = count
            self.active = active
            self.norm = norm
            self.router = router
            self.prediction = prediction
            self.correction = correction
            self.inputScale = inputScale
        }
    }

    /// A learned augmented residual layer (LAuReL): `(x + mixer(n) + n + norm(right · left · n)) / √2`
    /// in place of `x + mixer(n)`, with the normed row n.
    ///
    /// Source: Menghani et al., LAuReL, <https://arxiv.org/abs/2411.07501>.
    public struct Laurel: Sendable, Hashable {
        /// The matrix to a short row.
        public var left: Projection
        /// The matrix back.
        public var right: Projection
        /// The norm of what that makes.
        public var norm: Norm

        /// Describes a layer.
        public init(left: Projection, right: Projection, norm: Norm) {
            self.left = left
            self.right = right
            self.norm = norm
        }
    }
}
