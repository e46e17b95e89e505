internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale and 4-bit codes around zero; 4.5 bits per weight.
    public static let Q4_0 = Format(
        name: "Q4_0", typeID: 2, blockElementCount: 32, blockByteCount: 18,
        fallbacks: [.F16], importance: .optional,
        codes: .init(group: 32, block: 32, offset: 8, highest: 15),
        feedback: blocksQ4_0.feedback,
        kernels: .init(ingot_kernels_Q4_0),
        encodeBlock: { values, importance, variance, block in
            blocksQ4_0.encode(values, importance, variance: variance, block)
        },
        decodeBlock: blocksQ4_0.decode)

    private static let blocksQ4_0 = SmallBlock(bits: 4, hasMinimum: false)
}
