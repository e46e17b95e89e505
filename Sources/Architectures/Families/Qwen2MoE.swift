import TensorCore

extension DecoderFamily {
    /// Qwen 1.5 MoE and 2 MoE: Qwen 2 with experts and a gated shared network beside them.
    static let qwen2MoE = DecoderFamily(architectures: ["qwen2moe"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.experts = ExpertStyle(
            normalisesWeights: false, sharedHidden: try model.sharedHidden())
        return try model.decoder(style)
    }
}
