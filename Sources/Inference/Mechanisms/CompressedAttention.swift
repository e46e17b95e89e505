import Architectures
import CKernels
import TensorCore

/// Attention to a window and to compressed rows; keys are values too (DeepSeek V4).
///
/// A position is kept as its key, then the values and gates of the compressors; a compressed row as the
/// key, then the indexer's key.
struct CompressedAttention: Mixer {
    private let description: BlockDescription.CompressedAttention
    /// Makes the queries' short row, the key, values and gates of compressors, the indexer's weights.
    private let input: LinearStack
    private let queries: LinearStack
    private let indexQueries: LinearStack?
    let output: LinearStack
    private let groups: Int
    private let sinks: Int
    private let queryInputNorm: Norm?
    private let queryNorm: Norm?
    private let keyNorm: Norm?
    private let compressor: Compressor?
    private let indexCompressor: Compressor?

    init(
        _ attention: BlockDescription.CompressedAttention, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        description = attention
        let compressors = [attention.compressor, attention.indexer?.compressor].compactMap { $0 }
        input = try layout.stack(
            [attention.queryInput, attention.keys] + compressors.flatMap { [$0.values, $0.gates] }
                + [attention.indexer?.weights].compactMap { $0 })
        queries = try layout.stack([attention.queries])
        indexQueries = try layout.stack(attention.indexer?.queries)
        output = try layout.stack([attention.output])
        groups = try layout.tensor(
            attention.groups.weight, shape: [attention.groups.outputs, attention.groups.inputs])
        sinks = try layout.tensor(attention.sinks, shape: [attention.headCount])
        queryInputNorm = try layout.norm(
            attention.queryInputNorm, count: attention.queryInput.outputs)
        queryNorm = try layout.norm(attention.queryNorm, count: attention.headLength)
        keyNorm = try layout.norm(attention.keyNorm, count: attention.headLength)
        compressor = try attention.compressor.map { compressor throws(InferenceError) in
            try Compressor(compressor, &layout)
        }
        indexCompressor = try attention.indexer.map { indexer throws(InferenceError) in
            try Compressor(indexer.compressor, &layout)
        }
    }

    var stacks: [LinearStack] { [input, queries] + [indexQueries].compactMap { $0 } + [output] }
    var otherMatrices: [String] { [description.groups.weight] }

