import Architectures
import CKernels
import TensorCore

/// What every form of attention does with its heads' queries, keys and values once it has them:
/// limits, norms, rotation (RoPE), the KV cache, scores, gates.
///
/// The workspace's `projected` has a row of queries | keys | values for every token; without keys
/// and values where they are another block's. Rows of queries are the wanted ones, moved together.
struct AttentionHeads: Sendable {
    /// Query rows that attention works on at a time: few enough that the scores stay in cache and
    /// little of the masked triangle is computed, enough for the matrix product.
    private static let queryRows = 128

    let description: BlockDescription.Attention
    private let queryNorm: Norm?
    private let keyNorm: Norm?
    private let valueNorm: Norm?
    private let queryGains: Int?
    private let sinks: Int?
    private let distances: DistanceBias?
    /// What makes gates of the heads' results.
    private let gate: LinearStack?

    init(
        _ attention: BlockDescription.Attention, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        description = attention
        let length = attention.keyLength
        let (queries, keys): (Int, Int)
        var (queryHeads, keyHeads): (Int?, Int?) = (nil, nil)
        switch attention.normScope {
        case .head: (queries, keys) = (length, length)
        case .eachHead:
            (queries, keys) = (length, length)
            (queryHeads, keyHeads) = (attention.headCount, attention.headCountKV)
        case .row: (queries, keys) = (attention.queryWidth, attention.keyWidth)
        }
        queryNorm = try layout.norm(attention.queryNorm, count: queries, heads: queryHeads)
        keyNorm = try layout.norm(attention.keyNorm, count: keys, heads: keyHeads)
        valueNorm = try layout.norm(attention.valueNorm, count: attention.valueLength)
        queryGains = try layout.tensor(
            ifNamed: attention.queryGains, shape: [attention.headCount, 1])
        sinks = try layout.tensor(ifNamed: attention.sinks, shape: [attention.headCount])
        distances = try attention.relativeBias.map { bias throws(InferenceError) in
            try DistanceBias(bias, headCount: attention.headCount, &layout)
        }
        gate = try layout.stack(attention.gate)
    }

    var stacks: [LinearStack] { [gate].compactMap { $0 } }

