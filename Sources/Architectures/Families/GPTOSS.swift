import TensorCore

extension DecoderFamily {
    /// gpt-oss: sinks in attention, sliding windows in every other block, experts with biases and a
    /// clamped activation, and YaRN whose blend starts and ends between pairs.
    static let gptOSS = DecoderFamily(architectures: ["gpt-oss"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.hasPreNorms = false
        style.experts = ExpertStyle(
            scoring: .softmaxOfChosen, normalisesWeights: false,
            activation: .clampedSwiGLU(alpha: 1.702, limit: 7))
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 2)
        return try model.decoder(style) { index, block throws(DecoderDescriptionError) in
            let name = "blk.\(index)"
            block.attentionNorm = try model.norm(.rootMeanSquare, "\(name).attn_norm")
            block.feedForwardNorm = try model.norm(.rootMeanSquare, "\(name).post_attention_norm")
            block.attention.window = windows[index]
            block.attention.sinks = "\(name).attn_sinks.weight"
            block.attention.rotary?.yarn?.truncates = false
        }
    }
}
