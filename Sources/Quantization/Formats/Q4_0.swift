extension Format {
    /// Blocks of 32 values: a scale and 4-bit codes around zero; 4.5 bits per weight.
    public static let Q4_0 = Format(
        name: "Q4_0", typeID: 2, blockElementCount: 32, blockByteCount: 18,
        encode: { blocksQ4_0.encode($0, $1, $2, $3, $4) },
        decode: { blocksQ4_0.decode($0, $1, $2) })

    private static let blocksQ4_0 = SmallBlock(bits: 4, hasMinimum: false)
}
