import Architectures
import Foundation

/// The decoder written down naively: one position, one head, one number at a time, in F64.
struct ReferenceDecoder {
    let description: DecoderDescription
    let source: RandomSource
    /// What becomes of the input of a matrix.
    var round: (_ input: Row, _ matrix: String) -> Row = { input, _ in input }

    typealias Row = [Double]

    /// Logits of every position of a window.
    func logits(_ tokens: [Int32]) -> [Row] {
        let vocabularyCount = values(description.tokenEmbedding).count / description.embeddingLength
        return outputRows(tokens).map { row in
            var logits = project(
                row,
                .init(
                    description.output, bias: description.outputBias, outputs: vocabularyCount,
                    inputs: description.embeddingLength)
            ).map { $0 * Double(description.logitScale) }
            if let cap = description.logitSoftCap.map(Double.init) {
                logits = logits.map { cap * tanh($0 / cap) }
            }
            return logits
        }
    }

    /// What the output matrix takes in, for every position of a window.
    ///
    /// - Parameter second: The first token of the second segment.
    func outputRows(_ tokens: [Int32], second: Int = .max) -> [Row] {
        let width = description.embeddingLength
        let embeddings = values(description.tokenEmbedding)
        var rows = tokens.map { token in
            (0..<width).map {
                embeddings[Int(token) * width + $0] * Double(description.embeddingScale)
            }
        }
        let positions = description.positionEmbedding.map(values)
        for index in rows.indices {
            if let positions {
                rows[index] = sum(
                    rows[index], Array(positions[index * width..<(index + 1) * width]))
            }
            if let segments = description.segmentEmbedding.map(values) {
                let first = (index < second ? 0 : 1) * width
                rows[index] = sum(rows[index], Array(segments[first..<first + width]))
            }
            rows[index] = normalise(rows[index], description.embeddingNorm)
        }
        let layerRows = layerRows(tokens, rows)
        if description.streamCount > 1 {
            var streams = rows.map(startStreams)
            for block in description.blocks {
                guard let connections = block.streams else { continue }
                rows = run(block, connections, &streams, tokens: tokens)
            }
            return rows.map { normalise($0, description.outputNorm) }
        }
        let embedded = rows
        var streams: [[Row]] = []
        // What every block's mixer takes in, for blocks that take another's keys.
        var inputs: [[Row]] = []
        for (number, block) in description.blocks.enumerated() {
            if let updates = block.alternatingUpdates {
                streams = predict(streams, rows, updates)
                rows = streams.map { $0[updates.active] }
            }
            inputs.append(rows.map { normalise($0, block.attentionNorm) })
            rows = run(block, rows, inputs)
            for index in rows.indices {
                let layerRow = block.layerInput.flatMap { input in
                    layerRows.map { rows -> Row in
                        let first = number * input.gate.outputs
                        return Array(rows[index][first..<first + input.gate.outputs])
                    }
                }
                if let updates = block.alternatingUpdates {
                    streams[index] = correct(streams[index], rows[index], updates)
                    if let input = block.layerInput, let layerRow {
                        let scale = values(updates.inputScale)
                        let change = change(
                            zip(streams[index][updates.active], scale).map { $0 * $1 }, input,
                            layerRow)
                        for stream in 1..<updates.count {
                            streams[index][stream] = sum(streams[index][stream], change)
                        }
                    }
                    rows[index] =
                        updates.merging.map { merge(streams[index], $0) }
                        ?? streams[index][updates.active]
                } else if let input = block.layerInput, let layerRow {
                    rows[index] = sum(rows[index], change(rows[index], input, layerRow))
                }
                if let gain = block.embeddingGain {
                    rows[index] = sum(rows[index], embedded[index].map { $0 * values(gain)[0] })
                }
                let scale = block.outputScale.map { values($0)[0] } ?? 1
                rows[index] = rows[index].map { $0 * scale * Double(block.outputFactor) }
            }
        }
        return rows.map { normalise($0, description.outputNorm) }
    }

    /// What a block makes of a token's row for it.
    private func change(
        _ row: Row, _ input: BlockDescription.LayerInput, _ layerRow: Row
    ) -> Row {
        let gate = zip(project(row, input.gate), layerRow).map { geluTanh($0) * $1 }
        return normalise(project(gate, input.output), input.norm)
    }

    private func geluTanh(_ x: Double) -> Double {
        x / 2 * (1 + tanh(sqrt(2 / Double.pi) * (x + 0.044715 * x * x * x)))
    }

