internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale, a minimum and 4-bit codes; 5 bits per weight.
    public static let Q4_1 = Format(
        name: "Q4_1", typeID: 3, blockElementCount: 32, blockByteCount: 20,
        fallbacks: [.F16], importance: .optional,
        codes: .init(group: 32, block: 32, offset: 0, highest: 15, hasMinimum: true),
        feedback: blocksQ4_1.feedback,
        kernels: .init(ingot_kernels_Q4_1),
        encodeBlock: { values, importance, variance, block in
            blocksQ4_1.encode(values, importance, variance: variance, block)
        },
        decodeBlock: blocksQ4_1.decode)

    private static let blocksQ4_1 = SmallBlock(bits: 4, hasMinimum: true)
}
