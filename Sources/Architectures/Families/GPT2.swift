import TensorCore

extension DecoderFamily {
    /// GPT-2: learned positions, layer norms, one matrix for queries, keys and values.
    static let gpt2 = DecoderFamily(architectures: ["gpt2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: nil)
        style.norm = .layer
        style.network = .plain
        style.activation = .geluTanh
        var decoder = try model.decoder(style)
        decoder.positionEmbedding = "position_embd.weight"
        return decoder
    }
}
