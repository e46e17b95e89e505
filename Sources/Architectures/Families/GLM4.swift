import TensorCore

extension DecoderFamily {
    /// GLM-4 of 2025: norms before and after, stacked gate and up, half of every head turns.
    static let glm4 = DecoderFamily(architectures: ["glm4"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        style.hasPostNorms = true
        style.network = .stacked
        return try model.decoder(style)
    }
}
