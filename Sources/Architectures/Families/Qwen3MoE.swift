import TensorCore

extension DecoderFamily {
    /// Qwen 3 MoE: Qwen 3 with experts whose weights are divided by their sum.
    static let qwen3MoE = DecoderFamily(architectures: ["qwen3moe"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .head
        style.experts = ExpertStyle(normalisesWeights: true)
        return try model.decoder(style)
    }
}
