import Architectures
import Foundation

extension ReferenceDecoder {
    /// What a block's mixer makes of all normalised rows.
    ///
    /// - Parameters:
    ///   - keyRows: The rows of which keys and values are made, where they are others.
    ///   - norm: The norm of what the output layer takes in.
    ///   - first: The block whose values are mixed into these, and its normalised rows.
    func mix(
        _ rows: [Row], _ mixer: BlockDescription.Mixer, keyRows: [Row]? = nil,
        norm: BlockDescription.Norm? = nil, firstRows first: (block: Int, rows: [Row])? = nil
    ) -> [Row] {
        switch mixer {
        case .absent: return rows.map { Row(repeating: 0, count: $0.count) }
        case .attention(let attention):
            return attend(rows, attention, keyRows: keyRows ?? rows, norm: norm)
        case .compressed(let attention): return attend(rows, attention)
        case .recurrence(let recurrence):
            if case .timeMix(let mix) = recurrence.kind {
                return timeMix(rows, recurrence, mix, first).map { project($0, recurrence.output) }
            }
            let inner = rows.map { row in recurrence.input.flatMap { project(row, $0) } }
            let width = recurrence.output.inputs
            let results: [Row] =
                switch recurrence.kind {
                case .shortConvolution(let convolution): gated(inner, convolution, width)
                case .deltaRule(let rule): deltaRule(inner, rule)
                case .kimiDelta(let delta): kimiDelta(inner, delta)
                case .selectiveScan(let scan): selectiveScan(inner, scan, width)
                case .stateSpace(let space): stateSpace(inner, space)
                case .headScan(let scan): headScan(inner, scan)
                case .lightning(let lightning): lightningAttention(inner, lightning)
                case .timeMix: []
                }
            return results.map { project(normalise($0, norm), recurrence.output) }
        }
    }

    private func convolve(_ rows: [Row], _ convolution: BlockDescription.Convolution) -> [Row] {
        let weights = values(convolution.weight)
        let bias = convolution.bias.map(values)
        return rows.indices.map { position in
            rows[position].indices.map { channel in
                (0..<convolution.length).reduce(bias?[channel] ?? 0) { sum, back in
                    let side = convolution.isCentred ? (convolution.length - 1) / 2 : 0
                    let place = position + side - back
                    guard rows.indices.contains(place) else { return sum }
                    let weight = weights[(channel + 1) * convolution.length - 1 - back]
                    return sum + weight * rows[place][channel]
                }
            }
        }
    }

    func silu(_ x: Double) -> Double { x * sigmoid(x) }
    private func softplus(_ x: Double) -> Double { log(1 + exp(x)) }

    private func gated(
        _ rows: [Row], _ convolution: BlockDescription.Convolution, _ width: Int
    ) -> [Row] {
        let taken = rows.map { row in (0..<width).map { row[$0] * row[2 * width + $0] } }
        return zip(rows, convolve(taken, convolution)).map { row, convolved in
            (0..<width).map { row[width + $0] * convolved[$0] }
        }
    }

