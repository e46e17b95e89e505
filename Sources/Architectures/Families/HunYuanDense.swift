import TensorCore

extension DecoderFamily {
    /// Hunyuan dense: norms of every head after it has turned. (The converter works the scaling of
    /// the rotation into its base.)
    static let hunYuanDense = DecoderFamily(architectures: ["hunyuan-dense"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .head
        return try model.decoder(style) { _, block in block.attention.normAfterRotation = true }
    }
}
