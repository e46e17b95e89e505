extension Recipe {
    /// 6-bit K.
    package static let Q6_K = Recipe(
        "Q6_K", fileType: 18, summary: "6.6 bits, hard to tell from F16", MixedPrecision(.Q6_K))
}
