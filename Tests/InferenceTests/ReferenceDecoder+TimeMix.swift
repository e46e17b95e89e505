import Architectures
import Foundation

extension ReferenceDecoder {
    typealias Part = BlockDescription.TimeMix.Part

    /// Rows between each row and the one before.
    private func mixed(_ rows: [Row], _ factors: (Int) -> Row) -> [Row] {
        rows.indices.map { index in
            let before = index > 0 ? rows[index - 1] : rows[index].map { _ in 0 }
            return zip(zip(rows[index], before), factors(index)).map {
                $0.0 + ($0.1 - $0.0) * $1
            }
        }
    }

    /// The rows that every part is made of.
    private func shifted(
        _ rows: [Row], _ shift: BlockDescription.TimeMix.Shift
    ) -> [Part: [Row]] {
        let width = rows[0].count
        let factors = values(shift.factors)
        let short = shift.learned.map { learned in
            mixed(rows) { _ in values(learned.factors) }.map {
                project($0, learned.first).map { tanh($0) }
            }
        }
        var result: [Part: [Row]] = [:]
        for (number, part) in shift.parts.enumerated() {
            let own = Array(factors[number * width..<(number + 1) * width])
            result[part] = mixed(rows) { index in
                guard let learned = shift.learned, let row = short?[index] else { return own }
                let rank = row.count / shift.parts.count
                return sum(
                    own,
                    project(
                        Array(row[number * rank..<(number + 1) * rank]),
                        .init(learned.second, bias: nil, outputs: width, inputs: rank),
                        part: number))
            }
        }
        return result
    }

    private func apply(
        _ factors: BlockDescription.TimeMix.LowRank, _ row: Row,
        _ function: (Double) -> Double = { $0 }
    ) -> Row {
        let made = project(project(row, factors.first).map(function), factors.second)
        return factors.base.map { sum(made, values($0)) } ?? made
    }

    /// A time mix up to what its output layer takes in.
    ///
    /// - Parameter first: The block whose values are mixed into these, and its normalised rows.
    func timeMix(
        _ rows: [Row], _ recurrence: BlockDescription.Recurrence,
        _ mix: BlockDescription.TimeMix, _ first: (block: Int, rows: [Row])?
    ) -> [Row] {
        let parts = shifted(rows, mix.shift)
        var states = [[Row]](
            repeating: .init(
                repeating: Row(repeating: 0, count: mix.headLength), count: mix.headLength),
            count: mix.headCount)
        let firstValues = first.map { values(ofBlock: $0.block, $0.rows) }
        return rows.indices.map { position in
            func row(_ part: Part) -> Row { parts[part]?[position] ?? [] }
            let receptance = project(row(.receptance), recurrence.input[0])
            let key = project(row(.key), recurrence.input[1])
            var value = project(row(.value), recurrence.input[2])
            if case .delta(let delta) = mix.update, let share = delta.values?.share,
                let other = firstValues?[position]
            {
                let shares = apply(share, row(.value)).map(sigmoid)
                value = value.indices.map { value[$0] + (other[$0] - value[$0]) * shares[$0] }
            }
            let decay = apply(mix.decay, row(.decay)) { tanh($0) }
            var rate: Row = []
            if case .delta(let delta) = mix.update {
                rate = apply(delta.rate, row(.rate)).map(sigmoid)
            }
            let results = (0..<mix.headCount).flatMap { head -> Row in
                let own = head * mix.headLength..<(head + 1) * mix.headLength
                let shared = head * mix.headCountKV / mix.headCount
                let keys = shared * mix.headLength..<(shared + 1) * mix.headLength
                return associate(
                    &states[head], mix, head: head,
                    (
                        Array(receptance[own]), Array(key[keys]), Array(value[keys]),
                        Array(decay[own]), rate.isEmpty ? [] : Array(rate[own])
                    ))
            }
            switch mix.gate {
            case .silu(let matrix)?:
                return zip(results, project(row(.gate), matrix)).map { $0 * silu($1) }
            case .sigmoid(let matrix)?:
                return zip(results, project(row(.gate), matrix)).map { $0 * sigmoid($1) }
            case .lowRank(let factors)?:
                return zip(results, apply(factors, row(.gate), sigmoid)).map { $0 * $1 }
            case nil: return results
            }
        }
    }

