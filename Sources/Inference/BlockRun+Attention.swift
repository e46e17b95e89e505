import Architectures
import CKernels

extension BlockRun {
    /// Queries, keys and values, `(M, queries | keys | values)`; queries only where wanted, their
    /// rows moved together.
    func projectHeads(_ normed: UnsafeMutablePointer<Float>) {
        guard let latent = plan.latent else {
            let stack = plan.mixerInput
            let wide = workspace.wide.base
            let strides = (input: width, result: plan.headsWidth)
            guard queries.count < windowLength else {
                linear.apply(stack, to: normed, rows: rowCount, into: wide, strides: strides)
                copyKeysToValues()
                return
            }
            let queryWidth = plan.description.attention.queryWidth
            if queryWidth < stack.outputs {
                linear.apply(
                    stack, outputs: queryWidth..<stack.outputs, to: normed, rows: rowCount,
                    into: wide + queryWidth, strides: strides)
                copyKeysToValues()
            }
            keepQueries(normed)
            linear.apply(
                stack, outputs: 0..<queryWidth, to: normed, rows: queryCount, into: wide,
                strides: strides)
            return
        }
        projectKeys(latent, normed)
        if queries.count < windowLength { keepQueries(normed) }
        projectQueries(latent, normed)
    }

    /// Where values are keys: takes them before norm and rotation.
    private func copyKeysToValues() {
        let attention = plan.description.attention
        guard attention.valuesAreKeys else { return }
        for row in 0..<rowCount {
            let keys = workspace.wide.base + row * plan.headsWidth + attention.queryWidth
            (keys + attention.keyWidth).update(from: keys, count: attention.keyWidth)
        }
    }

    /// Moves the wanted residual and normed rows together.
    func keepQueries(_ normed: UnsafeMutablePointer<Float>) {
        for window in 0..<windowCount {
            let from = (window * windowLength + queries.lowerBound) * width
            let to = window * queries.count * width
            // The places may overlap, but the destination never lies behind its source.
            (residual + to).update(from: residual + from, count: queries.count * width)
            (normed + to).update(from: normed + from, count: queries.count * width)
        }
    }

    // MARK: Latent rows

    /// Keys and values of all heads from the row that they share.
    private func projectKeys(_ latent: BlockPlan.Latent, _ normed: UnsafePointer<Float>) {
        let attention = plan.description.attention
        let input = plan.mixerInput
        let (rank, turned) = (latent.description.rank, latent.description.rotatedLength)
        let staying = attention.keyLength - turned
        let stride = rank + turned
        let shared = workspace.latent.base
        linear.apply(
            input, outputs: input.outputs - stride..<input.outputs, to: normed, rows: rowCount,
            into: shared, strides: (width, stride))
        if let norm = latent.norm {
            for row in 0..<rowCount {
                norm.apply(weights, shared + row * stride, into: shared + row * stride)
            }
        }
        let rows = workspace.wide.base
        let (keyStart, valueStart) = (
            attention.queryWidth, attention.queryWidth + attention.keyWidth
        )
        let headsWidth = plan.headsWidth
        for head in 0..<attention.headCount {
            expand(
                latent, head: head, keys: rows + keyStart + head * attention.keyLength,
                values: rows + valueStart + head * attention.valueLength)
            for row in 0..<rowCount {
                (rows + row * headsWidth + keyStart + head * attention.keyLength + staying)
                    .update(from: shared + row * stride + rank, count: turned)
            }
        }
        observeLatent(latent, shared, stride: stride)
    }

