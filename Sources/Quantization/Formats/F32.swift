extension Format {
    /// IEEE 754 binary32, little-endian, one value to a block.
    public static let F32 = Format(
        name: "F32", typeID: 0, blockElementCount: 1, blockByteCount: 4,
        encode: { rows, rowCount, rowLength, _, destination in
            destination.copyMemory(from: rows, byteCount: rowCount * rowLength * 4)
        },
        decode: { source, elementCount, destination in
            UnsafeMutableRawPointer(destination).copyMemory(
                from: source, byteCount: elementCount * 4)
        })
}