    private func deltaRule(_ rows: [Row], _ rule: BlockDescription.DeltaRule) -> [Row] {
        let convolved = convolve(rows.map { Array($0[..<rule.channelCount]) }, rule.convolution)
            .map { $0.map(silu) }
        let (decays, biases) = (values(rule.decay), values(rule.stepBias))
        let shared = rule.valueHeadCount / rule.keyHeadCount
        var results = [Row](repeating: [], count: rows.count)
        for head in 0..<rule.valueHeadCount {
            let keyHead: Int
            var (alpha, beta) = (0, 0)
            let gates = rule.channelCount + rule.valueWidth
            switch rule.sharing {
            case .neighbours:
                keyHead = head / shared
                beta = gates + keyHead * 2 * shared + head - keyHead * shared
                alpha = beta + shared
            case .turns:
                keyHead = head % rule.keyHeadCount
                (alpha, beta) = (gates + head, gates + rule.valueHeadCount + head)
            }
            var state = [Row](
                repeating: Row(repeating: 0, count: rule.valueLength), count: rule.keyLength)
            for position in rows.indices {
                func part(_ start: Int, _ length: Int) -> Row {
                    Array(convolved[position][start..<start + length])
                }
                func unit(_ row: Row) -> Row {
                    let size = sqrt(row.reduce(1e-6) { $0 + $1 * $1 })
                    return row.map { $0 / size }
                }
                let query = unit(part(keyHead * rule.keyLength, rule.keyLength)).map {
                    $0 / sqrt(Double(rule.keyLength))
                }
                let key = unit(part(rule.keyWidth + keyHead * rule.keyLength, rule.keyLength))
                let value = part(2 * rule.keyWidth + head * rule.valueLength, rule.valueLength)
                let kept = exp(decays[head] * softplus(rows[position][alpha] + biases[head]))
                for index in state.indices { state[index] = state[index].map { $0 * kept } }
                let strength = sigmoid(rows[position][beta])
                for column in value.indices {
                    let known = state.indices.reduce(0.0) { $0 + state[$1][column] * key[$1] }
                    for index in state.indices {
                        state[index][column] += key[index] * (value[column] - known) * strength
                    }
                }
                let result = value.indices.map { column in
                    state.indices.reduce(0.0) { $0 + state[$1][column] * query[$1] }
                }
                let gate = rule.channelCount + head * rule.valueLength
                results[position] += zip(
                    normalise(result, rule.norm), rows[position][gate..<gate + rule.valueLength]
                ).map { $0 * silu($1) }
            }
        }
        return results
    }

    private func kimiDelta(_ rows: [Row], _ delta: BlockDescription.KimiDelta) -> [Row] {
        let (width, length) = (delta.width, delta.headLength)
        let convolved = delta.convolutions.enumerated().map { index, convolution in
            convolve(rows.map { Array($0[index * width..<(index + 1) * width]) }, convolution)
                .map { $0.map(silu) }
        }
        let (decays, biases) = (values(delta.decay), values(delta.stepBias))
        let (first, second) = (3 * width, 3 * width + (delta.steps?.inputs ?? width))
        let third = second + (delta.gates?.inputs ?? width)
        func made(_ part: Range<Int>, _ matrix: BlockDescription.Projection?) -> [Row] {
            rows.map { row in
                let own = Array(row[part])
                return matrix.map { project(own, $0) } ?? own
            }
        }
        let steps = made(first..<second, delta.steps)
        let gates = made(second..<third, delta.gates)
        func unit(_ row: Row) -> Row {
            let size = sqrt(row.reduce(1e-6) { $0 + $1 * $1 })
            return row.map { $0 / size }
        }
        var results = [Row](repeating: [], count: rows.count)
        for head in 0..<delta.headCount {
            let own = head * length..<(head + 1) * length
            var state = [Row](repeating: Row(repeating: 0, count: length), count: length)
            for position in rows.indices {
                let query = unit(Array(convolved[0][position][own]))
                    .map { $0 / sqrt(Double(length)) }
                let key = unit(Array(convolved[1][position][own]))
                let value = Array(convolved[2][position][own])
                let strength = sigmoid(rows[position][third + head])
                for (element, index) in own.enumerated() {
                    let step = steps[position][index] + biases[index]
                    let kept =
                        if let bound = delta.bound {
                            exp(Double(bound) * sigmoid(decays[head] * step))
                        } else {
                            exp(decays[head] * softplus(step))
                        }
                    state[element] = state[element].map { $0 * kept }
                }
                for column in value.indices {
                    let known = state.indices.reduce(0.0) { $0 + state[$1][column] * key[$1] }
                    for index in state.indices {
                        state[index][column] += key[index] * (value[column] - known) * strength
                    }
                }
                let result = value.indices.map { column in
                    state.indices.reduce(0.0) { $0 + state[$1][column] * query[$1] }
                }
                results[position] += zip(normalise(result, delta.norm), gates[position][own]).map {
                    $0 * sigmoid($1)
                }
            }
        }
        return results
    }

