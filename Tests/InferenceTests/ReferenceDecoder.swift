import Architectures
import Foundation

/// The decoder written down naively: one position, one head, one number at a time, in F64.
struct ReferenceDecoder {
    let description: DecoderDescription
    let source: RandomSource

    typealias Row = [Double]

    /// Logits of every position of a window.
    func logits(_ tokens: [Int32]) -> [Row] {
        let width = description.embeddingLength
        let embeddings = values(description.tokenEmbedding)
        var rows = tokens.map { token in
            (0..<width).map {
                embeddings[Int(token) * width + $0] * Double(description.embeddingScale)
            }
        }
        for block in description.blocks {
            let scale = Double(block.residualScale)
            let attention = attend(rows.map { normalise($0, block.attentionNorm) }, block.attention)
            for index in rows.indices {
                let change = normalise(attention[index], block.postAttentionNorm)
                rows[index] = zip(rows[index], change).map { $0 + scale * $1 }
            }
            for index in rows.indices {
                let input = normalise(rows[index], block.feedForwardNorm)
                let change = normalise(
                    feedForward(input, block.feedForward), block.postFeedForwardNorm)
                rows[index] = zip(rows[index], change).map { $0 + scale * $1 }
            }
        }
        let vocabularyCount = embeddings.count / width
        return rows.map { row in
            var logits = project(
                normalise(row, description.outputNorm),
                .init(
                    description.output, bias: description.outputBias, outputs: vocabularyCount,
                    inputs: width)
            ).map { $0 * Double(description.logitScale) }
            if let cap = description.logitSoftCap.map(Double.init) {
                logits = logits.map { cap * tanh($0 / cap) }
            }
            return logits
        }
    }

    private func values(_ name: String) -> Row { source.values(of: name)?.map(Double.init) ?? [] }

    private func project(_ input: Row, _ projection: BlockDescription.Projection) -> Row {
        let weight = values(projection.weight)
        let bias = projection.bias.map(values)
        return (0..<projection.outputs).map { output in
            var sum = bias?[output] ?? 0
            for index in input.indices {
                sum += weight[output * projection.inputs + index] * input[index]
            }
            return sum
        }
    }

    private func normalise(_ row: Row, _ norm: BlockDescription.Norm?) -> Row {
        guard let norm else { return row }
        let count = Double(row.count)
        let mean = norm.kind == .layer ? row.reduce(0, +) / count : 0
        let centered = row.map { $0 - mean }
        let power = centered.reduce(0) { $0 + $1 * $1 } / count
        let scale = 1 / sqrt(power + Double(norm.epsilon))
        let weight = norm.weight.map(values)
        let bias = norm.bias.map(values)
        return row.indices.map { centered[$0] * scale * (weight?[$0] ?? 1) + (bias?[$0] ?? 0) }
    }

    private func rotate(_ head: Row, _ rotary: BlockDescription.Rotary?, position: Int) -> Row {
        guard let rotary else { return head }
        var result = head
        let half = rotary.dimensionCount / 2
        let factors = rotary.factors.map(values)
        for pair in 0..<half {
            let exponent = -2 * Double(pair) / Double(rotary.dimensionCount)
            let angle =
                Double(position) * rotary.positionScale * pow(rotary.base, exponent)
                / (factors?[pair] ?? 1)
            let (first, second) =
                rotary.pairing == .interleaved ? (2 * pair, 2 * pair + 1) : (pair, pair + half)
            result[first] = head[first] * cos(angle) - head[second] * sin(angle)
            result[second] = head[first] * sin(angle) + head[second] * cos(angle)
        }
        return result
    }

    private func attend(_ rows: [Row], _ attention: BlockDescription.Attention) -> [Row] {
        let length = attention.keyLength
        var queries: [[Row]] = []
        var keys: [[Row]] = []
        var heads: [[Row]] = []
        for (position, row) in rows.enumerated() {
            let stacked = attention.input.flatMap { project(row, $0) }
            func head(_ start: Int, _ index: Int, _ length: Int) -> Row {
                Array(stacked[start + index * length..<start + (index + 1) * length])
            }
            queries.append(
                (0..<attention.headCount).map {
                    rotate(
                        normalise(head(0, $0, length), attention.queryNorm), attention.rotary,
                        position: position)
                })
            keys.append(
                (0..<attention.headCountKV).map {
                    rotate(
                        normalise(head(attention.queryWidth, $0, length), attention.keyNorm),
                        attention.rotary, position: position)
                })
            heads.append(
                (0..<attention.headCountKV).map {
                    head(attention.queryWidth + attention.keyWidth, $0, attention.valueLength)
                })
        }
        return rows.indices.map { position in
            let output = (0..<attention.headCount).flatMap { index -> Row in
                let shared = index * attention.headCountKV / attention.headCount
                let first = attention.window.map { max(0, position - $0 + 1) } ?? 0
                let scores = (first...position).map { key -> Double in
                    let product =
                        zip(queries[position][index], keys[key][shared])
                        .reduce(0) { $0 + $1.0 * $1.1 } * Double(attention.scale)
                    guard let cap = attention.softCap.map(Double.init) else { return product }
                    return cap * tanh(product / cap)
                }
                let top = scores.max() ?? 0
                let weights = scores.map { exp($0 - top) }
                let total = weights.reduce(0, +)
                return (0..<attention.valueLength).map { element in
                    zip(first...position, weights).reduce(0) {
                        $0 + $1.1 / total * heads[$1.0][shared][element]
                    }
                }
            }
            return project(output, attention.output)
        }
    }

    private func feedForward(_ input: Row, _ network: BlockDescription.FeedForward) -> Row {
        let stacked = network.input.flatMap { project(input, $0) }
        func apply(_ activation: BlockDescription.Activation, _ x: Double) -> Double {
            switch activation {
            case .silu: x / (1 + exp(-x))
            case .geluTanh: 0.5 * x * (1 + tanh(sqrt(2 / Double.pi) * (x + 0.044715 * x * x * x)))
            }
        }
        switch network {
        case .gated(let activation, _, let down):
            let half = stacked.count / 2
            let hidden = (0..<half).map { apply(activation, stacked[$0]) * stacked[half + $0] }
            return project(hidden, down)
        case .plain(let activation, _, let down):
            return project(stacked.map { apply(activation, $0) }, down)
        }
    }
}