    /// The rows that tokens have for every block.
    private func layerRows(_ tokens: [Int32], _ embedded: [Row]) -> [Row]? {
        guard let layers = description.layerEmbedding else { return nil }
        let count = description.blocks.count
        let table = values(layers.embedding)
        return zip(tokens, embedded).map { token, row in
            let projected = project(
                row,
                .init(
                    layers.projection, bias: nil, outputs: count * layers.length,
                    inputs: description.embeddingLength)
            ).map { $0 * Double(layers.projectionScale) }
            return (0..<count).flatMap { block -> Row in
                let range = block * layers.length..<(block + 1) * layers.length
                return zip(normalise(Array(projected[range]), layers.norm), range).map {
                    let stored = table[Int(token) * count * layers.length + $1]
                    return ($0 + stored * Double(layers.embeddingScale)) * Double(layers.sumScale)
                }
            }
        }
    }

    private func run(
        _ block: BlockDescription, _ rows: [Row], _ inputs: [[Row]]
    ) -> [Row] {
        let scale = Double(block.residualScale)
        let normed = inputs[inputs.count - 1]
        var mixer = block.mixer
        var keyRows: [Row]?
        if let source = block.keySource, case .attention(var attention) = mixer {
            // The other block's projections of its own input, with this one's queries.
            let other = description.blocks[source].attention
            attention.input += other.input.dropFirst()
            attention.keyNorm = other.keyNorm
            attention.valueNorm = other.valueNorm
            attention.valuesAreKeys = other.valuesAreKeys
            mixer = .attention(attention)
            keyRows = inputs[source]
        }
        let attention = mix(
            normed, mixer, keyRows: keyRows, norm: block.mixedNorm,
            firstRows: block.valueSource.map { ($0, inputs[$0]) })
        let parallel = block.parallelMixer.map { mix(normed, .recurrence($0)) }
        let skip = block.skipScale.map(Double.init)
        let mixerGain = block.mixerGain.map { values($0)[0] } ?? 1
        let networkGain = block.feedForwardGain.map { values($0)[0] } ?? 1
        let sums = rows.indices.map { index in
            var change = normalise(attention[index], block.postAttentionNorm).map { $0 * mixerGain }
            if let parallel { change = sum(change, parallel[index]) }
            let past = skip.map { skip in normed[index].map { $0 * skip } } ?? rows[index]
            let between = normalise(sum(past, change.map { $0 * scale }), block.mixerSumNorm)
            return block.laurel.map { bypass($0, between, normed[index]) } ?? between
        }
        if case .channelMix(let mix) = block.feedForward {
            let changes = run(mix, sums.map { normalise($0, block.feedForwardNorm) })
            return zip(sums, changes).map { sum($0, $1.map { $0 * scale }) }
        }
        return rows.indices.map { index in
            let between = sums[index]
            let input: Row
            switch block.arrangement {
            case .sequential: input = normalise(between, block.feedForwardNorm)
            case .parallel:
                input =
                    block.feedForwardNorm == nil
                    ? normed[index] : normalise(rows[index], block.feedForwardNorm)
            }
            let output = normalise(
                feedForward(input, block.feedForward, residual: between, start: rows[index]),
                block.postFeedForwardNorm
            ).map { $0 * networkGain }
            let past = skip.map { skip in input.map { $0 * skip } } ?? between
            return normalise(sum(past, output.map { $0 * scale }), block.feedForwardSumNorm)
        }
    }

    func sum(_ left: Row, _ right: Row) -> Row { zip(left, right).map { $0 + $1 } }

    func values(_ name: String) -> Row { source.values(of: name)?.map(Double.init) ?? [] }

    /// - Parameter part: The expert whose part of the tensors is meant.
    func project(
        _ input: Row, _ projection: BlockDescription.Projection, part: Int = 0
    ) -> Row {
        let input = round(input, projection.weight)
        let weight = values(projection.weight)
        let bias = projection.bias.map(values)
        return (0..<projection.outputs).map { output in
            let row = part * projection.outputs + output
            var sum = bias?[row] ?? 0
            for index in input.indices {
                sum += weight[row * projection.inputs + index] * input[index]
            }
            return sum
        }
    }

    /// - Parameter part: The head whose part of the weights is meant.
    func normalise(
        _ row: Row, _ norm: BlockDescription.Norm?, part: Int = 0
    ) -> Row {
        guard let norm else { return row }
        let count = Double(row.count)
        let mean =
            switch norm.kind {
            case .rootMeanSquare: 0.0
            case .layer: row.reduce(0, +) / count
            }
        let centered = row.map { $0 - mean }
        let power = centered.reduce(0) { $0 + $1 * $1 } / count
        let scale = 1 / sqrt(power + Double(norm.epsilon))
        let weight = norm.weight.map(values)
        let bias = norm.bias.map(values)
        let start = part * row.count
        return row.indices.map {
            centered[$0] * scale * (weight?[start + $0] ?? 1) + (bias?[start + $0] ?? 0)
        }
    }
}