    /// One head's keys, as far as they stay, and values.
    private func expand(
        _ latent: BlockPlan.Latent, head: Int, keys: UnsafeMutablePointer<Float>,
        values: UnsafeMutablePointer<Float>
    ) {
        let attention = plan.description.attention
        let (rank, turned) = (latent.description.rank, latent.description.rotatedLength)
        let (staying, valueLength) = (attention.keyLength - turned, attention.valueLength)
        let shared = workspace.latent.base
        let strides = (rank + turned, rank, plan.headsWidth)
        let valueMatrix: UnsafePointer<Float>
        if let matrices = latent.values {
            MatrixProduct.times(
                shared, weights + latent.keys + head * rank * staying, into: keys, rows: rowCount,
                columns: staying, inner: rank, strides: (strides.0, staying, strides.2))
            valueMatrix = weights + matrices + head * valueLength * rank
        } else {
            let matrix = weights + latent.keys + head * (staying + valueLength) * rank
            MatrixProduct.timesTransposed(
                shared, matrix, into: keys, rows: rowCount, columns: staying, inner: rank,
                strides: strides)
            valueMatrix = matrix + staying * rank
        }
        MatrixProduct.timesTransposed(
            shared, valueMatrix, into: values, rows: rowCount, columns: valueLength, inner: rank,
            strides: strides)
    }

    private func projectQueries(_ latent: BlockPlan.Latent, _ normed: UnsafePointer<Float>) {
        let wide = workspace.wide.base
        let input = plan.mixerInput
        let shared = latent.description.rank + latent.description.rotatedLength
        let outputs = 0..<input.outputs - shared
        guard let queries = latent.queries else {
            linear.apply(
                input, outputs: outputs, to: normed, rows: queryCount, into: wide,
                strides: (width, plan.headsWidth))
            observeKeyMatrices(latent)
            return
        }
        let rows = workspace.latent.base
        linear.apply(
            input, outputs: outputs, to: normed, rows: queryCount, into: rows,
            strides: (width, outputs.count))
        if let norm = latent.queryNorm {
            for row in 0..<queryCount {
                norm.apply(weights, rows + row * outputs.count, into: rows + row * outputs.count)
            }
        }
        linear.apply(
            queries, to: rows, rows: queryCount, into: wide,
            strides: (outputs.count, plan.headsWidth))
        observeKeyMatrices(latent)
    }

    /// Tells the observer what the matrices of keys and values take in: the latent row.
    private func observeLatent(
        _ latent: BlockPlan.Latent, _ shared: UnsafePointer<Float>, stride: Int
    ) {
        guard let observer else { return }
        let rank = latent.description.rank
        func tell(_ tensor: String, part: Int?) {
            observer(
                LinearInput(
                    tensors: [tensor], part: part, rowCount: rowCount, rowLength: rank,
                    base: shared, stride: stride))
        }
        switch latent.description.expansion {
        case .together(let tensor): tell(tensor, part: nil)
        case .apart(_, let values):
            for head in 0..<plan.description.attention.headCount { tell(values, part: head) }
        }
    }

    /// Tells the observer what the transposed matrices of keys take in when attention works in the
    /// latent space: the part of a query that stays.
    private func observeKeyMatrices(_ latent: BlockPlan.Latent) {
        guard let observer, case .apart(let tensor, _) = latent.description.expansion else {
            return
        }
        let attention = plan.description.attention
        for head in 0..<attention.headCount {
            observer(
                LinearInput(
                    tensors: [tensor], part: head, rowCount: queryCount,
                    rowLength: attention.keyLength - latent.description.rotatedLength,
                    base: workspace.wide.base + head * attention.keyLength,
                    stride: plan.headsWidth))
        }
    }

    // MARK: Gates

    /// The gates of the wanted queries, from their normed rows.
    func projectGates(_ normed: UnsafePointer<Float>) {
        guard let gate = plan.gate else { return }
        linear.apply(
            gate, to: normed, rows: queryCount, into: workspace.latent.base,
            strides: (width, gate.outputs))
    }

    /// Multiplies the heads' results by the sigmoids of their gates.
    func gateHeads() {
        guard let gate = plan.gate else { return }
        let (gates, values) = (workspace.latent.base, workspace.heads.base)
        for index in 0..<queryCount * gate.outputs {
            values[index] *= ExpertChoice.sigmoid(gates[index])
        }
    }

