import Architectures
import CKernels
import TensorCore

/// Multi-head latent attention (MLA): a layer makes a short latent row, from which come the keys and
/// values of all heads.
///
/// Of sequences the latent rows are kept where the matrices of keys and values are apart: attention
/// then works in the latent space. Windows of which nothing is kept have whole keys and values, unless
/// the matrices are in memory, as those of files with one matrix for both always have, or an observer
/// looks: it is told what engines multiply the matrices by, who work in the latent space.
struct LatentAttention: Mixer {
    /// Numbers of absorbed queries, and as many of results, that are made at a time.
    private static let absorbedCount = 1 << 19

    /// The matrices of keys and values.
    private enum Expansion {
        /// One matrix for both, at this place in the block's buffer.
        case together(Int)
        case apart(keys: HeadMatrices, values: HeadMatrices)
    }

    private let heads: AttentionHeads
    private let description: BlockDescription.Latent
    /// Makes queries, or their latent row, then the latent row of keys and values, then the part of
    /// the key that turns.
    private let input: LinearStack
    private let queryNorm: Norm?
    /// Makes queries of their latent row; `nil` where the input makes them.
    private let queries: LinearStack?
    private let norm: Norm?
    private let rotatedNorm: Norm?
    private let expansion: Expansion
    /// Whether what is kept of sequences is the latent rows.
    private let keepsLatentRows: Bool
    let output: LinearStack

    /// The elements of a head's key that do not turn.
    private var staying: Int { heads.description.keyLength - description.rotatedLength }
    /// The floats of a latent row of keys and values, with the part that turns.
    private var latentLength: Int { description.rank + description.rotatedLength }
    /// The numbers of a row's queries in the latent space.
    private var absorbedWidth: Int { heads.description.headCount * latentLength }

    init(
        _ attention: BlockDescription.Attention, _ latent: BlockDescription.Latent,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        description = latent
        input = try layout.stack(attention.input)
        queryNorm = try layout.norm(latent.queryNorm, count: latent.queries?.inputs ?? 0)
        queries = try layout.stack(latent.queries)
        norm = try layout.norm(latent.norm, count: latent.rank)
        rotatedNorm = try layout.norm(latent.rotatedNorm, count: latent.rotatedLength)
        let staying = attention.keyLength - latent.rotatedLength
        // What is done to whole keys or values cannot be done in the latent space.
        let isPlain =
            attention.keyNorm == nil && attention.valueNorm == nil && attention.inputLimit == nil
            && attention.source == nil && !attention.isGated && attention.isCausal
        switch latent.expansion {
        case .together(let name):
            keepsLatentRows = false
            let outputs = attention.headCount * (staying + attention.valueLength)
            expansion = .together(try layout.tensor(name, shape: [outputs, latent.rank]))
        case .apart(let keyName, let valueName):
            keepsLatentRows = isPlain
            expansion = .apart(
                keys: try layout.headMatrices(
                    keyName, headCount: attention.headCount, outputs: latent.rank, inputs: staying,
                    isDecoded: !isPlain),
                values: try layout.headMatrices(
                    valueName, headCount: attention.headCount, outputs: attention.valueLength,
                    inputs: latent.rank, isDecoded: !isPlain))
        }
        output = try layout.stack([attention.output])
        heads = try AttentionHeads(attention, &layout)
    }

    var stacks: [LinearStack] {
        [input, output] + heads.stacks + [queries].compactMap { $0 }
    }

    var otherMatrices: [String] {
        switch description.expansion {
        case .together(let name): [name]
        case .apart(let keys, let values): [keys, values]
        }
    }

