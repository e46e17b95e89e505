import TensorCore

extension DecoderFamily {
    /// Gemma 2: norms before and after, soft caps on scores and logits, sliding windows in every
    /// other block.
    static let gemma2 = DecoderFamily(architectures: ["gemma2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.activation = .geluTanh
        style.hasPostNorms = true
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 2)
        let softCap = try model.positiveNumber("attn_logit_softcapping") ?? 50
        var decoder = try model.decoder(style) { index, block in
            block.attention.window = windows[index]
            block.attention.softCap = softCap
            // The 27B model alone divides by the width over the heads; its file does not say so.
            if windows.count == 46 {
                block.attention.scale = model.scaleByWidth(heads: block.attention.headCount)
            }
        }
        decoder.embeddingScale = Float(decoder.embeddingLength).squareRoot()
        decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping") ?? 30
        return decoder
    }
}
