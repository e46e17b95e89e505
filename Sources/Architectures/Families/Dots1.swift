import TensorCore

extension DecoderFamily {
    /// dots.llm1: Qwen 3's attention with DeepSeek-V3's experts.
    static let dots1 = DecoderFamily(architectures: ["dots1"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .head
        style.experts = ExpertStyle(
            scoring: .sigmoid, normalisesWeights: false, sharedHidden: try model.sharedHidden())
        return try model.decoder(style)
    }
}
