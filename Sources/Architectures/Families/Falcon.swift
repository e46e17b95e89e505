import TensorCore

extension DecoderFamily {
    /// Falcon: attention and network side by side behind one layer norm, or, in the 40B and 180B
    /// models, behind one each.
    static let falcon = DecoderFamily(architectures: ["falcon"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.norm = .layer
        style.arrangement = .parallel
        style.network = .plain
        style.activation = .gelu
        return try model.decoder(style) { index, block throws(DecoderDescriptionError) in
            guard model.present("blk.\(index).attn_norm_2.weight") != nil else { return }
            block.feedForwardNorm = block.attentionNorm
            block.attentionNorm = try model.norm(.layer, "blk.\(index).attn_norm_2")
        }
    }
}
