import TensorCore

extension DecoderFamily {
    /// Arcee's AFM: Llama with a squared ReLU and no gate.
    static let arcee = DecoderFamily(architectures: ["arcee"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        style.network = .plain
        style.activation = .reluSquared
        return try model.decoder(style)
    }
}
