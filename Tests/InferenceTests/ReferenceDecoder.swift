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
        let positions = description.positionEmbedding.map(values)
        for index in rows.indices {
            if let positions {
                rows[index] = sum(
                    rows[index], Array(positions[index * width..<(index + 1) * width]))
            }
            rows[index] = normalise(rows[index], description.embeddingNorm)
        }
        for block in description.blocks { rows = run(block, rows) }
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

    private func run(_ block: BlockDescription, _ rows: [Row]) -> [Row] {
        let scale = Double(block.residualScale)
        let normed = rows.map { normalise($0, block.attentionNorm) }
        let attention = mix(normed, block.mixer)
        return rows.indices.map { index in
            let change = normalise(attention[index], block.postAttentionNorm).map { $0 * scale }
            let between = sum(rows[index], change)
            let input: Row
            switch block.arrangement {
            case .sequential: input = normalise(between, block.feedForwardNorm)
            case .parallel:
                input =
                    block.feedForwardNorm == nil
                    ? normed[index] : normalise(rows[index], block.feedForwardNorm)
            }
            let output = normalise(
                feedForward(input, block.feedForward), block.postFeedForwardNorm)
            return sum(between, output.map { $0 * scale })
        }
    }

    private func sum(_ left: Row, _ right: Row) -> Row { zip(left, right).map { $0 + $1 } }

    func values(_ name: String) -> Row { source.values(of: name)?.map(Double.init) ?? [] }

    /// - Parameter part: The expert whose part of the tensors is meant.
    func project(
        _ input: Row, _ projection: BlockDescription.Projection, part: Int = 0
    ) -> Row {
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
        let mean = norm.kind == .layer ? row.reduce(0, +) / count : 0
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
