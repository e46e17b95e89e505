extension Recipe {
    /// 3.1 bits with 2.5 for queries and keys; needs an importance matrix.
    package static let IQ3_XXS = Recipe(
        "IQ3_XXS", fileType: 23, summary: "3.1 bits; needs an importance matrix",
        MixedPrecision(.IQ3_XXS, output: .Q5_K) { tensor in
            switch tensor.role {
            case .tokenEmbedding: .IQ3_S
            case .attentionValue where tensor.sharesValues: .Q4_K
            case .attentionValue: tensor.model.hasImportanceMatrix ? .IQ3_XXS : .IQ3_S
            case .attentionKey, .attentionQuery: .IQ2_S
            case .feedForwardDown where !tensor.model.hasImportanceMatrix:
                tensor.position.isInFirstEighth ? .Q4_K : .Q3_K
            case .attentionOutput where tensor.model.isFalcon: nil
            case .attentionOutput: tensor.hasEightExperts ? .Q5_K : .IQ3_S
            default: nil
            }
        })
    /// 3.4 bits with 3.1 for queries, keys and the middle layers; needs an importance matrix.
    package static let IQ3_XS = Recipe(
        "IQ3_XS", fileType: 22, summary: "3.3 bits; needs an importance matrix",
        MixedPrecision(.IQ3_S) { tensor in
            switch tensor.role {
            case .attentionValue where tensor.sharesValues: .Q4_K
            case .attentionKey, .attentionQuery: .IQ3_XXS
            case .feedForwardGate, .feedForwardUp: tensor.position.isInMiddle ? .IQ3_XXS : nil
            case .attentionOutput where tensor.isOutputOfEightExperts: .Q5_K
            default: nil
            }
        })
    /// 3.4 bits.
    package static let IQ3_S = Recipe(
        "IQ3_S", fileType: 26, summary: "3.4 bits, better than Q3_K_S",
        MixedPrecision(.IQ3_S) { tensor in
            switch tensor.role {
            case .attentionValue where tensor.sharesValues: .Q4_K
            case .attentionOutput where tensor.isOutputOfEightExperts: .Q5_K
            default: nil
            }
        })
    /// 3.4 bits with 4.5 for values and attention output.
    package static let IQ3_M = Recipe(
        "IQ3_M", fileType: 27, summary: "3.7 bits",
        MixedPrecision(.IQ3_S) { tensor in
            switch tensor.role {
            case .attentionValue: .Q4_K
            case .feedForwardDown where tensor.position.isInFirstEighth: .Q4_K
            case .feedForwardDown where tensor.hasEightExperts:
                tensor.position.deservesMoreBits ? .Q4_K : nil
            case .attentionOutput where tensor.model.isFalcon: nil
            case .attentionOutput: tensor.hasEightExperts ? .Q5_K : .Q4_K
            default: nil
            }
        })
}
