extension Format {
    /// Blocks of 32 values: a scale, a minimum and 4-bit codes; 5 bits per weight.
    public static let Q4_1 = Format(
        name: "Q4_1", typeID: 3, blockElementCount: 32, blockByteCount: 20,
        encode: { blocksQ4_1.encode($0, $1, $2, $3, $4) },
        decode: { blocksQ4_1.decode($0, $1, $2) })

    private static let blocksQ4_1 = SmallBlock(bits: 4, hasMinimum: true)
}
