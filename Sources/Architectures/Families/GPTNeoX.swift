import TensorCore

extension DecoderFamily {
    /// GPT-NeoX and Pythia: layer norms, part of every head turns, attention and network side by
    /// side, each behind its own norm.
    static let gptNeoX = DecoderFamily(architectures: ["gptneox"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.norm = .layer
        style.network = .plain
        style.activation = .gelu
        let isParallel = try model.flag("use_parallel_residual", standard: true)
        return try model.decoder(style) { _, block in
            block.arrangement = isParallel ? .parallel : .sequential
        }
    }
}
