import TensorCore

extension DecoderFamily {
    /// StableLM: layer norms, part of every head turns; the 12B model normalises every head with
    /// weights of its own and puts attention and network side by side.
    static let stableLM = DecoderFamily(architectures: ["stablelm"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.norm = .layer
        let isParallel = try model.flag(
            "use_parallel_residual", standard: model.present("blk.0.ffn_norm.weight") == nil)
        style.arrangement = isParallel ? .parallel : .sequential
        if model.present("blk.0.attn_q_norm.weight") != nil { style.headNorms = .eachHead }
        return try model.decoder(style)
    }
}
