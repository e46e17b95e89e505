extension Recipe {
    /// 2-bit K with 3 bits where it hurts most.
    package static let Q2_K = Recipe(
        "Q2_K", fileType: 10, summary: "2.6 bits and more where it counts",
        MixedPrecision(.Q2_K) { tensor in
            switch tensor.role {
            case .attentionValue: tensor.sharesValues ? .Q4_K : .Q3_K
            case .feedForwardDown: .Q3_K
            case .attentionOutput where tensor.model.isFalcon: nil
            case .attentionOutput: tensor.hasEightExperts ? .Q5_K : .Q3_K
            default: nil
            }
        })
    /// 2-bit K; refused without an importance matrix.
    package static let Q2_K_S = Recipe(
        "Q2_K_S", fileType: 21, summary: "2.6 bits; needs an importance matrix",
        expectsImportance: true,
        MixedPrecision(.Q2_K) { tensor in
            switch tensor.role {
            case .attentionValue where tensor.sharesValues: .Q4_K
            case .feedForwardDown where tensor.position.isInFirstEighth: .Q4_K
            default: nil
            }
        })
}