    // MARK: Heads

    /// Limits, norms, rotation and scale of every query and key.
    func prepareHeads() {
        let attention = plan.description.attention
        let stride = plan.headsWidth
        if let limit = attention.inputLimit { cutHeads(to: limit) }
        for window in 0..<windowCount {
            for index in 0..<queries.count {
                let row = workspace.wide.base + (window * queries.count + index) * stride
                let position = start + queries.lowerBound + index
                prepare(
                    row, heads: attention.headCount, stride: attention.queryStride,
                    norm: plan.queryNorm, position: position)
                if let temperature = attention.temperature {
                    ingot_scale(row, temperature.factor(at: position), attention.queryWidth)
                }
            }
            if attention.source != nil { continue }
            for index in 0..<windowLength {
                let row = workspace.wide.base + (window * windowLength + index) * stride
                if let norm = plan.valueNorm {
                    let values = row + attention.queryWidth + attention.keyWidth
                    for head in 0..<attention.headCountKV {
                        let value = values + head * attention.valueLength
                        norm.apply(weights, value, into: value)
                    }
                }
                prepare(
                    row + attention.queryWidth, heads: attention.headCountKV,
                    stride: attention.keyLength, norm: plan.keyNorm, position: start + index)
            }
        }
    }

    /// Cuts queries, keys and values to a limit.
    private func cutHeads(to limit: Float) {
        func cut(rows: Int, _ columns: Range<Int>) {
            for row in 0..<rows {
                let values = workspace.wide.base + row * plan.headsWidth
                for column in columns {
                    values[column] = max(min(values[column], limit), -limit)
                }
            }
        }
        let queryWidth = plan.description.attention.queryWidth
        cut(rows: queryCount, 0..<queryWidth)
        cut(rows: rowCount, queryWidth..<plan.headsWidth)
    }

    private func prepare(
        _ row: UnsafeMutablePointer<Float>, heads: Int, stride: Int, norm: NormPlan?, position: Int
    ) {
        let attention = plan.description.attention
        if !attention.normAfterRotation { normaliseHeads(row, heads: heads, stride: stride, norm) }
        if let rotary, let pairing = attention.rotary?.pairing {
            let (cosines, sines) = (rotary.cosines(at: position), rotary.sines(at: position))
            for head in 0..<heads {
                let values = row + head * stride + rotary.offset
                switch pairing {
                case .interleaved:
                    ingot_rotate_interleaved(values, cosines, sines, rotary.pairCount)
                case .halves: ingot_rotate_halves(values, cosines, sines, rotary.pairCount)
                }
            }
        }
        if attention.normAfterRotation { normaliseHeads(row, heads: heads, stride: stride, norm) }
    }

    private func normaliseHeads(
        _ row: UnsafeMutablePointer<Float>, heads: Int, stride: Int, _ norm: NormPlan?
    ) {
        guard let norm else { return }
        let attention = plan.description.attention
        guard attention.normScope != .row else {
            norm.apply(weights, row, into: row)
            return
        }
        for head in 0..<heads {
            let values = row + head * stride
            norm.apply(weights, values, into: values, head: head)
        }
    }

    // MARK: Scores

    /// Where the keys and values of a window lie: the first key's address, and the floats from one
    /// position to the next.
    private func keys(ofWindow window: Int) -> (base: UnsafePointer<Float>, stride: Int) {
        let attention = plan.description.attention
        let stride = plan.headsWidth
        let width = attention.keyWidth + attention.valueWidth
        let kept = kept.map { $0 + window * windowLength * width }
        if attention.source != nil {
            guard let rows = cache?.base ?? kept else {
                preconditionFailure("keys of another block that were not kept")
            }
            return (UnsafePointer(rows), width)
        }
        let rows = workspace.wide.base + window * windowLength * stride + attention.queryWidth
        if let kept {
            for index in 0..<windowLength {
                (kept + index * width).update(from: rows + index * stride, count: width)
            }
        }
        guard let cache else { return (UnsafePointer(rows), stride) }
        for index in 0..<windowLength {
            (cache.base + (start + index) * cache.width)
                .update(from: rows + index * stride, count: cache.width)
        }
        return (UnsafePointer(cache.base), cache.width)
    }

