import TensorCore

extension DecoderFamily {
    /// GLM-4.5: biases, norms of heads in the large model, DeepSeek-V3's experts after dense blocks.
    static let glm4MoE = DecoderFamily(architectures: ["glm4moe"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.feedForwardNorm = "post_attention_norm"
        if model.present("blk.0.attn_q_norm.weight") != nil { style.headNorms = .head }
        style.experts = ExpertStyle(
            scoring: .sigmoid, normalisesWeights: true, sharedHidden: try model.sharedHidden())
        return try model.decoder(style)
    }
}