    var headMatrices: [HeadMatrices] {
        guard keepsLatentRows, case .apart(let keys, let values) = expansion else { return [] }
        return [keys, values]
    }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        heads.reserve(&room, for: load)
        room.need([
            .latent: load.rowCount * input.outputs, .branch: load.rowCount * load.width,
            .shared: load.rowCount * latentLength,
        ])
        if keepsLatentRows {
            room.need([.absorbed: 2 * min(load.rowCount, absorbedRows) * absorbedWidth])
        }
    }

    /// The rows that are taken into the latent space at a time.
    private var absorbedRows: Int { max(1, LatentAttention.absorbedCount / absorbedWidth) }

    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError) {
        guard keepsLatentRows else {
            return try heads.prepare(&state, capacity: capacity, types)
        }
        state.keyValues = try KeyValueCache(cacheShape(types), capacity: capacity)
    }

    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        guard keepsLatentRows else {
            return heads.stateByteCount(capacity: capacity, types)
        }
        return cacheShape(types).byteCounts(capacity: capacity).map { $0.keys + $0.values }
    }

    /// Latent rows stand where values do, and are kept as keys are.
    private func cacheShape(_ types: CacheTypes) -> KeyValueCache.Shape {
        KeyValueCache.Shape(
            headCount: 1, keyLength: 0, valueLength: latentLength,
            types: CacheTypes(types.keys, types.keys))
    }

    /// Whether attention of a stretch works in the latent space.
    private func isAbsorbed(_ stretch: StretchRows, _ rows: RowGroup) -> Bool {
        guard keepsLatentRows, case .apart(let keys, _) = expansion else { return false }
        return stretch.state != nil || keys.isResident || rows.observer != nil
    }

    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        makeLatentRows(normed, rows)
        if !rows.stretches.allSatisfy({ isAbsorbed($0, rows) }) { makeKeysAndValues(rows) }
        var wanted = normed
        if rows.dropsRows {
            rows.gather(normed, length: rows.width, into: rows.workspace[.branch])
            wanted = UnsafePointer(rows.workspace[.branch])
        }
        makeQueries(wanted, rows)
        observeKeyMatrices(rows)
        heads.attend(wanted, rows, isApart: { isAbsorbed($0, rows) }) { attend($0, rows) }
    }

    // MARK: Attention in the latent space

    /// Attention of a stretch whose queries are ready.
    private func attend(_ stretch: StretchRows, _ rows: RowGroup) {
        guard case .apart(let keys, let values) = expansion else { return }
        let own = rows.workspace[.shared] + stretch.row * latentLength
        if let table = heads.description.rotary.flatMap({ stretch.rotary[$0] }) {
            // The part that turns stands behind the latent row as it does behind a key.
            for index in 0..<stretch.count {
                table.rotate(
                    own + index * latentLength + description.rank - staying,
                    at: stretch.start + index)
            }
        }
        var (positions, type) = (UnsafeRawPointer(own), INGOT_CACHE_F32)
        if let state = stretch.state {
            guard let cache = state.blocks[rows.block].keyValues else {
                preconditionFailure("a block of a sequence without keys")
            }
            for index in 0..<stretch.count {
                let row = own + index * latentLength
                cache.put(keys: row, values: row, at: stretch.start + index)
            }
            positions = UnsafeRawPointer(cache.values(head: 0, position: 0))
            type = cache.shape.types.values.kernelType
        }
        let (width, staying, rank) = (heads.rowWidth, staying, description.rank)
        let absorbed = rows.workspace[.absorbed]
        for first in stride(from: 0, to: stretch.wanted.count, by: absorbedRows) {
            let count = min(absorbedRows, stretch.wanted.count - first)
            let queries = rows.workspace[.projected] + (stretch.wantedRow + first) * width
            let results = absorbed + count * absorbedWidth
            keys.apply(
                HeadMatrices.Rows(
                    input: queries, result: absorbed, count: count,
                    inputStrides: (width, heads.description.queryStride),
                    resultStrides: (absorbedWidth, latentLength)), rows.weights,
                rows.workspace.products)
            for row in 0..<count {
                for head in 0..<heads.description.headCount {
                    let turned =
                        queries + row * width + head * heads.description.queryStride + staying
                    (absorbed + row * absorbedWidth + head * latentLength + rank).update(
                        from: turned, count: description.rotatedLength)
                }
            }
            AbsorbedAttention(
                heads: heads, positions: positions, type: type, length: latentLength,
                queries: absorbed, results: results, rowCount: count,
                position: stretch.start + stretch.wanted.lowerBound + first, weights: rows.weights
            ).run(rows.workers, rows.workspace.scratch)
            let mixtures = HeadMatrices.Rows(
                input: results,
                result: rows.workspace[.mixed] + (stretch.wantedRow + first) * heads.resultWidth,
                count: count, inputStrides: (absorbedWidth, latentLength),
                resultStrides: (heads.resultWidth, heads.description.valueLength))
            values.tell(
                rows.observer, mixtures, place: rows.group.row + stretch.wantedRow + first)
            values.apply(mixtures, rows.weights, rows.workspace.products)
        }
    }

    // MARK: Projections

    /// The rows that all heads share.
    private func makeLatentRows(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let latent = rows.workspace[.shared]
        rows.linear.apply(
            input, outputs: input.outputs - latentLength..<input.outputs, to: normed,
            rows: rows.rowCount, into: latent, strides: (rows.width, latentLength))
        norm?.apply(rows.weights, to: latent, count: rows.rowCount, stride: latentLength)
        rotatedNorm?.apply(
            rows.weights, to: latent + description.rank, count: rows.rowCount,
            stride: latentLength)
        observeLatent(latent, rows)
    }

    /// Keys and values of all heads from the row that they share.
    private func makeKeysAndValues(_ rows: RowGroup) {
        let attention = heads.description
        let latent = rows.workspace[.shared]
        let keyRows = rows.workspace[.projected] + attention.queryWidth
        let valueRows = keyRows + attention.keyWidth
        for head in 0..<attention.headCount {
            let keys = keyRows + head * attention.keyLength
            expand(
                latent, head: head, keys: keys, values: valueRows + head * attention.valueLength,
                rows)
            for row in 0..<rows.rowCount {
                (keys + row * heads.rowWidth + staying).update(
                    from: latent + row * latentLength + description.rank,
                    count: description.rotatedLength)
            }
        }
    }

    /// One head's keys, as far as they stay, and values.
    private func expand(
        _ latent: UnsafePointer<Float>, head: Int, keys: UnsafeMutablePointer<Float>,
        values: UnsafeMutablePointer<Float>, _ rows: RowGroup
    ) {
        let (rank, valueLength) = (description.rank, heads.description.valueLength)
        let strides = (latentLength, rank, heads.rowWidth)
        let products = rows.workspace.products
        let valueMatrix: UnsafePointer<Float>
        switch expansion {
        case .apart(let keyMatrices, let valueMatrices):
            guard case .floats(let keyOffset) = keyMatrices.storage,
                case .floats(let valueOffset) = valueMatrices.storage
            else { preconditionFailure("whole keys of matrices in memory") }
            products.times(
                latent, rows.weights + keyOffset + head * rank * staying, into: keys,
                rows: rows.rowCount, columns: staying, inner: rank,
                strides: (strides.0, staying, strides.2))
            valueMatrix = rows.weights + valueOffset + head * valueLength * rank
        case .together(let offset):
            let matrix = rows.weights + offset + head * (staying + valueLength) * rank
            products.timesTransposed(
                latent, matrix, into: keys, rows: rows.rowCount, columns: staying, inner: rank,
                strides: strides)
            valueMatrix = matrix + staying * rank
        }
        products.timesTransposed(
            latent, valueMatrix, into: values, rows: rows.rowCount, columns: valueLength,
            inner: rank, strides: strides)
    }

    private func makeQueries(_ wanted: UnsafePointer<Float>, _ rows: RowGroup) {
        let projected = rows.workspace[.projected]
        let outputs = 0..<input.outputs - latentLength
        guard let queries else {
            rows.linear.apply(
                input, outputs: outputs, to: wanted, rows: rows.wantedCount, into: projected,
                strides: (rows.width, heads.rowWidth))
            return
        }
        let latent = rows.workspace[.latent]
        rows.linear.apply(
            input, outputs: outputs, to: wanted, rows: rows.wantedCount, into: latent,
            strides: (rows.width, outputs.count))
        queryNorm?.apply(rows.weights, to: latent, count: rows.wantedCount, stride: outputs.count)
        rows.linear.apply(
            queries, to: latent, rows: rows.wantedCount, into: projected,
            strides: (outputs.count, heads.rowWidth))
    }

    // MARK: Observers

    /// Tells the observer what the matrices of keys and values take in: the latent row, unless attention
    /// works in the latent space.
    private func observeLatent(_ latent: UnsafePointer<Float>, _ rows: RowGroup) {
        guard let observer = rows.observer else { return }
        func tell(_ tensor: String, part: Int?) {
            observer(
                LinearInput(
                    tensors: [tensor], part: part, place: rows.group.row,
                    rowCount: rows.rowCount, rowLength: description.rank, base: latent,
                    stride: latentLength))
        }
        switch description.expansion {
        case .together(let tensor): tell(tensor, part: nil)
        case .apart(_, let values) where !keepsLatentRows:
            for head in 0..<heads.description.headCount { tell(values, part: head) }
        case .apart: break
        }
    }

    /// Tells the observer what the transposed matrices of keys take in when attention works in the
    /// latent space: the part of a query that stays.
    private func observeKeyMatrices(_ rows: RowGroup) {
        guard let observer = rows.observer, case .apart(let tensor, _) = description.expansion
        else { return }
        for head in 0..<heads.description.headCount {
            observer(
                LinearInput(
                    tensors: [tensor], part: head, place: rows.group.row,
                    rowCount: rows.wantedCount, rowLength: staying,
                    base: rows.workspace[.projected] + head * heads.description.keyLength,
                    stride: heads.rowWidth))
        }
    }
}
