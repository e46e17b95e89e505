import Architectures
import TensorCore

/// Attention whose queries, keys and values a layer makes at once of a row: multi-head attention, and
/// GQA and MQA, whose query heads share keys and values.
struct Attention: Mixer {
    private let heads: AttentionHeads
    /// Makes queries, keys and values; queries only where keys are another block's.
    private let input: LinearStack
    let output: LinearStack

    init(
        _ attention: BlockDescription.Attention, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        input = try layout.stack(attention.input)
        output = try layout.stack([attention.output])
        heads = try AttentionHeads(attention, &layout)
    }

    var stacks: [LinearStack] { [input, output] + heads.stacks }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        heads.reserve(&room, for: load)
        // The wanted rows moved together.
        room.need([.branch: load.rowCount * load.width])
    }

    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError) {
        try heads.prepare(&state, capacity: capacity, types)
    }

    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        heads.stateByteCount(capacity: capacity, types)
    }

    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        var wanted = normed
        let projected = rows.workspace[.projected]
        let strides = (input: rows.width, result: heads.rowWidth)
        if rows.dropsRows {
            rows.gather(normed, length: rows.width, into: rows.workspace[.branch])
            wanted = UnsafePointer(rows.workspace[.branch])
            let queryWidth = heads.description.queryWidth
            if queryWidth < input.outputs {
                rows.linear.apply(
                    input, outputs: queryWidth..<input.outputs, to: normed, rows: rows.rowCount,
                    into: projected + queryWidth, strides: strides)
            }
            rows.linear.apply(
                input, outputs: 0..<queryWidth, to: wanted, rows: rows.wantedCount,
                into: projected, strides: strides)
        } else {
            rows.linear.apply(
                input, to: normed, rows: rows.rowCount, into: projected, strides: strides)
        }
        if heads.description.valuesAreKeys { copyKeysToValues(rows) }
        heads.attend(wanted, rows)
    }

    /// Where values are keys: takes them before norm and rotation.
    private func copyKeysToValues(_ rows: RowGroup) {
        let attention = heads.description
        for row in 0..<rows.rowCount {
            let keys =
                rows.workspace[.projected] + row * heads.rowWidth + attention.queryWidth
            (keys + attention.keyWidth).update(from: keys, count: attention.keyWidth)
        }
    }
}
