import GGUF
import TensorCore

/// The memory that a model takes on one device while it serves, in bytes.
public struct MemoryNeed: Sendable, Hashable, Encodable {
    /// The tensors of the model, exact.
    public let weights: Int
    /// The keys and values of all slots, as llama.cpp allocates them.
    public let cache: Int
    /// The states of recurrent layers of all slots, as llama.cpp allocates them.
    public let states: Int
    /// A margin for what a step computes with: activations, the mask of attention, logits.
    public let compute: Int
    /// The sum.
    public let total: Int

    /// What a model takes while it serves texts of a shape.
    ///
    /// - Throws: `PlanningError` when keys or values cannot be kept in the format asked for, or the
    ///   bytes cannot be counted.
    /// - Complexity: O(layers).
    public init(_ model: PlannedModel, _ shape: ServingShape) throws(PlanningError) {
        try self.init(
            weights: model.work.byteCount, cache: model.cache.cacheByteCount(shape),
            states: model.cache.stateByteCount(slots: shape.slots),
            compute: model.computeByteCount(shape))
    }

    /// What the model in a GGUF file, or in all parts of a split one, takes while it serves `slots`
    /// texts of `context` tokens each, keys and values in F16.
    ///
    /// - Throws: `GGUFError`, `FileError`, `PlanningError`.
    public init(gguf path: String, context: Int, slots: Int) throws {
        try self.init(
            PlannedModel(gguf: path), ServingShape(context: context, slots: slots))
    }

    init(weights: Int, cache: Int, states: Int, compute: Int) throws(PlanningError) {
        guard
            let total = weights.adding(checked: cache)?.adding(checked: states)?
                .adding(checked: compute)
        else { throw PlanningError(.tooLarge) }
        self.weights = weights
        self.cache = cache
        self.states = states
        self.compute = compute
        self.total = total
    }
}

extension PlannedModel {
    /// The margin for what a step of `shape.microBatch` tokens computes with, in bytes.
    ///
    /// Activations in F32, a mask (F16) for each kind of window, and logits (F32) of the whole
    /// micro-batch, which engines reserve to different degrees.
    ///
    /// - Throws: `PlanningError` when it cannot be counted.
    public func computeByteCount(_ shape: ServingShape) throws(PlanningError) -> Int {
        let rows = min(
            shape.microBatch, shape.cells.multiplied(checkedBy: shape.streamCount) ?? .max)
        // The states of a layer are gathered for a step, and made anew.
        let states = cache.layers.map(\.stateLength).max() ?? 0
        var columns = 0
        let windows = Set(cache.layers.compactMap(\.attention).map(\.window))
        for window in windows {
            columns += window.map { shape.cells(window: $0) } ?? shape.cells
        }
        guard let numbers = activationLength.adding(checked: vocabularySize),
            let bytes = numbers.multiplied(checkedBy: 4),
            let masks = columns.multiplied(checkedBy: 2),
            let row = bytes.adding(checked: masks),
            let gathered = states.multiplied(checkedBy: 8 * shape.slots),
            let total = row.multiplied(checkedBy: rows)?.adding(checked: gathered)
        else { throw PlanningError(.tooLarge) }
        return total
    }
}
