extension Recipe {
    /// 3-bit K.
    package static let Q3_K_S = Recipe(
        "Q3_K_S", fileType: 11, summary: "3.4 bits, small",
        MixedPrecision(.Q3_K) { $0.isOutputOfEightExperts ? .Q5_K : nil })
    /// 3-bit K with 4 and 5 bits for values, attention output and down projections.
    package static let Q3_K_M = Recipe(
        "Q3_K_M", fileType: 12, aliases: ["Q3_K"], summary: "3.9 bits, medium",
        MixedPrecision(.Q3_K) { tensor in
            switch tensor.role {
            case .attentionValue: tensor.position.index < 2 ? .Q5_K : .Q4_K
            case .feedForwardDown where tensor.position.isInFirstSixteenth: .Q5_K
            case .feedForwardDown where tensor.model.isFalcon:
                tensor.position.deservesMoreBits ? .Q4_K : nil
            case .feedForwardDown: .Q4_K
            case .attentionOutput where tensor.model.isFalcon: nil
            case .attentionOutput: tensor.hasEightExperts ? .Q5_K : .Q4_K
            default: nil
            }
        })
    /// 3-bit K with 5 bits for values, attention output and down projections.
    package static let Q3_K_L = Recipe(
        "Q3_K_L", fileType: 13, summary: "4.3 bits, large",
        MixedPrecision(.Q3_K) { tensor in
            switch tensor.role {
            case .attentionValue: .Q5_K
            case .feedForwardDown: tensor.model.isFalcon ? .Q4_K : .Q5_K
            case .attentionOutput where tensor.model.isFalcon: .Q4_K
            case .attentionOutput: tensor.hasEightExperts ? nil : .Q5_K
            default: nil
            }
        })
}