    private func values(ofBlock block: Int, _ rows: [Row]) -> [Row] {
        guard case .recurrence(let recurrence) = description.blocks[block].mixer,
            case .timeMix(let mix) = recurrence.kind
        else { return [] }
        return (shifted(rows, mix.shift)[.value] ?? []).map { project($0, recurrence.input[2]) }
    }

    /// One head of one token.
    private func associate(
        _ state: inout [Row], _ mix: BlockDescription.TimeMix, head: Int,
        _ token: (receptance: Row, key: Row, value: Row, decay: Row, rate: Row)
    ) -> Row {
        let (receptance, value, length) = (token.receptance, token.value, mix.headLength)
        func asked(_ state: [Row]) -> Row {
            value.indices.map { column in
                state.indices.reduce(0) { $0 + state[$1][column] * receptance[$1] }
            }
        }
        func part(_ name: String) -> Row {
            Array(values(name)[head * length..<(head + 1) * length])
        }
        func normed(_ row: Row) -> Row {
            guard let norm = mix.norm else { return row }
            return normalise(row, norm, part: head)
        }
        switch mix.update {
        case .bonus(let name):
            let bonus = part(name)
            let seen = state.indices.map { row in
                value.indices.map { state[row][$0] + bonus[row] * token.key[row] * value[$0] }
            }
            for row in state.indices {
                let kept = exp(-exp(token.decay[row]))
                state[row] = value.indices.map {
                    kept * state[row][$0] + token.key[row] * value[$0]
                }
            }
            return normed(asked(seen))
        case .gated:
            for row in state.indices {
                let kept = exp(-exp(token.decay[row]))
                state[row] = value.indices.map {
                    kept * state[row][$0] + token.key[row] * (1 - kept) * value[$0]
                }
            }
            return normed(asked(state).map { $0 / sqrt(Double(length)) })
        case .delta(let delta):
            var removal = zip(token.key, part(delta.removal)).map { $0 * $1 }
            let size = sqrt(removal.reduce(0) { $0 + $1 * $1 })
            removal = removal.map { $0 / size }
            let replacement = part(delta.replacement)
            let key = token.key.indices.map {
                token.key[$0] * (1 + (token.rate[$0] - 1) * replacement[$0])
            }
            let known = value.indices.map { column in
                state.indices.reduce(0) { $0 + state[$1][column] * removal[$1] }
            }
            for row in state.indices {
                let kept = exp(-0.606531 * sigmoid(token.decay[row]))
                state[row] = value.indices.map {
                    kept * state[row][$0] - token.rate[row] * removal[row] * known[$0]
                        + key[row] * value[$0]
                }
            }
            let bonus = part(delta.bonus)
            let share = key.indices.reduce(0) { $0 + receptance[$1] * key[$1] * bonus[$1] }
            return sum(normed(asked(state)), value.map { $0 * share })
        }
    }

    /// A network that looks back, for all normalised rows.
    func run(_ mix: BlockDescription.ChannelMix, _ rows: [Row]) -> [Row] {
        let hidden = mixed(rows) { _ in values(mix.keyFactors) }.map { row in
            project(row, mix.key).map { $0 > 0 ? $0 * $0 : 0 }
        }
        let made = hidden.map { project($0, mix.output) }
        guard let receptance = mix.receptance else { return made }
        let gates = mixed(rows) { _ in values(receptance.factors) }
        return zip(made, gates).map { row, gate in
            zip(row, project(gate, receptance.matrix)).map { $0 * sigmoid($1) }
        }
    }

    /// Lightning attention up to what its output layer takes in.
    func lightningAttention(
        _ rows: [Row], _ lightning: BlockDescription.Lightning
    ) -> [Row] {
        let (width, length) = (lightning.width, lightning.headLength)
        // Every query sees the values before it, weighted by products and distances.
        return rows.indices.map { position in
            let result = (0..<lightning.headCount).flatMap { head -> Row in
                func part(_ row: Row, _ number: Int) -> Row {
                    let first = (3 * head + number) * length
                    return row[first..<first + length].map(silu)
                }
                return (0...position).reduce(Row(repeating: 0, count: length)) { total, other in
                    let product = zip(part(rows[position], 0), part(rows[other], 1))
                        .reduce(0) { $0 + $1.0 * $1.1 }
                    let kept = exp(-Double(lightning.slopes[head]) * Double(position - other))
                    return sum(total, part(rows[other], 2).map { $0 * product * kept })
                }
            }
            return zip(normalise(result, lightning.norm), rows[position][(3 * width)...]).map {
                $0 * sigmoid($1)
            }
        }
    }
}