    private var rank: Int { description.queryInput.outputs }
    private var length: Int { description.headLength }
    private var ratio: Int { description.compressor?.ratio ?? 1 }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        let lengths = description.keptLengths
        room.need([
            .projected: load.rowCount * input.outputs, .latent: load.rowCount * rank,
            .absorbed: load.rowCount * queries.outputs,
            .shared: load.rowCount * (indexQueries?.outputs ?? 0),
            .mixed: load.rowCount * output.inputs,
            .state: load.stretchLength * lengths.position
                + load.stretchLength / ratio * lengths.row,
        ])
    }

    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError) {
        state.compressed = try CompressedState(description, capacity: capacity)
    }

    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        CompressedState.counts(description, capacity: capacity).map { 4 * ($0.positions + $0.rows) }
    }

    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let projected = rows.workspace[.projected]
        rows.linear.apply(
            input, to: normed, rows: rows.rowCount, into: projected,
            strides: (rows.width, input.outputs))
        makeQueries(rows)
        for stretch in rows.stretches {
            let kept: (positions: UnsafeMutablePointer<Float>, rows: UnsafeMutablePointer<Float>)
            if let state = rows.state(of: stretch)?.compressed {
                kept = state.base
            } else {
                let base = rows.workspace[.state]
                kept = (base, base + stretch.count * description.keptLengths.position)
            }
            keep(stretch, kept.positions, kept.rows, rows)
            for index in 0..<stretch.wanted.count {
                attend(
                    stretch.wantedRow + index,
                    at: stretch.start + stretch.wanted.lowerBound + index, stretch, kept.positions,
                    kept.rows, rows)
            }
        }
        mixGroups(rows)
    }

    // MARK: Queries and keys

    /// The queries of all wanted rows, and those of the indexer.
    private func makeQueries(_ rows: RowGroup) {
        let (projected, short) = (rows.workspace[.projected], rows.workspace[.latent])
        for stretch in rows.stretches {
            for index in 0..<stretch.wanted.count {
                let row = stretch.row + stretch.wanted.lowerBound + index
                let place = short + (stretch.wantedRow + index) * rank
                place.update(from: projected + row * input.outputs, count: rank)
                queryInputNorm?.apply(rows.weights, place, into: place)
            }
        }
        let count = rows.wantedCount
        rows.linear.apply(
            queries, to: short, rows: count, into: rows.workspace[.absorbed],
            strides: (rank, queries.outputs))
        if let indexQueries {
            rows.linear.apply(
                indexQueries, to: short, rows: count, into: rows.workspace[.shared],
                strides: (rank, indexQueries.outputs))
        }
        for stretch in rows.stretches {
            guard let table = stretch.rotary[description.rotary] else { continue }
            for index in 0..<stretch.wanted.count {
                let (row, position) = (
                    stretch.wantedRow + index, stretch.start + stretch.wanted.lowerBound + index
                )
                let own = rows.workspace[.absorbed] + row * queries.outputs
                for head in 0..<description.headCount {
                    let query = own + head * length
                    queryNorm?.apply(rows.weights, query, into: query)
                    table.rotate(query, at: position)
                }
                guard let indexer = description.indexer else { continue }
                let short = indexer.compressor.length
                let picks = rows.workspace[.shared] + row * indexer.queries.outputs
                for head in 0..<indexer.headCount {
                    // The table turns what stands at the end of a head of its own length.
                    table.rotate(picks + (head + 1) * short - length, at: position)
                }
            }
        }
    }

    /// Keeps the stretch's positions, and makes the compressed rows that they complete.
    private func keep(
        _ stretch: StretchRows, _ positions: UnsafeMutablePointer<Float>,
        _ compressed: UnsafeMutablePointer<Float>, _ rows: RowGroup
    ) {
        let lengths = description.keptLengths
        let table = stretch.rotary[description.rotary]
        for index in 0..<stretch.count {
            let own =
                rows.workspace[.projected] + (stretch.row + index) * input.outputs + rank
            let place = positions + (stretch.start + index) * lengths.position
            place.update(from: own, count: lengths.position)
            keyNorm?.apply(rows.weights, place, into: place)
            table?.rotate(place, at: stretch.start + index)
        }
        guard let compressor else { return }
        let numbers = stretch.start / ratio..<(stretch.start + stretch.count) / ratio
        for number in numbers {
            let row = compressed + number * lengths.row
            compressor.make(
                number, of: positions + length, stride: lengths.position, rows.weights, table,
                rotaryLength: length, into: row)
            indexCompressor?.make(
                number, of: positions + length + 2 * compressor.width, stride: lengths.position,
                rows.weights, table, rotaryLength: length, into: row + length)
        }
    }

    // MARK: Attention

    /// Attention of one query row; what it makes takes the query's place.
    private func attend(
        _ row: Int, at position: Int, _ stretch: StretchRows,
        _ positions: UnsafePointer<Float>, _ compressed: UnsafePointer<Float>, _ rows: RowGroup
    ) {
        let lengths = description.keptLengths
        let (heads, products) = (description.headCount, rows.workspace.products)
        let first = max(0, position - description.window + 1)
        let near = position - first + 1
        let far = compressor == nil ? 0 : (position + 1) / ratio
        let count = near + far
        let query = rows.workspace[.absorbed] + row * queries.outputs
        let (scale, keys) = (1 / Float(length).squareRoot(), positions + first * lengths.position)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: heads * (count + length)) {
            guard let scores = $0.baseAddress else { return }
            let other = scores + heads * count
            products.timesTransposed(
                query, keys, into: scores, rows: heads, columns: near, inner: length,
                strides: (length, lengths.position, count), scale: scale)
            if far > 0 {
                products.timesTransposed(
                    query, compressed, into: scores + near, rows: heads, columns: far,
                    inner: length, strides: (length, lengths.row, count), scale: scale)
                leaveOut(row, of: far, stretch, compressed, scores + near, stride: count, rows)
            }
            for head in 0..<heads {
                ingot_softmax(scores + head * count, count, rows.weights[sinks + head])
            }
            products.times(
                scores, keys, into: query, rows: heads, columns: length, inner: near,
                strides: (count, lengths.position, length))
            guard far > 0 else { return }
            products.times(
                scores + near, compressed, into: other, rows: heads, columns: length, inner: far,
                strides: (count, lengths.row, length))
            ingot_add(query, other, heads * length)
        }
        guard let table = stretch.rotary[description.rotary] else { return }
        for head in 0..<heads { table.rotateBack(query + head * length, at: position) }
    }

    /// Leaves the rows out that the indexer does not pick for a query.
    private func leaveOut(
        _ row: Int, of far: Int, _ stretch: StretchRows, _ compressed: UnsafePointer<Float>,
        _ scores: UnsafeMutablePointer<Float>, stride: Int, _ rows: RowGroup
    ) {
        guard let indexer = description.indexer, far > indexer.pickCount else { return }
        let short = indexer.compressor.length
        let own = rows.workspace[.shared] + row * indexer.queries.outputs
        let token = stretch.row + stretch.wanted.lowerBound + row - stretch.wantedRow
        let weights =
            rows.workspace[.projected] + (token + 1) * input.outputs - indexer.headCount
        let merits = (0..<far).map { number -> Float in
            let key = compressed + number * description.keptLengths.row + length
            var merit: Float = 0
            for head in 0..<indexer.headCount {
                var product: Float = 0
                for index in 0..<short { product += own[head * short + index] * key[index] }
                merit += weights[head] * max(0, product)
            }
            return merit
        }
        let order = merits.indices.sorted { (-merits[$0], $0) < (-merits[$1], $1) }
        for number in order.dropFirst(indexer.pickCount) {
            for head in 0..<description.headCount {
                scores[head * stride + number] = -.infinity
            }
        }
    }

    /// Each group's row of its heads' results.
    private func mixGroups(_ rows: RowGroup) {
        let (results, mixed) = (rows.workspace[.absorbed], rows.workspace[.mixed])
        let rank = description.groups.outputs / description.groupCount
        let inner = description.groups.inputs
        for group in 0..<description.groupCount {
            rows.observer?(
                LinearInput(
                    tensors: [description.groups.weight], part: nil, place: rows.group.row,
                    rowCount: rows.wantedCount, rowLength: inner, base: results + group * inner,
                    stride: queries.outputs))
            rows.workspace.products.timesTransposed(
                results + group * inner, rows.weights + groups + group * rank * inner,
                into: mixed + group * rank, rows: rows.wantedCount, columns: rank, inner: inner,
                strides: (queries.outputs, inner, output.inputs))
        }
    }
}
