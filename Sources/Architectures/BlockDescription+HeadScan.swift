extension BlockDescription {
    /// A selective scan by heads: for every head a matrix h, `[headLength, stateLength]`, that starts at
    /// zero.
    ///
    /// `input` makes for each head a gate z, then x. x goes through the convolution and silu;
    /// `parameters` makes of all heads' x the rows B and C and a short row of step sizes, each of which
    /// is normalised; `steps` makes of that a step for every head. With `d = softplus(step)`:
    /// `h ← exp(d · decay) · h + d · x Bᵀ`, and the result is `(h C + skip · x) · silu(z)`.
    /// Source: Preferred Networks, PLaMo 2, <https://huggingface.co/pfnet/plamo-2-1b>.
    public struct HeadScan: Sendable, Hashable {
        /// The number of heads.
        public var headCount: Int
        /// The length of a head's x.
        public var headLength: Int
        /// The length of B and C.
        public var stateLength: Int
        /// The convolution of x.
        public var convolution: Convolution
        /// What makes B, C and the short row of steps.
        public var parameters: Projection
        /// What makes a step for each head.
        public var steps: Projection
        /// The norms of B, C and the short row.
        public var norms: [Norm]
        /// The tensor of decays, `[headCount]`, below 0.
        public var decay: String
        /// The tensor that lets x through, `[headCount]`.
        public var skip: String

        /// Describes a scan.
        public init(
            headCount: Int, headLength: Int, stateLength: Int, convolution: Convolution,
            parameters: Projection, steps: Projection, norms: [Norm], decay: String, skip: String
        ) {
            self.headCount = headCount
            self.headLength = headLength
            self.stateLength = stateLength
            self.convolution = convolution
            self.parameters = parameters
            self.steps = steps
            self.norms = norms
            self.decay = decay
            self.skip = skip
        }

        /// The length of all heads' x, and of the result.
        public var width: Int { headCount * headLength }
    }
}

extension DecoderMetadata {
    /// The scan that the `ssm` keys describe; the short row has a sixteenth of the
    /// width, at least 64.
    func headScan(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let (inner, state) = try stateSizes()
        let heads = try count("ssm.time_step_rank")
        guard inner % heads == 0 else {
            throw invalid("ssm.time_step_rank", expected: "a divisor of \(inner)")
        }
        let rank = max(64, width / 16)
        let epsilon = try epsilon(of: .rootMeanSquare)
        let scan = BlockDescription.HeadScan(
            headCount: heads, headLength: inner / heads, stateLength: state,
            convolution: try stateConvolution(block),
            parameters: projection("\(block).ssm_x", outputs: 2 * state + rank, inputs: inner),
            steps: projection("\(block).ssm_dt", outputs: heads, inputs: rank),
            norms: ["b", "c", "dt"].map {
                .init(.rootMeanSquare, epsilon: epsilon, weight: "\(block).ssm_\($0)_norm")
            }, decay: "\(block).ssm_a", skip: "\(block).ssm_d")
        return .init(
            input: [projection("\(block).ssm_in", outputs: 2 * inner, inputs: width)],
            output: projection("\(block).ssm_out", outputs: width, inputs: inner),
            kind: .headScan(scan))
    }
}
