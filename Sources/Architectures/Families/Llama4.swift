import TensorCore

extension DecoderFamily {
    /// Llama 4 text: one expert of many beside a shared network, blocks of two kinds.
    ///
    /// Three of four turn and see their own chunk of the text; the fourth knows no positions and
    /// scales its queries with the position.
    static let llama4 = DecoderFamily(architectures: ["llama4"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        if try model.optionalCountOrZero("expert_count") ?? 0 > 0 {
            style.experts = ExpertStyle(
                scoring: .sigmoid, normalisesWeights: false,
                sharedHidden: try model.count("expert_feed_forward_length"))
        }
        // A window of 0 says that all blocks are alike; the files do not give the chunk's length.
        let isMixed = try model.optionalCountOrZero("attention.sliding_window") != 0
        let epsilon = try model.norm(.rootMeanSquare, "output_norm").epsilon
        // The model with 128 experts does without norms of heads; its file does not say so.
        let hasHeadNorms = try model.optionalCountOrZero("expert_count") != 128
        return try model.decoder(style) { index, block in
            if case .experts(var experts) = block.feedForward {
                experts.weighsInput = true
                block.feedForward = .experts(experts)
            }
            if isMixed, (index + 1) % 4 == 0 {
                block.attention.rotary = nil
                block.attention.temperature = .init(scale: 0.1, length: 8192)
                return
            }
            if isMixed { block.attention.chunk = 8192 }
            guard hasHeadNorms else { return }
            let norm = BlockDescription.Norm(.rootMeanSquare, epsilon: epsilon, weight: nil)
            block.attention.queryNorm = norm
            block.attention.keyNorm = norm
            block.attention.normAfterRotation = true
        }
    }
}
