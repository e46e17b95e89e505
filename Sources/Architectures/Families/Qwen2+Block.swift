extension DecoderFamily {
    /// Qwen 2 and 2.5: biases on Q, K and V (told by presence), rotation of halves.
    static let qwen2 = DecoderFamily(architectures: ["qwen2"]) {
        model throws(DecoderDescriptionError) in
        try model.preNormDecoder(pairing: .halves)
    }
}
