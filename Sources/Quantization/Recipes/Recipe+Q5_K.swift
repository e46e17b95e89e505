extension Recipe {
    /// 5-bit K.
    package static let Q5_K_S = Recipe(
        "Q5_K_S", fileType: 16, summary: "5.5 bits, small", MixedPrecision(.Q5_K))
    /// 5-bit K with 6 bits for half of the values and down projections.
    package static let Q5_K_M = Recipe(
        "Q5_K_M", fileType: 17, aliases: ["Q5_K"], summary: "5.7 bits, medium",
        MixedPrecision(.Q5_K) { tensor in
            switch tensor.role {
            case .attentionValue, .feedForwardDown: tensor.position.deservesMoreBits ? .Q6_K : nil
            default: nil
            }
        })
}
