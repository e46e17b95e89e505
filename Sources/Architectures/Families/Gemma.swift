import TensorCore

extension DecoderFamily {
    /// Gemma 1: embeddings scaled by the root of their length, a gated GELU network. (The converter
    /// adds the 1 to the weights of norms.)
    static let gemma = DecoderFamily(architectures: ["gemma"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.activation = .geluTanh
        var decoder = try model.decoder(style)
        decoder.embeddingScale = Float(decoder.embeddingLength).squareRoot()
        return decoder
    }
}
