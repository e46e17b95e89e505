import TensorCore

extension DecoderFamily {
    /// EXAONE 4: norms after attention and the network and of every head; where there are sliding
    /// windows, the blocks without one know no positions.
    static let exaone4 = DecoderFamily(architectures: ["exaone4"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .head
        style.hasPreNorms = false
        style.hasPostNorms = true
        let windows = try model.windows(blockCount: model.blockCount(), fullEvery: 4)
        let isMixed = windows.contains { $0 != nil }
        return try model.decoder(style) { index, block in
            block.attention.window = windows[index]
            if isMixed, windows[index] == nil { block.attention.rotary = nil }
        }
    }
}
