import Architectures
import Foundation

extension ReferenceDecoder {
    /// A token's streams in front of the first block.
    func startStreams(_ embedding: Row) -> [Row] {
        let zero = Row(repeating: 0, count: embedding.count)
        return (0..<description.streamCount).map { number in
            switch description.streamStart {
            case .copies: embedding
            case .first: number == 0 ? embedding : zero
            case .firstAnd(let name):
                number == 0 ? embedding : number == 1 ? values(name) : zero
            }
        }
    }

    /// Takes the streams of all tokens through a block.
    ///
    /// - Returns: The tokens' rows behind the last block.
    func run(
        _ block: BlockDescription, _ connections: BlockDescription.Streams,
        _ streams: inout [[Row]], tokens: [Int32]
    ) -> [Row] {
        var taken = streams.map { take($0, connections.mixer) }
        let mixed = mix(
            taken.map { normalise($0.input, block.attentionNorm) }, block.mixer,
            norm: block.mixedNorm)
        streams = zip(taken, mixed).map { $0.put($1) }
        taken = streams.map { take($0, connections.feedForward) }
        streams = zip(taken, tokens).map { taken, token in
            let input = normalise(taken.input, block.feedForwardNorm)
            return taken.put(
                feedForward(
                    input, block.feedForward, residual: taken.input, start: taken.input,
                    token: token))
        }
        guard let head = connections.head else { return [] }
        return streams.map { streams in
            switch head {
            case .stream(let number): return streams[number]
            case .mean: return weigh(streams, streams.map { _ in 1 / Double(streams.count) })
            case .connection(let connection): return take(streams, connection).input
            case .learned(let learned):
                let numbers = numbers(streams, learned)
                let (base, scale) = (values(learned.base), values(learned.scale))
                return weigh(
                    streams,
                    numbers.indices.map {
                        sigmoid(numbers[$0] * scale[0] + base[$0]) + Double(learned.epsilon)
                    })
            }
        }
    }

    private typealias Taken = (input: Row, put: (Row) -> [Row])

    private func weigh(_ rows: [Row], _ weights: [Double]) -> Row {
        rows[0].indices.map { element in
            zip(rows, weights).reduce(0) { $0 + $1.0[element] * $1.1 }
        }
    }

    private func add(_ left: Row, _ right: Row, times factor: Double = 1) -> Row {
        zip(left, right).map { $0 + factor * $1 }
    }

    /// What a learned connection makes of all streams as one normalised row.
    private func numbers(
        _ streams: [Row], _ learned: BlockDescription.LearnedConnection
    ) -> Row {
        let row = streams.flatMap { $0 }
        let power = row.reduce(0) { $0 + $1 * $1 } / Double(row.count)
        let scale = 1 / sqrt(power + Double(learned.normEpsilon))
        return project(row, learned.matrix).map { $0 * scale }
    }

    private func take(_ streams: [Row], _ connection: BlockDescription.StreamConnection) -> Taken {
        switch connection {
        case .learned(let learned): takeLearned(streams, learned)
        case .gated(let gated): takeGated(streams, gated)
        case .kept(let kept): takeKept(streams, kept)
        case .stacked(let stacked): takeStacked(streams, stacked)
        }
    }

    private func takeLearned(
        _ streams: [Row], _ learned: BlockDescription.LearnedConnection
    ) -> Taken {
        let (count, epsilon) = (streams.count, Double(learned.epsilon))
        let (base, scale) = (values(learned.base), values(learned.scale))
        let numbers = numbers(streams, learned)
        func number(_ place: Int, _ kind: Int) -> Double {
            numbers[place] * scale[kind] + base[place]
        }
        let before = (0..<count).map { sigmoid(number($0, 0)) + epsilon }
        let after = (0..<count).map {
            Double(learned.magnitude) * sigmoid(number(count + $0, 1)) + Double(learned.postEpsilon)
        }
        var pairs = (0..<count).map { from in
            (0..<count).map { from == $0 ? 1.0 : 0 }
        }
        if learned.stepCount > 0 {
            pairs = (0..<count).map { from in
                let scores = (0..<count).map { exp(number((2 + from) * count + $0, 2)) }
                return scores.map { $0 / scores.reduce(0, +) + epsilon }
            }
            func divideColumns() {
                let sums = (0..<count).map { to in pairs.reduce(epsilon) { $0 + $1[to] } }
                pairs = pairs.map { zip($0, sums).map { $0 / $1 } }
            }
            divideColumns()
            for _ in 1..<learned.stepCount {
                pairs = pairs.map { row in row.map { $0 / (row.reduce(0, +) + epsilon) } }
                divideColumns()
            }
        }
        return (
            weigh(streams, before),
            { output in
                (0..<count).map { to in
                    add(weigh(streams, pairs.map { $0[to] }), output, times: after[to])
                }
            }
        )
    }

    private func takeGated(
        _ streams: [Row], _ gated: BlockDescription.GatedConnection
    ) -> Taken {
        let count = Double(streams.count)
        let normed = streams.enumerated().map { normalise($1, gated.norm, part: $0) }
        let whole = normed.flatMap { $0 }
        let short = project(whole, gated.down).map { $0 / count }.map { $0 * sigmoid($0) }
        let gates = project(short, gated.up).map(sigmoid)
        let width = streams[0].count
        let input = (0..<width).map { element -> Double in
            var sum = 0.0
            for number in normed.indices {
                sum += gates[number * width + element] * normed[number][element]
            }
            return sum / count
        }
        let shares = gated.inject.map { project(whole, $0).map { 2 * sigmoid($0 / count) } } ?? []
        return (input, { output in zip(streams, shares).map { add($0, output, times: $1) } })
    }

