import Architectures
import CKernels
import Quantization
import TensorCore

/// Attention of one window that starts at position 0: forward with what the way back needs, and
/// backward to its input.
struct AttentionGradient {
    private let description: BlockDescription.Attention
    private let input: DenseStack
    private let output: DenseStack
    private let queryNorm: NormGradient?
    private let keyNorm: NormGradient?
    private let rotary: RotaryTable?
    private let multiplier = OrderedProduct.Multiplier()

    /// What the way back needs.
    struct Tape {
        /// Queries, keys and values as the layer makes them; `nil` without norms of them.
        var made: Rows?
        /// The same after norms and rotation.
        var heads: Rows
        /// The weights of all heads, `(head, query, key)`.
        var weights: Rows
    }

    init(
        _ attention: BlockDescription.Attention, _ model: Model, _ rotaries: RotaryTables,
        _ pool: WorkerPool
    ) throws {
        description = attention
        input = try DenseStack(attention.input, model, pool)
        output = try DenseStack([attention.output], model, pool)
        let isRow = attention.normScope == .row
        queryNorm = try NormGradient(
            attention.queryNorm, count: isRow ? attention.queryWidth : attention.keyLength, model)
        keyNorm = try NormGradient(
            attention.keyNorm, count: isRow ? attention.keyWidth : attention.keyLength, model)
        rotary = attention.rotary.flatMap { rotaries[$0] }
    }

    /// The first position that a query sees.
    private func earliest(_ position: Int) -> Int {
        var first = 0
        if let window = description.window { first = max(0, position - window + 1) }
        if let chunk = description.chunk { first = max(first, position / chunk * chunk) }
        return first
    }

    private var valueStart: Int { description.queryWidth + description.keyWidth }

    // MARK: Forward

    func apply(
        _ rows: Rows, _ norms: NormWeights, _ pool: WorkerPool
    ) throws(InferenceError) -> (result: Rows, tape: Tape) {
        let heads = try input.apply(rows, pool)
        let hasNorms = queryNorm != nil || keyNorm != nil
        let made = hasNorms ? try Rows(copying: heads) : nil
        normalise(heads, norms)
        if let rotary {
            eachHead(heads) { head, position in rotary.rotate(head, at: position) }
        }
        let tape = Tape(
            made: made, heads: heads,
            weights: try Rows(description.headCount * rows.count, length: rows.count))
        let mixed = try Rows(rows.count, length: output.inputs)
        pool.runAll(jobCount: description.headCount) { _, head in
            attend(head, tape, into: mixed)
        }
        return (try output.apply(mixed, pool), tape)
    }

    private func eachHead(_ rows: Rows, _ body: (UnsafeMutablePointer<Float>, Int) -> Void) {
        for position in 0..<rows.count {
            for head in 0..<description.headCount + description.headCountKV {
                body(rows.row(position) + head * description.keyLength, position)
            }
        }
    }

    /// Calls `body` with the place and the rows of each norm: heads, or all of them together.
    private func eachNorm(
        _ body: (_ norm: NormGradient, _ place: Int) -> Void
    ) {
        let isRow = description.normScope == .row
        if let queryNorm {
            for head in 0..<(isRow ? 1 : description.headCount) {
                body(queryNorm, head * description.keyLength)
            }
        }
        if let keyNorm {
            for head in 0..<(isRow ? 1 : description.headCountKV) {
                body(keyNorm, description.queryWidth + head * description.keyLength)
            }
        }
    }

    private func normalise(_ heads: Rows, _ norms: NormWeights) {
        eachNorm { norm, place in
            norm.apply(
                heads.base + place, into: heads.base + place, rows: heads.count,
                strides: (heads.length, heads.length), norms)
        }
    }

    /// A head's numbers in rows of queries, keys and values.
    private func queries(_ head: Int, of rows: Rows) -> MutableMatrixView<Float> {
        MutableMatrixView(
            rows.base + head * description.keyLength, rows: rows.count,
            columns: description.keyLength, stride: rows.length)
    }

