extension DecoderFamily {
    /// Qwen 3: an RMS norm of every query and key head, rotation of halves, heads whose length
    /// need not be the width over their number.
    static let qwen3 = DecoderFamily(architectures: ["qwen3"]) {
        model throws(DecoderDescriptionError) in
        try model.preNormDecoder(pairing: .halves, headNorms: true)
    }
}
