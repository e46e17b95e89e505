/// Logits of some scored positions for some tokens of the vocabulary, of every model.
///
/// Tiles of one position come in the order of the vocabulary and one at a time; tiles of different
/// positions come on several threads at once. The memory is valid during the call only.
public struct LogitsTile {
    /// The scored positions, numbered through all stretches.
    public let rows: Range<Int>
    /// The tokens.
    public let tokens: Range<Int>
    /// The number of models; the first is the base.
    public let modelCount: Int
    let base: UnsafePointer<Float>

    /// The logits that `model` gives `tokens` at the scored position `row`.
    @inlinable
    public func logits(row: Int, model: Int) -> UnsafeBufferPointer<Float> {
        precondition(rows.contains(row) && (0..<modelCount).contains(model), "out of the tile")
        return start(row: row - rows.lowerBound, model: model)
    }

    @usableFromInline
    func start(row: Int, model: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(
            start: base + (model * rows.count + row) * tokens.count, count: tokens.count)
    }
}