    private func keys(_ shared: Int, of rows: Rows) -> MutableMatrixView<Float> {
        MutableMatrixView(
            rows.base + description.queryWidth + shared * description.keyLength, rows: rows.count,
            columns: description.keyLength, stride: rows.length)
    }

    private func values(_ shared: Int, of rows: Rows) -> MutableMatrixView<Float> {
        MutableMatrixView(
            rows.base + valueStart + shared * description.valueLength, rows: rows.count,
            columns: description.valueLength, stride: rows.length)
    }

    private func mixed(_ head: Int, of rows: Rows) -> MutableMatrixView<Float> {
        MutableMatrixView(
            rows.base + head * description.valueLength, rows: rows.count,
            columns: description.valueLength, stride: rows.length)
    }

    private func weights(_ head: Int, of tape: Tape) -> MutableMatrixView<Float> {
        let count = tape.heads.count
        return MutableMatrixView(tape.weights.row(head * count), rows: count, columns: count)
    }

    private func attend(_ head: Int, _ tape: Tape, into result: Rows) {
        let shared = head / (description.headCount / description.headCountKV)
        let weights = weights(head, of: tape)
        multiplier.multiply(
            queries(head, of: tape.heads).view, keys(shared, of: tape.heads).view.transposed,
            into: weights, scale: description.scale)
        for position in 0..<weights.rowCount {
            let (row, first) = (weights.base + position * weights.stride, earliest(position))
            ingot_softmax(row + first, position + 1 - first, -.infinity)
            row.update(repeating: 0, count: first)
            (row + position + 1).update(repeating: 0, count: weights.columnCount - position - 1)
        }
        multiplier.multiply(
            weights.view, values(shared, of: tape.heads).view, into: mixed(head, of: result))
    }

    // MARK: Backward

    /// The gradient of the input, of that of what the output layer gave.
    func backward(
        _ gradient: Rows, _ tape: Tape, _ norms: NormWeights, _ pool: WorkerPool
    ) throws(InferenceError) -> Rows {
        let mixed = try output.backward(gradient, pool)
        let heads = try Rows(gradient.count, length: input.outputs)
        heads.clear()
        // The heads that share keys add to the same gradients, one after the other.
        let scratch = try Rows(description.headCountKV * gradient.count, length: gradient.count)
        pool.runAll(jobCount: description.headCountKV) { _, shared in
            let group = description.headCount / description.headCountKV
            for head in shared * group..<(shared + 1) * group {
                backward(head, shared, mixed, tape, scratch, into: heads)
            }
        }
        if let rotary {
            eachHead(heads) { head, position in rotary.rotateBack(head, at: position) }
        }
        if let made = tape.made {
            eachNorm { norm, place in
                norm.backward(
                    made.base + place, heads.base + place, rows: heads.count,
                    strides: (made.length, heads.length), norms)
            }
        }
        return try input.backward(heads, pool)
    }

    private func backward(
        _ head: Int, _ shared: Int, _ gradient: Rows, _ tape: Tape, _ scratch: Rows,
        into heads: Rows
    ) {
        let count = gradient.count
        let (weights, result) = (weights(head, of: tape), mixed(head, of: gradient).view)
        let slopes = MutableMatrixView(scratch.row(shared * count), rows: count, columns: count)
        multiplier.multiply(
            weights.view.transposed, result, into: values(shared, of: heads), keep: true)
        multiplier.multiply(
            result, values(shared, of: tape.heads).view.transposed, into: slopes)
        for position in 0..<count {
            let (row, weight) = (slopes.base + position * count, weights.base + position * count)
            var mean = 0.0
            for key in 0...position { mean += Double(row[key]) * Double(weight[key]) }
            let shift = Float(mean)
            for key in 0..<count { row[key] = weight[key] * (row[key] - shift) }
        }
        multiplier.multiply(
            slopes.view, keys(shared, of: tape.heads).view, into: queries(head, of: heads),
            scale: description.scale)
        multiplier.multiply(
            slopes.view.transposed, queries(head, of: tape.heads).view,
            into: keys(shared, of: heads), scale: description.scale, keep: true)
    }
}
