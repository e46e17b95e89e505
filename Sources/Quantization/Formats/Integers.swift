// Formats that GGUF files may carry and that Ingot copies without looking inside.
extension Format {
    /// 8-bit signed integers, one to a block.
    public static let I8 = Format.carried("I8", typeID: 24, byteCount: 1)
    /// 16-bit signed integers.
    public static let I16 = Format.carried("I16", typeID: 25, byteCount: 2)
    /// 32-bit signed integers.
    public static let I32 = Format.carried("I32", typeID: 26, byteCount: 4)
    /// 64-bit signed integers.
    public static let I64 = Format.carried("I64", typeID: 27, byteCount: 8)
    /// IEEE 754 binary64.
    public static let F64 = Format.carried("F64", typeID: 28, byteCount: 8)

    private static func carried(_ name: String, typeID: UInt32, byteCount: Int) -> Format {
        Format(
            name: name, typeID: typeID, blockElementCount: 1, blockByteCount: byteCount,
            encode: nil, decode: nil)
    }
}
