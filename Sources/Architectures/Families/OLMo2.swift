import TensorCore

extension DecoderFamily {
    /// OLMo 2 and 3: norms after attention and the network, and of whole rows of queries and keys.
    ///
    /// OLMo 3 has sliding windows, and scales the rotation in the other blocks only.
    static let olmo2 = DecoderFamily(architectures: ["olmo2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .row
        style.hasPreNorms = false
        style.hasPostNorms = true
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 4)
        return try model.decoder(style) { index, block in
            guard let window = windows[index] else { return }
            block.attention.window = window
            block.attention.rotary?.removeScaling()
        }
    }
}
