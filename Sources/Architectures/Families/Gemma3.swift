import TensorCore

extension DecoderFamily {
    /// Gemma 3: norms before and after and of every head; five blocks of six have a sliding window
    /// and turn by a base of their own, unscaled.
    static let gemma3 = DecoderFamily(architectures: ["gemma3"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.activation = .geluTanh
        style.hasPostNorms = true
        style.headNorms = .head
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 6)
        let localBase = try model.positiveNumber("rope.freq_base_swa") ?? 10000
        var decoder = try model.decoder(style) { index, block in
            // The 27B model alone divides by the width over the heads; its file does not say so.
            if windows.count == 62 {
                block.attention.scale = model.scaleByWidth(heads: block.attention.headCount)
            }
            guard let window = windows[index] else { return }
            block.attention.window = window
            block.attention.rotary?.removeScaling()
            block.attention.rotary?.base = Double(localBase)
        }
        decoder.embeddingScale = Float(decoder.embeddingLength).squareRoot()
        decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping")
        return decoder
    }
}
