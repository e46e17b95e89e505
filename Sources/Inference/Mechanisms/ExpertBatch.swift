import TensorCore

/// The rows of a whole batch on their way through a block's experts.
///
/// Memory: the batch's normalised rows, once more as much where a norm or a scale comes after the
/// experts, and eight bytes for each token and expert that it takes.
///
/// `@unchecked Sendable`: every group of stretches writes rows of its own.
final class ExpertBatch: @unchecked Sendable {
    let width: Int
    let usedCount: Int
    private let input: FloatBuffer
    private let sum: FloatBuffer?
    private let weights: FloatBuffer
    private let chosen: UnsafeMutablePointer<Int32>
    private let rowCapacity: Int

    init(rowCount: Int, width: Int, usedCount: Int, hasSum: Bool) throws(InferenceError) {
        guard let slots = rowCount.multiplied(checkedBy: usedCount),
            let floats = rowCount.multiplied(checkedBy: width)
        else { throw InferenceError(.outOfMemory(byteCount: .max), path: nil) }
        self.width = width
        self.usedCount = usedCount
        rowCapacity = rowCount
        input = try FloatBuffer(count: floats)
        sum = hasSum ? try FloatBuffer(count: floats) : nil
        weights = try FloatBuffer(count: slots)
        chosen = .allocate(capacity: max(1, slots))
    }

    deinit { chosen.deallocate() }

    /// Whether the batch has room for a block's rows.
    func fits(rowCount: Int, width: Int, usedCount: Int, hasSum: Bool) -> Bool {
        rowCount <= rowCapacity && width == self.width && usedCount == self.usedCount
            && (!hasSum || sum != nil)
    }

    /// All rows, summed apart from the residual stream or not.
    func rows(hasSum: Bool) -> ExpertRows {
        ExpertRows(
            input: input.base, sum: hasSum ? sum?.base : nil, chosen: chosen,
            chosenWeights: weights.base, width: width, usedCount: usedCount)
    }
}

/// Some rows of a batch on their way through a block's experts.
///
/// `@unchecked Sendable`: the batch outlives it, and every group of stretches writes rows of its own.
struct ExpertRows: @unchecked Sendable {
    /// What the experts take in, `(row, E)`.
    let input: UnsafeMutablePointer<Float>
    /// The sums of the experts' outputs, `(row, E)`; `nil` where they go to the residual stream.
    let sum: UnsafeMutablePointer<Float>?
    fileprivate let chosen: UnsafeMutablePointer<Int32>
    fileprivate let chosenWeights: UnsafeMutablePointer<Float>
    fileprivate let width: Int
    let usedCount: Int

    /// The rows from `row` on.
    func from(_ row: Int) -> ExpertRows {
        ExpertRows(
            input: input + row * width, sum: sum.map { $0 + row * width },
            chosen: chosen + row * usedCount, chosenWeights: chosenWeights + row * usedCount,
            width: width, usedCount: usedCount)
    }

    func experts(row: Int) -> UnsafeMutablePointer<Int32> { chosen + row * usedCount }
    func weights(row: Int) -> UnsafeMutablePointer<Float> { chosenWeights + row * usedCount }
}
