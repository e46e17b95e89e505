import Architectures
import TensorCore

/// Multi-head latent attention (MLA): a layer makes a short latent row, from which come the keys and
/// values of all heads.
struct LatentAttention: Mixer {
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
    /// The matrix of keys and values together, or of keys.
    private let keys: Int
    /// The matrix of values, where it is apart.
    private let values: Int?
    let output: LinearStack

    /// The elements of a head's key that do not turn.
    private var staying: Int { heads.description.keyLength - description.rotatedLength }
    /// The floats of a latent row of keys and values, with the part that turns.
    private var latentLength: Int { description.rank + description.rotatedLength }

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
        switch latent.expansion {
        case .together(let name):
            let outputs = attention.headCount * (staying + attention.valueLength)
            keys = try layout.tensor(name, shape: [outputs, latent.rank])
            values = nil
        case .apart(let keyName, let valueName):
            keys = try layout.tensor(keyName, shape: [attention.headCount, latent.rank, staying])
            values = try layout.tensor(
                valueName, shape: [attention.headCount, attention.valueLength, latent.rank])
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

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        heads.reserve(&room, for: load)
        room.need([.latent: load.rowCount * input.outputs, .branch: load.rowCount * load.width])
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
        makeKeysAndValues(normed, rows)
        var wanted = normed
        if rows.dropsRows {
            rows.gather(normed, length: rows.width, into: rows.workspace[.branch])
            wanted = UnsafePointer(rows.workspace[.branch])
        }
        makeQueries(wanted, rows)
        observeKeyMatrices(rows)
        heads.attend(wanted, rows)
    }

    // MARK: Projections

    /// Keys and values of all heads from the row that they share.
    private func makeKeysAndValues(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let attention = heads.description
        let latent = rows.workspace[.latent]
        rows.linear.apply(
            input, outputs: input.outputs - latentLength..<input.outputs, to: normed,
            rows: rows.rowCount, into: latent, strides: (rows.width, latentLength))
        norm?.apply(rows.weights, to: latent, count: rows.rowCount, stride: latentLength)
        rotatedNorm?.apply(
            rows.weights, to: latent + description.rank, count: rows.rowCount,
            stride: latentLength)
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
        observeLatent(latent, rows)
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
        if let matrices = self.values {
            products.times(
                latent, rows.weights + self.keys + head * rank * staying, into: keys,
                rows: rows.rowCount, columns: staying, inner: rank,
                strides: (strides.0, staying, strides.2))
            valueMatrix = rows.weights + matrices + head * valueLength * rank
        } else {
            let matrix = rows.weights + self.keys + head * (staying + valueLength) * rank
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

    /// Tells the observer what the matrices of keys and values take in: the latent row.
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
        case .apart(_, let values):
            for head in 0..<heads.description.headCount { tell(values, part: head) }
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
