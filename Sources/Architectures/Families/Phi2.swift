import TensorCore

extension DecoderFamily {
    /// Phi 1 to 2: attention and network side by side behind one layer norm, biases everywhere, part
    /// of every head turns.
    static let phi2 = DecoderFamily(architectures: ["phi2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.norm = .layer
        style.arrangement = .parallel
        style.network = .plain
        style.activation = .geluTanh
        return try model.decoder(style)
    }
}
