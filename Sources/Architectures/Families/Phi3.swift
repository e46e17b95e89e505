import TensorCore

extension DecoderFamily {
    /// Phi 3 and 4: matrices stacked, long contexts by divisors of the rotation, sliding windows in
    /// every block where there is one.
    static let phi3 = DecoderFamily(architectures: ["phi3"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.network = .stacked
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 0)
        return try model.decoder(style) { index, block in
            block.attention.window = windows[index]
        }
    }
}
