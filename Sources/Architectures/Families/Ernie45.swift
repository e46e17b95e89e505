import TensorCore

extension DecoderFamily {
    /// Ernie 4.5 and its MoE models, whose choice of experts is corrected by a bias.
    static let ernie45 = DecoderFamily(architectures: ["ernie4_5", "ernie4_5-moe"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        if try model.optionalCountOrZero("expert_count") ?? 0 > 0 {
            // The length of the shared network that files give is right for some models only.
            style.experts = ExpertStyle(
                scoring: .softmax, normalisesWeights: true,
                sharedHidden: try model.sharedHiddenByCount())
        }
        return try model.decoder(style)
    }
}
