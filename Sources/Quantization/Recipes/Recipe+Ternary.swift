// For models that were trained with weights of -1, 0 and 1.
extension Recipe {
    /// Ternary, five values to a byte.
    package static let TQ1_0 = Recipe(
        "TQ1_0", fileType: 36, summary: "1.7 bits, for ternary models", .ternary(.TQ1_0))
    /// Ternary, four values to a byte.
    package static let TQ2_0 = Recipe(
        "TQ2_0", fileType: 37, summary: "2.1 bits, for ternary models", .ternary(.TQ2_0))
}

extension MixedPrecision {
    fileprivate static func ternary(_ base: Format) -> MixedPrecision {
        MixedPrecision(base) { $0.role == .tokenEmbedding ? .Q4_K : nil }
    }
}