    /// The floats of a position's keys and values.
    private var keyValueWidth: Int { description.keyWidth + description.valueWidth }
    /// The floats of a row of `projected`.
    var rowWidth: Int {
        description.queryWidth + (description.source == nil ? keyValueWidth : 0)
    }
    /// The floats of a row of `mixed`.
    var resultWidth: Int { description.headCount * description.valueLength }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * rowWidth, .latent: load.rowCount * (gate?.outputs ?? 0),
            .mixed: load.rowCount * resultWidth,
            .scores: min(AttentionHeads.queryRows, load.stretchLength) * load.keyCount,
        ])
    }

    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError) {
        guard description.source == nil else { return }
        state.keyValues = try KeyValueCache(cacheShape(types), capacity: capacity)
    }

    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        guard description.source == nil else { return 0 }
        return cacheShape(types).byteCounts(capacity: capacity).map { $0.keys + $0.values }
    }

    private func cacheShape(_ types: CacheTypes) -> KeyValueCache.Shape {
        KeyValueCache.Shape(
            headCount: description.headCountKV, keyLength: description.keyLength,
            valueLength: description.valueLength, types: types)
    }

    /// The number of floats that a batch of so many rows keeps for other blocks.
    static func sharedCount(_ attention: BlockDescription.Attention, rowCount: Int) -> Int? {
        rowCount.multiplied(checkedBy: attention.keyWidth + attention.valueWidth)
    }

    /// Attention of all stretches, with what goes before it and after it.
    ///
    /// - Parameters:
    ///   - wanted: The wanted normed rows, moved together.
    ///   - isApart: Which stretches have no keys and values in `projected`.
    ///   - attendApart: Attention of those, whose queries are ready.
    func attend(
        _ wanted: UnsafePointer<Float>, _ rows: RowGroup,
        isApart: (StretchRows) -> Bool = { _ in false },
        attendApart: (StretchRows) -> Void = { _ in }
    ) {
        if let gate {
            rows.linear.apply(
                gate, to: wanted, rows: rows.wantedCount, into: rows.workspace[.latent],
                strides: (rows.width, gate.outputs))
        }
        if let limit = description.inputLimit { cut(rows, to: limit) }
        for stretch in rows.stretches {
            prepareQueries(of: stretch, rows)
            if description.source == nil, !isApart(stretch) { prepareKeys(of: stretch, rows) }
        }
        for stretch in rows.stretches {
            if isApart(stretch) { attendApart(stretch) } else { attend(stretch, rows) }
        }
        if let gate { applyGates(rows.workspace[.latent], gate.outputs, rows) }
        if description.valueScale != 1 {
            ingot_scale(
                rows.workspace[.mixed], description.valueScale, rows.wantedCount * resultWidth)
        }
    }

    /// Multiplies results by their gates: one for each element, or one for each head.
    private func applyGates(_ gates: UnsafePointer<Float>, _ width: Int, _ rows: RowGroup) {
        let values = rows.workspace[.mixed]
        let shared = resultWidth / width
        for index in 0..<rows.wantedCount * width {
            let factor =
                switch description.gateFunction {
                case .sigmoid: sigmoid(gates[index])
                case .softplus: softplus(gates[index])
                }
            ingot_scale(values + index * shared, factor, shared)
        }
    }

    // MARK: Queries and keys

    /// Cuts queries, keys and values to a limit.
    private func cut(_ rows: RowGroup, to limit: Float) {
        func cut(rows count: Int, _ columns: Range<Int>) {
            for row in 0..<count {
                let values = rows.workspace[.projected] + row * rowWidth
                for column in columns {
                    values[column] = max(min(values[column], limit), -limit)
                }
            }
        }
        cut(rows: rows.wantedCount, 0..<description.queryWidth)
        cut(rows: rows.rowCount, description.queryWidth..<rowWidth)
    }

    /// Norms, rotation and scale of every query.
    private func prepareQueries(of stretch: StretchRows, _ rows: RowGroup) {
        let rotary = description.rotary.flatMap { stretch.rotary[$0] }
        let projected = rows.workspace[.projected]
        let (count, width) = (stretch.wanted.count, description.queryWidth)
        rows.workers.share(rows: count, length: width) { range in
            for index in range {
                let row = projected + (stretch.wantedRow + index) * rowWidth
                let position = stretch.start + stretch.wanted.lowerBound + index
                prepare(
                    row, heads: description.headCount, stride: description.queryStride, queryNorm,
                    rotary, position: position, rows.weights)
                if let queryGains {
                    for head in 0..<description.headCount {
                        ingot_scale(
                            row + head * description.queryStride, rows.weights[queryGains + head],
                            description.keyLength)
                    }
                }
                if let temperature = description.temperature {
                    ingot_scale(row, temperature.factor(at: position), width)
                }
            }
        }
    }

    /// Norms and rotation of every key, and norms of values.
    private func prepareKeys(of stretch: StretchRows, _ rows: RowGroup) {
        let rotary = description.rotary.flatMap { stretch.rotary[$0] }
        let own = rows.workspace[.projected] + description.queryWidth
        rows.workers.share(rows: stretch.count, length: description.keyWidth) { range in
            for index in range {
                prepareKeys(
                    own + (stretch.row + index) * rowWidth, rotary,
                    position: stretch.start + index, rows.weights)
            }
        }
    }

    /// Norms and rotation of a position's keys, and norms of its values behind them.
    private func prepareKeys(
        _ keys: UnsafeMutablePointer<Float>, _ rotary: RotaryTable?, position: Int,
        _ weights: UnsafePointer<Float>
    ) {
        if let valueNorm {
            for head in 0..<description.headCountKV {
                let value = keys + description.keyWidth + head * description.valueLength
                valueNorm.apply(weights, value, into: value)
            }
        }
        prepare(
            keys, heads: description.headCountKV, stride: description.keyLength, keyNorm, rotary,
            position: position, weights)
    }

    private func prepare(
        _ row: UnsafeMutablePointer<Float>, heads: Int, stride: Int, _ norm: Norm?,
        _ rotary: RotaryTable?, position: Int, _ weights: UnsafePointer<Float>
    ) {
        func normalise() {
            guard let norm else { return }
            guard description.normScope != .row else {
                return norm.apply(weights, row, into: row)
            }
            for head in 0..<heads {
                norm.apply(weights, row + head * stride, into: row + head * stride, head: head)
            }
        }
        if !description.normAfterRotation { normalise() }
        if let rotary {
            for head in 0..<heads { rotary.rotate(row + head * stride, at: position) }
        }
        if description.normAfterRotation { normalise() }
    }

    // MARK: Scores

    /// Where the keys of a window lie, followed by the values: the address of position 0, and the
    /// floats from one position to the next.
    private func keys(
        of stretch: StretchRows, _ rows: RowGroup
    ) -> (base: UnsafePointer<Float>, stride: Int) {
        let kept = rows.sharedRows(
            of: stretch, block: description.source ?? rows.block, width: keyValueWidth)
        guard description.source == nil else {
            guard let kept else { preconditionFailure("keys of another block that were not kept") }
            return (UnsafePointer(kept), keyValueWidth)
        }
        let own = rows.workspace[.projected] + stretch.row * rowWidth + description.queryWidth
        guard let kept else { return (UnsafePointer(own), rowWidth) }
        for index in 0..<stretch.count {
            (kept + index * keyValueWidth).update(
                from: own + index * rowWidth, count: keyValueWidth)
        }
        return (UnsafePointer(kept), keyValueWidth)
    }

    /// Attention of a stretch of a sequence: its keys and values are kept, then all are seen.
    private func attendCached(
        _ stretch: StretchRows, _ state: SequenceState.OfModel, _ rows: RowGroup
    ) {
        guard let cache = state.blocks[description.source ?? rows.block].keyValues else {
            preconditionFailure("a block of a sequence without keys")
        }
        if description.source == nil {
            let own = rows.workspace[.projected] + stretch.row * rowWidth + description.queryWidth
            rows.workers.share(rows: stretch.count, length: keyValueWidth) { range in
                for index in range {
                    let keys = own + index * rowWidth
                    cache.put(
                        keys: keys, values: keys + description.keyWidth, at: stretch.start + index)
                }
            }
        }
        guard !stretch.wanted.isEmpty else { return }
        let queries = rows.workspace[.projected] + stretch.wantedRow * rowWidth
        let results = rows.workspace[.mixed] + stretch.wantedRow * resultWidth
        CachedAttention(
            heads: self, cache: cache, queries: queries, queryStride: rowWidth, results: results,
            resultStride: resultWidth, rowCount: stretch.wanted.count,
            position: stretch.start + stretch.wanted.lowerBound, weights: rows.weights
        ).run(rows.workers, rows.workspace.scratch)
        if description.isGated { applyQueryGates(queries, results, stretch.wanted.count) }
    }

    /// Attention of one stretch, head by head, some query rows at a time; only the keys that these rows
    /// may see take part.
    private func attend(_ stretch: StretchRows, _ rows: RowGroup) {
        if let state = stretch.state { return attendCached(stretch, state, rows) }
        let (keyRows, keyStride) = keys(of: stretch, rows)
        let valueRows = keyRows + description.keyWidth
        let queryRows = rows.workspace[.projected] + stretch.wantedRow * rowWidth
        let outputRows = rows.workspace[.mixed] + stretch.wantedRow * resultWidth
        let scores = rows.workspace[.scores]
        let products = rows.workspace.products
        let group = description.headCount / description.headCountKV
        for first in stride(from: 0, to: stretch.wanted.count, by: AttentionHeads.queryRows) {
            let count = min(AttentionHeads.queryRows, stretch.wanted.count - first)
            let position = stretch.start + stretch.wanted.lowerBound + first
            let end = end(
                ofSeenFrom: position + count - 1, before: stretch.start + stretch.count)
            let keys = earliest(seenFrom: position)..<end
            for head in 0..<description.headCount {
                let shared = head / group
                products.timesTransposed(
                    queryRows + first * rowWidth + head * description.queryStride,
                    keyRows + keys.lowerBound * keyStride + shared * description.keyLength,
                    into: scores, rows: count, columns: keys.count, inner: description.keyLength,
                    strides: (rowWidth, keyStride, keys.count), scale: description.scale)
                for row in 0..<count {
                    weigh(
                        scores + row * keys.count, keys: keys, position: position + row,
                        head: head, rows.weights)
                }
                products.times(
                    scores,
                    valueRows + keys.lowerBound * keyStride + shared * description.valueLength,
                    into: outputRows + first * resultWidth + head * description.valueLength,
                    rows: count, columns: description.valueLength, inner: keys.count,
                    strides: (keys.count, keyStride, resultWidth))
            }
        }
        if description.isGated { applyQueryGates(queryRows, outputRows, stretch.wanted.count) }
    }

    /// Multiplies results by the sigmoids of the numbers behind their queries.
    private func applyQueryGates(
        _ queryRows: UnsafePointer<Float>, _ outputRows: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for row in 0..<count {
            let gates = queryRows + row * rowWidth + description.keyLength
            for head in 0..<description.headCount {
                let values = outputRows + row * resultWidth + head * description.valueLength
                for index in 0..<description.valueLength {
                    values[index] *= sigmoid(gates[head * description.queryStride + index])
                }
            }
        }
    }

    /// The first position that a query at `position` sees: all, a sliding window (SWA), or those of
    /// its own chunk.
    func earliest(seenFrom position: Int) -> Int {
        var first = 0
        if let window = description.window {
            first = max(0, position - (description.isCausal ? window - 1 : window / 2))
        }
        if let chunk = description.chunk { first = max(first, position / chunk * chunk) }
        return first
    }

    /// The position after the last that a query at `position` sees, of `count` that there are.
    private func end(ofSeenFrom position: Int, before count: Int) -> Int {
        if description.isCausal { return position + 1 }
        return min(count, description.window.map { position + $0 / 2 + 1 } ?? count)
    }

    /// Turns the scores of one query into weights, zero for keys that it does not see.
    func weigh(
        _ scores: UnsafeMutablePointer<Float>, keys: Range<Int>, position: Int, head: Int,
        _ weights: UnsafePointer<Float>
    ) {
        let sink = sinks.map { weights[$0 + head] } ?? -.infinity
        let end = end(ofSeenFrom: position, before: keys.upperBound)
        let seen = earliest(seenFrom: position) - keys.lowerBound..<end - keys.lowerBound
        if let cap = description.softCap {
            ingot_soft_cap(scores + seen.lowerBound, cap, seen.count)
        }
        if let bias = description.alibiBias {
            let slope = description.alibiSlope(head: head, bias: bias)
            for key in seen {
                scores[key] -= slope * Float(abs(position - keys.lowerBound - key))
            }
        }
        if let distances {
            for key in seen {
                scores[key] += distances.value(
                    weights, head: head, distance: keys.lowerBound + key - position)
            }
        }
        ingot_softmax(scores + seen.lowerBound, seen.count, sink)
        scores.update(repeating: 0, count: seen.lowerBound)
        (scores + seen.upperBound).update(repeating: 0, count: keys.count - seen.upperBound)
    }
}
