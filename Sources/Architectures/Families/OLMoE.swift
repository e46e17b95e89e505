import TensorCore

extension DecoderFamily {
    /// OLMoE: norms of whole rows of queries and keys, experts whose weights stay as the softmax
    /// made them.
    static let olmoe = DecoderFamily(architectures: ["olmoe"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .halves)
        style.headNorms = .row
        style.experts = ExpertStyle(normalisesWeights: false)
        return try model.decoder(style)
    }
}