    /// Causal attention of one window, head by head, some query rows at a time; only the keys that
    /// these rows may see take part.
    func attend(window: Int) {
        let attention = plan.description.attention
        let stride = plan.headsWidth
        let (keyRows, keyStride) = keys(ofWindow: window)
        let valueRows = keyRows + attention.keyWidth
        let queryRows = workspace.wide.base + window * queries.count * stride
        let outputStride = attention.headCount * attention.valueLength
        let outputRows = workspace.heads.base + window * queries.count * outputStride
        let scores = workspace.scores.base
        let group = attention.headCount / attention.headCountKV
        for first in Swift.stride(from: 0, to: queries.count, by: BlockRun.queryRows) {
            let rows = min(BlockRun.queryRows, queries.count - first)
            let position = start + queries.lowerBound + first
            let keys = earliest(seenFrom: position)..<position + rows
            for head in 0..<attention.headCount {
                let shared = head / group
                MatrixProduct.timesTransposed(
                    queryRows + first * stride + head * attention.queryStride,
                    keyRows + keys.lowerBound * keyStride + shared * attention.keyLength,
                    into: scores, rows: rows, columns: keys.count, inner: attention.keyLength,
                    strides: (stride, keyStride, keys.count), scale: attention.scale)
                for row in 0..<rows {
                    weigh(
                        scores + row * keys.count, keys: keys, position: position + row, head: head)
                }
                MatrixProduct.times(
                    scores,
                    valueRows + keys.lowerBound * keyStride + shared * attention.valueLength,
                    into: outputRows + first * outputStride + head * attention.valueLength,
                    rows: rows, columns: attention.valueLength, inner: keys.count,
                    strides: (keys.count, keyStride, outputStride))
            }
        }
        guard attention.isGated else { return }
        for row in 0..<queries.count {
            let gates = queryRows + row * stride + attention.keyLength
            for head in 0..<attention.headCount {
                let values = outputRows + row * outputStride + head * attention.valueLength
                for index in 0..<attention.valueLength {
                    values[index] *= ExpertChoice.sigmoid(
                        gates[head * attention.queryStride + index])
                }
            }
        }
    }

    /// The first position that a query at `position` sees.
    private func earliest(seenFrom position: Int) -> Int {
        let attention = plan.description.attention
        var first = 0
        if let window = attention.window { first = max(0, position - window + 1) }
        if let chunk = attention.chunk { first = max(first, position / chunk * chunk) }
        return first
    }

    /// Turns the scores of one query into weights, zero for keys that it does not see.
    private func weigh(
        _ scores: UnsafeMutablePointer<Float>, keys: Range<Int>, position: Int, head: Int
    ) {
        let attention = plan.description.attention
        let seen = earliest(seenFrom: position) - keys.lowerBound..<position + 1 - keys.lowerBound
        if let cap = attention.softCap {
            ingot_soft_cap(scores + seen.lowerBound, cap, seen.count)
        }
        if let bias = attention.alibiBias {
            let slope = attention.alibiSlope(head: head, bias: bias)
            for key in seen {
                scores[key] -= slope * Float(position - keys.lowerBound - key)
            }
        }
        let sink = plan.sinks.map { weights[$0 + head] } ?? -.infinity
        ingot_softmax(scores + seen.lowerBound, seen.count, sink)
        scores.update(repeating: 0, count: seen.lowerBound)
        (scores + seen.upperBound).update(repeating: 0, count: keys.count - seen.upperBound)
    }
}
