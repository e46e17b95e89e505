/// Walks over the super-blocks of rows.
enum SuperBlocks {
    /// Encodes one super-block of 256 values, with 256 importance weights or none.
    typealias Encoder =
        @Sendable (
            _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
            _ block: UnsafeMutableRawPointer
        ) -> Void

    /// Encodes every super-block of some rows with `body`.
    static func encode(
        _ rows: UnsafePointer<Float>, _ rowCount: Int, _ rowLength: Int,
        _ importance: UnsafePointer<Float>?, _ destination: UnsafeMutableRawPointer,
        _ byteCount: Int, _ body: Encoder
    ) {
        let perRow = rowLength / 256
        for row in 0..<rowCount {
            for index in 0..<perRow {
                body(
                    rows + row * rowLength + 256 * index,
                    importance.map { $0 + 256 * index },
                    destination + (row * perRow + index) * byteCount)
            }
        }
    }
}
