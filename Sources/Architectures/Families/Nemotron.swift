import TensorCore

extension DecoderFamily {
    /// Nemotron and Minitron: layer norms, part of every head turns, a squared ReLU without a gate.
    /// (The converter adds the 1 to the weights of norms.)
    static let nemotron = DecoderFamily(architectures: ["nemotron"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.norm = .layer
        style.network = .plain
        style.activation = .reluSquared
        return try model.decoder(style)
    }
}
