extension Recipe {
    /// 4-bit K.
    package static let Q4_K_S = Recipe(
        "Q4_K_S", fileType: 14, summary: "4.6 bits, small",
        MixedPrecision(.Q4_K) { tensor in
            switch tensor.role {
            case .attentionValue where tensor.position.index < 4: .Q5_K
            case .feedForwardDown
            where tensor.position.isInFirstEighth && !tensor.model.isFalcon: .Q5_K
            case .attentionOutput where tensor.isOutputOfEightExperts: .Q5_K
            default: nil
            }
        })
    /// 4-bit K with 6 bits for half of the values and down projections: the usual choice.
    package static let Q4_K_M = Recipe(
        "Q4_K_M", fileType: 15, aliases: ["Q4_K"], summary: "4.9 bits, medium: the usual choice",
        MixedPrecision(.Q4_K) { tensor in
            switch tensor.role {
            case .attentionValue where tensor.position.deservesMoreBits: .Q6_K
            case .feedForwardDown where tensor.model.isFalcon:
                tensor.position.isInFirstSixteenth
                    ? .Q6_K : tensor.position.deservesMoreBits ? .Q5_K : nil
            case .feedForwardDown where tensor.position.deservesMoreBits: .Q6_K
            case .attentionOutput where tensor.isOutputOfEightExperts: .Q5_K
            default: nil
            }
        })
}
