import TensorCore

extension DecoderFamily {
    /// gpt-oss: sinks in attention, sliding windows in every other block, experts with biases and a
    /// clamped activation, and YaRN whose blend starts and ends between pairs.
    static let gptOSS = DecoderFamily(architectures: ["gpt-oss"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.feedForwardNorm = "post_attention_norm"
        style.experts = ExpertStyle(
            scoring: .softmaxOfChosen, normalisesWeights: false,
            activation: .clampedSwiGLU(alpha: 1.702, limit: 7))
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 2)
        return try model.decoder(style) { index, block in
            block.attention.window = windows[index]
            block.attention.sinks = "blk.\(index).attn_sinks.weight"
            block.attention.rotary?.yarn?.truncates = false
        }
    }
}
