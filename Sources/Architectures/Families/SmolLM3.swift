import TensorCore

extension DecoderFamily {
    /// SmolLM 3: Llama whose every fourth block knows no positions.
    static let smolLM3 = DecoderFamily(architectures: ["smollm3"]) {
        model throws(DecoderDescriptionError) in
        try model.decoder(DecoderStyle(pairing: .interleaved)) { index, block in
            if (index + 1) % 4 == 0 { block.attention.rotary = nil }
        }
    }
}
