import Architectures
import Foundation

/// Several rows for every token, and the way past a mixer.
extension ReferenceDecoder {
    private func modalities(
        _ row: Row, _ updates: BlockDescription.AlternatingUpdates
    ) -> Row {
        let normed = normalise(row, updates.norm).map { $0 / Double(row.count) }
        return project(normed, updates.router).map { tanh($0) }
    }

    /// The rows of every token as they are predicted, made of the embeddings where there are none.
    func predict(
        _ streams: [[Row]], _ rows: [Row], _ updates: BlockDescription.AlternatingUpdates
    ) -> [[Row]] {
        let before = updates.expansion.map { name in rows.map { expand($0, name) } } ?? streams
        return before.map { streams in
            let weights = project(
                modalities(streams[updates.active], updates), updates.prediction)
            return (0..<updates.count).map { target in
                (0..<updates.count).reduce(streams[target]) { row, source in
                    let weight = weights[target * updates.count + source]
                    return sum(row, streams[source].map { $0 * weight })
                }
            }
        }
    }

    /// A token's rows once the block has made another of the active one.
    func correct(
        _ streams: [Row], _ row: Row, _ updates: BlockDescription.AlternatingUpdates
    ) -> [Row] {
        let weights = project(modalities(row, updates), updates.correction)
        let change = zip(row, streams[updates.active]).map { $0 - $1 }
        return zip(streams, weights).map { stream, weight in
            sum(stream, change.map { $0 * (1 + weight) })
        }
    }

    /// A row through each matrix of a tensor, brought to another row's size.
    private func through(_ row: Row, _ name: String, _ number: Int, like other: Row) -> Row {
        let count = row.count
        let made = project(
            row, .init(name, bias: nil, outputs: count, inputs: count), part: number)
        func power(_ row: Row) -> Double { row.reduce(0) { $0 + $1 * $1 } / Double(count) }
        let factor = sqrt(power(other)) / sqrt(max(power(made), 1e-5))
        return made.map { $0 * factor }
    }

    private func expand(_ row: Row, _ name: String) -> [Row] {
        let others = values(name).count / (row.count * row.count)
        return [row] + (0..<others).map { through(row, name, $0, like: row) }
    }

    /// The mean of a token's rows.
    func merge(_ streams: [Row], _ name: String) -> Row {
        let all = streams.dropFirst().enumerated().reduce(streams[0]) {
            sum($0, through($1.element, name, $1.offset, like: streams[0]))
        }
        return all.map { $0 / Double(streams.count) }
    }

    /// What LAuReL makes of the sum behind a mixer.
    func bypass(_ laurel: BlockDescription.Laurel, _ row: Row, _ normed: Row) -> Row {
        let short = project(project(normed, laurel.left), laurel.right)
        return sum(row, sum(normed, normalise(short, laurel.norm))).map { $0 / sqrt(2) }
    }
}
