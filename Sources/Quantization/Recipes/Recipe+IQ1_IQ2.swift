// The file types below 3 bits. All need an importance matrix. Values, attention output, the first
// down projections and the embeddings get more bits, else nothing would be left of the model.
extension Recipe {
    /// 1.6 bits.
    package static let IQ1_S = Recipe(
        "IQ1_S", fileType: 24, summary: "1.6 bits; needs an importance matrix",
        .low(.IQ1_S, raised: .Q2_K, embedding: .Q2_K, attentionOutput: .IQ2_XXS))
    /// 1.8 bits.
    package static let IQ1_M = Recipe(
        "IQ1_M", fileType: 31, summary: "1.8 bits; needs an importance matrix",
        .low(.IQ1_M, raised: .Q2_K, embedding: .Q2_K, attentionOutput: .IQ2_XXS))
    /// 2.1 bits.
    package static let IQ2_XXS = Recipe(
        "IQ2_XXS", fileType: 19, summary: "2.1 bits; needs an importance matrix",
        .low(.IQ2_XXS, raised: .Q2_K, embedding: .Q2_K, attentionOutput: nil))
    /// 2.3 bits.
    package static let IQ2_XS = Recipe(
        "IQ2_XS", fileType: 20, summary: "2.3 bits; needs an importance matrix",
        .low(.IQ2_XS, raised: .Q2_K, embedding: .Q2_K, attentionOutput: nil))
    /// 2.3 bits with 3.4 where it counts. (The format of this name is `IQ2_M`'s base.)
    package static let IQ2_S = Recipe(
        "IQ2_S", fileType: 28, summary: "2.5 bits; needs an importance matrix",
        .low(.IQ2_XS, raised: .IQ3_S, embedding: .IQ3_S, attentionOutput: .IQ3_S))
    /// 2.5 bits with 3.4 where it counts.
    package static let IQ2_M = Recipe(
        "IQ2_M", fileType: 29, summary: "2.7 bits; needs an importance matrix",
        .low(.IQ2_S, raised: .IQ3_S, embedding: .IQ3_S, attentionOutput: .IQ3_S))
}

extension MixedPrecision {
    fileprivate static func low(
        _ base: Format, raised: Format, embedding: Format, attentionOutput: Format?
    ) -> MixedPrecision {
        MixedPrecision(base, output: .Q5_K, followsCommonRules: false) { tensor in
            switch tensor.role {
            case .tokenEmbedding: embedding
            case .attentionValue:
                tensor.sharesValues || tensor.model.expertCount >= 4 ? .Q4_K : raised
            case .attentionKey where tensor.hasEightExperts: .Q4_K
            case .feedForwardDown where tensor.position.isInFirstEighth: raised
            case .attentionOutput: tensor.hasEightExperts ? .Q5_K : attentionOutput
            default: nil
            }
        }
    }
}
