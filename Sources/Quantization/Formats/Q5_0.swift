internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale and 5-bit codes around zero; 5.5 bits per weight.
    public static let Q5_0 = Format(
        name: "Q5_0", typeID: 6, blockElementCount: 32, blockByteCount: 22,
        fallbacks: [.F16], importance: .optional,
        codes: .init(group: 32, block: 32, offset: 16, highest: 31),
        feedback: blocksQ5_0.feedback,
        kernels: .init(ingot_kernels_Q5_0),
        encodeBlock: { values, importance, variance, block in
            blocksQ5_0.encode(values, importance, variance: variance, block)
        },
        decodeBlock: blocksQ5_0.decode)

    private static let blocksQ5_0 = SmallBlock(bits: 5, hasMinimum: false)
}