    private func takeKept(_ streams: [Row], _ kept: BlockDescription.KeptConnection) -> Taken {
        let norm = BlockDescription.Norm(.rootMeanSquare, epsilon: kept.epsilon, weight: nil)
        let seen = Array(streams.prefix(kept.keptCount + 1))
        let merits = seen.map { stream in
            exp(zip(normalise(stream, norm), values(kept.score)).reduce(0) { $0 + $1.0 * $1.1 })
        }
        let input = weigh(seen, merits.map { $0 / merits.reduce(0, +) })
        return (
            input,
            { output in
                var streams = streams
                if kept.keeps { streams[kept.keptCount + 1] = streams[0] }
                streams[0] = kept.keeps ? output : add(streams[0], output)
                return streams
            }
        )
    }

    private func takeStacked(
        _ streams: [Row], _ stacked: BlockDescription.StackedConnection
    ) -> Taken {
        let input = stacked.begins ? add(streams[0], streams[1]) : streams[2]
        return (
            input,
            { output in
                var streams = streams
                streams[2] = add(input, output)
                if let end = stacked.end { streams[end] = normalise(streams[2], stacked.norm) }
                return streams
            }
        )
    }

    // MARK: Compressed attention

    func attend(
        _ rows: [Row], _ attention: BlockDescription.CompressedAttention
    ) -> [Row] {
        let length = attention.headLength
        func turn(_ row: Row, at position: Int, back: Bool = false) -> Row {
            var rotary = attention.rotary
            rotary.offset = row.count - rotary.dimensionCount
            if back { rotary.positionScale = -rotary.positionScale }
            return rotate(row, rotary, position: position, contextLength: rows.count)
        }
        func cut(_ row: Row, _ length: Int) -> [Row] {
            stride(from: 0, to: row.count, by: length).map { Array(row[$0..<$0 + length]) }
        }
        let short = rows.map {
            normalise(project($0, attention.queryInput), attention.queryInputNorm)
        }
        let keys = rows.enumerated().map {
            turn(normalise(project($1, attention.keys), attention.keyNorm), at: $0)
        }
        func compress(_ compressor: BlockDescription.Compressor?) -> [Row] {
            guard let compressor else { return [] }
            let (ratio, size) = (compressor.ratio, compressor.length)
            let values = rows.map { project($0, compressor.values) }
            let gates = rows.map { project($0, compressor.gates) }
            let places = cut(self.values(compressor.places), compressor.values.outputs)
            return (0..<rows.count / ratio).map { number in
                let row = (0..<size).map { element -> Double in
                    var slots: [(value: Double, weight: Double)] = []
                    for place in 0..<ratio {
                        let own = element + (compressor.overlaps ? size : 0)
                        let position = number * ratio + place
                        slots.append(
                            (values[position][own], exp(gates[position][own] + places[place][own])))
                        guard compressor.overlaps, number > 0 else { continue }
                        let before = position - ratio
                        slots.append(
                            (
                                values[before][element],
                                exp(gates[before][element] + places[place][element])
                            ))
                    }
                    let total = slots.reduce(0) { $0 + $1.weight }
                    return slots.reduce(0) { $0 + $1.value * $1.weight / total }
                }
                return turn(normalise(row, compressor.norm), at: number * ratio)
            }
        }
        let compressed = compress(attention.compressor)
        let indexKeys = compress(attention.indexer?.compressor)
        let ratio = attention.compressor?.ratio ?? 1
        return rows.indices.map { position in
            var far = Array(0..<(compressed.isEmpty ? 0 : (position + 1) / ratio))
            if let indexer = attention.indexer {
                let queries = cut(
                    project(short[position], indexer.queries), indexer.compressor.length
                ).map { turn($0, at: position) }
                let weights = project(rows[position], indexer.weights)
                let merits = far.map { number in
                    zip(queries, weights).reduce(0) { sum, head in
                        let product = zip(head.0, indexKeys[number]).reduce(0) { $0 + $1.0 * $1.1 }
                        return sum + head.1 * max(0, product)
                    }
                }
                far = Array(far.sorted { merits[$0] > merits[$1] }.prefix(indexer.pickCount))
            }
            let near = max(0, position - attention.window + 1)...position
            let seen = near.map { keys[$0] } + far.map { compressed[$0] }
            let sinks = values(attention.sinks)
            let queries = cut(project(short[position], attention.queries), length)
            let results = queries.enumerated().map { head, query -> Row in
                let query = turn(normalise(query, attention.queryNorm), at: position)
                let scores = seen.map { key in
                    exp(zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } / sqrt(Double(length)))
                }
                let total = scores.reduce(exp(sinks[head]), +)
                return turn(weigh(seen, scores.map { $0 / total }), at: position, back: true)
            }
            let inner = attention.groups.inputs
            let rank = attention.groups.outputs / attention.groupCount
            let (matrix, all) = (values(attention.groups.weight), results.flatMap { $0 })
            var groups: Row = []
            for group in 0..<attention.groupCount {
                for output in 0..<rank {
                    let first = (group * rank + output) * inner
                    var sum = 0.0
                    for index in 0..<inner {
                        sum += matrix[first + index] * all[group * inner + index]
                    }
                    groups.append(sum)
                }
            }
            return project(groups, attention.output)
        }
    }
}
