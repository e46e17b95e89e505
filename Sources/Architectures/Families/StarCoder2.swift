import TensorCore

extension DecoderFamily {
    /// StarCoder 2: layer norms, biases, a GELU network without a gate.
    static let starCoder2 = DecoderFamily(architectures: ["starcoder2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.norm = .layer
        style.network = .plain
        style.activation = .geluTanh
        return try model.decoder(style)
    }
}
