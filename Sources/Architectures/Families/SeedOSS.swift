import TensorCore

extension DecoderFamily {
    /// Seed-OSS: Qwen 2 whose second norm has another name.
    static let seedOSS = DecoderFamily(architectures: ["seed_oss"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.feedForwardNorm = "post_attention_norm"
        return try model.decoder(style)
    }
}
