// The file types of blocks with plain scales. The first feed-forward layers of some models break
// under a symmetric format when it is rounded by importance, so they get an offset then.
extension Recipe {
    /// 1 bit.
    package static let Q1_0 = Recipe(
        "Q1_0", fileType: 40, summary: "1.13 bits, signs only", MixedPrecision(.Q1_0))
    /// 2 bits.
    package static let Q2_0 = Recipe(
        "Q2_0", fileType: 41, summary: "2.25 bits, blocks of 64",
        MixedPrecision(.Q2_0) { $0.role == .tokenEmbedding ? .Q4_K : nil })
    /// 4 bits.
    package static let Q4_0 = Recipe(
        "Q4_0", fileType: 2, summary: "4.5 bits, the oldest type; Q4_K_S is better",
        MixedPrecision(.Q4_0) { $0.isEarlyDownWithImportance ? .Q4_1 : nil })
    /// 4 bits and an offset.
    package static let Q4_1 = Recipe(
        "Q4_1", fileType: 3, summary: "5 bits, with an offset; Q4_K_M is better",
        MixedPrecision(.Q4_1))
    /// 5 bits.
    package static let Q5_0 = Recipe(
        "Q5_0", fileType: 8, summary: "5.5 bits; Q5_K_S is better",
        MixedPrecision(.Q5_0) { $0.isEarlyDownWithImportance ? .Q5_1 : nil })
    /// 5 bits and an offset.
    package static let Q5_1 = Recipe(
        "Q5_1", fileType: 9, summary: "6 bits, with an offset; Q5_K_M is better",
        MixedPrecision(.Q5_1))
    /// 8 bits.
    package static let Q8_0 = Recipe(
        "Q8_0", fileType: 7, summary: "8.5 bits, next to lossless",
        MixedPrecision(.Q8_0, output: .Q8_0))
}

extension MixedPrecision.Tensor {
    fileprivate var isEarlyDownWithImportance: Bool {
        role == .feedForwardDown && position.isInFirstEighth && model.hasImportanceMatrix
    }
}
