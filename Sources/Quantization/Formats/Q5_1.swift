extension Format {
    /// Blocks of 32 values: a scale, a minimum and 5-bit codes; 6 bits per weight.
    public static let Q5_1 = Format(
        name: "Q5_1", typeID: 7, blockElementCount: 32, blockByteCount: 24,
        encode: { blocksQ5_1.encode($0, $1, $2, $3, $4) },
        decode: { blocksQ5_1.decode($0, $1, $2) })

    private static let blocksQ5_1 = SmallBlock(bits: 5, hasMinimum: true)
}
