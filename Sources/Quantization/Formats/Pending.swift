// Formats whose kernels are not here yet: the geometry alone, so that recipes can name them.
extension Format {
    /// Q1_0.
    public static let Q1_0 = pending("Q1_0", 41, 128, 18)
    /// Q2_0.
    public static let Q2_0 = pending("Q2_0", 42, 64, 18)
    /// IQ2_XXS.
    public static let IQ2_XXS = pending("IQ2_XXS", 16, 256, 66)
    /// IQ2_XS.
    public static let IQ2_XS = pending("IQ2_XS", 17, 256, 74)
    /// IQ3_XXS.
    public static let IQ3_XXS = pending("IQ3_XXS", 18, 256, 98)
    /// IQ1_S.
    public static let IQ1_S = pending("IQ1_S", 19, 256, 50)
    /// IQ4_NL.
    public static let IQ4_NL = pending("IQ4_NL", 20, 32, 18)
    /// IQ3_S.
    public static let IQ3_S = pending("IQ3_S", 21, 256, 110)
    /// IQ2_S.
    public static let IQ2_S = pending("IQ2_S", 22, 256, 82)
    /// IQ4_XS.
    public static let IQ4_XS = pending("IQ4_XS", 23, 256, 136)
    /// IQ1_M.
    public static let IQ1_M = pending("IQ1_M", 29, 256, 56)
    /// TQ1_0.
    public static let TQ1_0 = pending("TQ1_0", 34, 256, 54)
    /// TQ2_0.
    public static let TQ2_0 = pending("TQ2_0", 35, 256, 66)
    /// MXFP4.
    public static let MXFP4 = pending("MXFP4", 39, 32, 17)
    /// NVFP4.
    public static let NVFP4 = pending("NVFP4", 40, 64, 36)

    private static func pending(
        _ name: String, _ typeID: UInt32, _ elementCount: Int, _ byteCount: Int
    ) -> Format {
        Format(
            name: name, typeID: typeID, blockElementCount: elementCount, blockByteCount: byteCount,
            encode: nil, decode: nil)
    }
}
