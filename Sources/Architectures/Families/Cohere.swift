import TensorCore

extension DecoderFamily {
    /// Command R and R7B: attention and network side by side behind one layer norm without bias.
    ///
    /// Logits are scaled. The large models normalise every head with weights of its own; Command R7B has
    /// sliding windows in three blocks of four, and only those turn.
    static let cohere = DecoderFamily(architectures: ["command-r", "cohere2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        style.norm = .layer
        style.arrangement = .parallel
        if model.present("blk.0.attn_q_norm.weight") != nil { style.headNorms = .eachHead }
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 4)
        var decoder = try model.decoder(style) { index, block in
            block.attention.window = windows[index]
            if model.architecture == "cohere2", windows[index] == nil {
                block.attention.rotary = nil
            }
        }
        decoder.logitScale = try model.number("logit_scale") ?? 1
        return decoder
    }
}
