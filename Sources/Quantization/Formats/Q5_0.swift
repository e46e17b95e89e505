extension Format {
    /// Blocks of 32 values: a scale and 5-bit codes around zero; 5.5 bits per weight.
    public static let Q5_0 = Format(
        name: "Q5_0", typeID: 6, blockElementCount: 32, blockByteCount: 22,
        encode: { blocksQ5_0.encode($0, $1, $2, $3, $4) },
        decode: { blocksQ5_0.decode($0, $1, $2) })

    private static let blocksQ5_0 = SmallBlock(bits: 5, hasMinimum: false)
}
