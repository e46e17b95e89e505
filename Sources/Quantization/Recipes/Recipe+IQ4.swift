extension Recipe {
    /// 4-bit codes on a curve, blocks of 32.
    package static let IQ4_NL = Recipe(
        "IQ4_NL", fileType: 25, summary: "4.5 bits, codes on a curve", .curved(.IQ4_NL))
    /// 4-bit codes on a curve, blocks of 256.
    package static let IQ4_XS = Recipe(
        "IQ4_XS", fileType: 30, summary: "4.3 bits, codes on a curve", .curved(.IQ4_XS))
}

extension MixedPrecision {
    fileprivate static func curved(_ base: Format) -> MixedPrecision {
        MixedPrecision(base) { tensor in
            switch tensor.role {
            case .attentionValue where tensor.sharesValues: .Q5_K
            case .feedForwardDown
            where tensor.position.isInFirstEighth && !tensor.model.hasImportanceMatrix: .Q5_K
            case .attentionOutput where tensor.isOutputOfEightExperts: .Q5_K
            default: nil
            }
        }
    }
}
