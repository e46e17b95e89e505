extension Recipe {
    /// Matrices as 32-bit floats.
    package static let F32 = Recipe(
        "F32", fileType: 0, summary: "32-bit floats", MixedPrecision(.F32))
    /// Matrices as binary16.
    package static let F16 = Recipe(
        "F16", fileType: 1, summary: "16-bit floats", MixedPrecision(.F16))
    /// Matrices as bfloat16.
    package static let BF16 = Recipe(
        "BF16", fileType: 32, summary: "16-bit floats with the range of 32 bits",
        MixedPrecision(.BF16))
    /// Every tensor as it is.
    package static let COPY = Recipe("COPY", fileType: nil, summary: "every tensor as it is", nil)
}
