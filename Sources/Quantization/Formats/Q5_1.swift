internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale, a minimum and 5-bit codes; 6 bits per weight.
    public static let Q5_1 = Format(
        name: "Q5_1", typeID: 7, blockElementCount: 32, blockByteCount: 24,
        fallbacks: [.F16], importance: .optional,
        codes: .init(group: 32, block: 32, offset: 0, highest: 31, hasMinimum: true),
        feedback: blocksQ5_1.feedback,
        kernels: .init(ingot_kernels_Q5_1),
        encodeBlock: { values, importance, variance, block in
            blocksQ5_1.encode(values, importance, variance: variance, block)
        },
        decodeBlock: blocksQ5_1.decode)

    private static let blocksQ5_1 = SmallBlock(bits: 5, hasMinimum: true)
}