    private func headScan(_ rows: [Row], _ scan: BlockDescription.HeadScan) -> [Row] {
        let (length, count) = (scan.headLength, scan.stateLength)
        func part(_ row: Row, _ head: Int, _ number: Int) -> Row {
            Array(row[(2 * head + number) * length..<(2 * head + number + 1) * length])
        }
        let taken = convolve(
            rows.map { row in (0..<scan.headCount).flatMap { part(row, $0, 1) } },
            scan.convolution
        ).map { $0.map(silu) }
        let (decays, skips) = (values(scan.decay), values(scan.skip))
        var state = [Row](repeating: Row(repeating: 0, count: count), count: scan.width)
        return rows.indices.map { position in
            let made = project(taken[position], scan.parameters)
            let first = normalise(Array(made[..<count]), scan.norms[0])
            let second = normalise(Array(made[count..<2 * count]), scan.norms[1])
            let short = normalise(Array(made[(2 * count)...]), scan.norms[2])
            let steps = project(short, scan.steps).map(softplus)
            return (0..<scan.headCount).flatMap { head in
                (0..<length).map { index in
                    let channel = head * length + index
                    let x = taken[position][channel]
                    var result = skips[head] * x
                    for place in 0..<count {
                        state[channel][place] =
                            exp(steps[head] * decays[head]) * state[channel][place]
                            + steps[head] * x * first[place]
                        result += state[channel][place] * second[place]
                    }
                    return result * silu(part(rows[position], head, 0)[index])
                }
            }
        }
    }

    private func selectiveScan(
        _ rows: [Row], _ scan: BlockDescription.SelectiveScan, _ width: Int
    ) -> [Row] {
        let taken = convolve(rows.map { Array($0[..<width]) }, scan.convolution)
            .map { $0.map(silu) }
        let (decays, skips) = (values(scan.decay), values(scan.skip))
        let (rank, length) = (scan.steps.inputs, scan.stateLength)
        var state = [Row](repeating: Row(repeating: 0, count: length), count: width)
        return rows.indices.map { position in
            var parameters = project(taken[position], scan.parameters)
            if let norms = scan.norms {
                var start = 0
                for (norm, count) in [
                    (norms.steps, rank), (norms.input, length), (norms.output, length),
                ] {
                    let part = start..<start + count
                    parameters.replaceSubrange(
                        part, with: normalise(Array(parameters[part]), norm))
                    start += count
                }
            }
            let steps = project(Array(parameters[..<rank]), scan.steps).map(softplus)
            return (0..<width).map { channel in
                let x = taken[position][channel]
                var result = skips[channel] * x
                for index in 0..<length {
                    let kept = exp(steps[channel] * decays[channel * length + index])
                    state[channel][index] =
                        kept * state[channel][index]
                        + steps[channel] * x * parameters[rank + index]
                    result += state[channel][index] * parameters[rank + length + index]
                }
                return result * silu(rows[position][width + channel])
            }
        }
    }

    private func stateSpace(_ rows: [Row], _ space: BlockDescription.StateSpace) -> [Row] {
        let (width, length) = (space.width, space.stateLength)
        let taken = convolve(
            rows.map { Array($0[width..<width + space.channelCount]) }, space.convolution
        ).map { $0.map(silu) }
        let (decays, biases) = (values(space.decay), values(space.stepBias))
        let skips = values(space.skip)
        var state = [Row](repeating: Row(repeating: 0, count: length), count: width)
        return rows.indices.map { position in
            let gated = (0..<width).map { channel in
                let head = channel / space.headLength
                let group = width + head * space.groupCount / space.headCount * length
                let x = taken[position][channel]
                let step = softplus(
                    rows[position][width + space.channelCount + head] + biases[head])
                var result = skips[head] * x
                for index in 0..<length {
                    state[channel][index] =
                        exp(step * decays[head]) * state[channel][index]
                        + step * x * taken[position][group + index]
                    result +=
                        state[channel][index]
                        * taken[position][group + space.groupCount * length + index]
                }
                return result * silu(rows[position][channel])
            }
            guard let norm = space.norm, let name = norm.weight else { return gated }
            let (weights, part) = (values(name), width / space.groupCount)
            return stride(from: 0, to: width, by: part).flatMap { start in
                let row = gated[start..<start + part]
                let power = row.reduce(0) { $0 + $1 * $1 } / Double(part)
                return zip(row, weights[start...]).map {
                    $0 / sqrt(power + Double(norm.epsilon)) * $1
                }
            }
        }
    }
}
