import Architectures
import Foundation

extension ReferenceDecoder {
    func rotate(
        _ head: Row, _ rotary: BlockDescription.Rotary?, position: Int, contextLength: Int
    ) -> Row {
        guard let rotary else { return head }
        var result = head
        let half = rotary.dimensionCount / 2
        var divisors = rotary.factors
        if let long = rotary.longFactors, contextLength > long.contextLength {
            divisors = long.tensor
        }
        let factors = divisors.map(values)
        for pair in 0..<half {
            let exponent = -2 * Double(pair) / Double(rotary.dimensionCount)
            var frequency = pow(rotary.base, exponent)
            if let yarn = rotary.yarn {
                // The blend by wave length, written down as in the paper.
                func pairThatTurns(_ turns: Double) -> Double {
                    Double(rotary.dimensionCount) / 2
                        * log(Double(yarn.originalContextLength) / (2 * .pi * turns))
                        / log(rotary.base)
                }
                var low = pairThatTurns(yarn.betaFast)
                var high = pairThatTurns(yarn.betaSlow)
                if yarn.truncates { (low, high) = (floor(low), ceil(high)) }
                (low, high) = (max(low, 0), min(high, Double(rotary.dimensionCount - 1)))
                let ramp = min(max((Double(pair) - low) / (high - low), 0), 1)
                frequency = ramp * frequency / yarn.factor + (1 - ramp) * frequency
            }
            let angle =
                Double(position) * rotary.positionScale * frequency / (factors?[pair] ?? 1)
            let start = rotary.offset
            let (first, second) =
                rotary.pairing == .interleaved
                ? (start + 2 * pair, start + 2 * pair + 1) : (start + pair, start + pair + half)
            let size = Double(rotary.magnitude)
            result[first] = size * (head[first] * cos(angle) - head[second] * sin(angle))
            result[second] = size * (head[first] * sin(angle) + head[second] * cos(angle))
        }
        return result
    }

    /// Queries, keys and values of a position, each head by head.
    private func heads(
        _ row: Row, _ attention: BlockDescription.Attention
    ) -> (queries: [Row], keys: [Row], values: [Row]) {
        let length = attention.keyLength
        let limit = attention.inputLimit.map { Double($0) } ?? .infinity
        let stacked = attention.input.flatMap { project(row, $0) }.map {
            Swift.min(Swift.max($0, -limit), limit)
        }
        func cut(_ row: Row, _ length: Int) -> [Row] {
            stride(from: 0, to: row.count, by: length).map { Array(row[$0..<$0 + length]) }
        }
        guard let latent = attention.latent else {
            let (keys, values) = (attention.queryWidth, attention.queryWidth + attention.keyWidth)
            let last =
                attention.valuesAreKeys
                ? Array(stacked[keys..<values]) : Array(stacked[values...])
            return (
                cut(Array(stacked[..<keys]), attention.queryStride),
                cut(Array(stacked[keys..<values]), length),
                cut(last, attention.valueLength).map { normalise($0, attention.valueNorm) }
            )
        }
        let shared = latent.rank + latent.rotatedLength
        var queries = Array(stacked[..<(stacked.count - shared)])
        if let matrix = latent.queries {
            queries = project(normalise(queries, latent.queryNorm), matrix)
        }
        let row = Array(stacked.suffix(shared))
        let compressed = normalise(Array(row[..<latent.rank]), latent.norm)
        let turned = normalise(Array(row[latent.rank...]), latent.rotatedNorm)
        let staying = length - latent.rotatedLength
        var (keys, heads): ([Row], [Row]) = ([], [])
        for head in 0..<attention.headCount {
            func dot(_ tensor: Row, _ place: (Int) -> Int) -> Double {
                compressed.indices.reduce(0) { $0 + tensor[place($1)] * compressed[$1] }
            }
            switch latent.expansion {
            case .together(let name):
                let tensor = values(name)
                let rows = staying + attention.valueLength
                let both = (0..<rows).map { output in
                    dot(tensor) { (head * rows + output) * latent.rank + $0 }
                }
                keys.append(Array(both[..<staying]) + turned)
                heads.append(Array(both[staying...]))
            case .apart(let keyName, let valueName):
                let (keyTensor, valueTensor) = (values(keyName), values(valueName))
                keys.append(
                    (0..<staying).map { output in
                        dot(keyTensor) { (head * latent.rank + $0) * staying + output }
                    } + turned)
                heads.append(
                    (0..<attention.valueLength).map { output in
                        dot(valueTensor) {
                            (head * attention.valueLength + output) * latent.rank + $0
                        }
                    })
            }
        }
        return (cut(queries, length), keys, heads)
    }

    private func normaliseHeads(
        _ heads: [Row], _ norm: BlockDescription.Norm?,
        _ scope: BlockDescription.Attention.NormScope
    ) -> [Row] {
        switch scope {
        case .head: return heads.map { normalise($0, norm) }
        case .eachHead: return heads.enumerated().map { normalise($1, norm, part: $0) }
        case .row:
            let row = normalise(heads.flatMap { $0 }, norm)
            let length = heads[0].count
            return heads.indices.map { Array(row[$0 * length..<($0 + 1) * length]) }
        }
    }

    func attend(
        _ rows: [Row], _ attention: BlockDescription.Attention, keyRows: [Row],
        norm: BlockDescription.Norm? = nil
    ) -> [Row] {
        func prepare(_ heads: [Row], _ norm: BlockDescription.Norm?, position: Int) -> [Row] {
            func turn(_ heads: [Row]) -> [Row] {
                heads.map {
                    rotate(
                        $0, attention.rotary, position: position, contextLength: rows.count)
                }
            }
            return attention.normAfterRotation
                ? normaliseHeads(turn(heads), norm, attention.normScope)
                : turn(normaliseHeads(heads, norm, attention.normScope))
        }
        let heads = keyRows.map { self.heads($0, attention) }
        let queryHeads = rows.map { self.heads($0, attention) }
        let gains = attention.queryGains.map(values)
        let queries = queryHeads.enumerated().map {
            // A gate may stand behind each query.
            prepare(
                $1.queries.map { Array($0.prefix(attention.keyLength)) }, attention.queryNorm,
                position: $0
            ).enumerated().map { head, row in row.map { $0 * (gains?[head] ?? 1) } }
        }
        let keys = heads.enumerated().map { prepare($1.keys, attention.keyNorm, position: $0) }
        return rows.indices.map { position in
            let output = (0..<attention.headCount).flatMap { index -> Row in
                let shared = index * attention.headCountKV / attention.headCount
                let seen = rows.indices.filter { key in
                    guard attention.isCausal else {
                        return abs(position - key) <= (attention.window ?? .max) / 2
                    }
                    if key > position { return false }
                    if let window = attention.window, position - key >= window { return false }
                    if let chunk = attention.chunk, key / chunk != position / chunk {
                        return false
                    }
                    return true
                }
                var scores = seen.map { key in
                    score(queries[position][index], keys[key][shared], attention)
                        * heat(attention.temperature, position)
                        - slope(attention, head: index) * Double(abs(position - key))
                        + relative(attention, head: index, distance: key - position)
                }
                if let sinks = attention.sinks.map(values) { scores.append(sinks[index]) }
                let top = scores.max() ?? 0
                let weights = scores.map { exp($0 - top) }
                let total = weights.reduce(0, +)
                return (0..<attention.valueLength).map { element in
                    let gate =
                        attention.isGated
                        ? sigmoid(
                            queryHeads[position].queries[index][attention.keyLength + element])
                        : 1
                    return gate
                        * zip(seen, weights).reduce(0) {
                            $0 + $1.1 / total * heads[$1.0].values[shared][element]
                        }
                }
            }
            let gates = attention.gate.map { project(rows[position], $0) }?.map {
                attention.gateFunction == .sigmoid ? sigmoid($0) : log(1 + exp($0))
            }
            let gated = output.enumerated().map { index, value in
                let gate = gates.map { $0[index * $0.count / output.count] } ?? 1
                return value * gate * Double(attention.valueScale)
            }
            return project(normalise(gated, norm), attention.output)
        }
    }

    private func score(
        _ query: Row, _ key: Row, _ attention: BlockDescription.Attention
    ) -> Double {
        let product = zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } * Double(attention.scale)
        guard let cap = attention.softCap.map(Double.init) else { return product }
        return cap * tanh(product / cap)
    }

    /// The learned number of a distance, its bucket as transformers' T5 has it.
    private func relative(
        _ attention: BlockDescription.Attention, head: Int, distance: Int
    ) -> Double {
        guard let bias = attention.relativeBias else { return 0 }
        let half = bias.bucketCount / 2
        let size = abs(distance)
        var bucket = size
        if size >= half / 2 {
            let exact = Double(half / 2)
            let place =
                log(Double(size) / exact) / log(Double(bias.longest) / exact)
                * (Double(half) - exact)
            bucket = min(half - 1, half / 2 + Int(place))
        }
        if distance > 0 { bucket += half }
        return values(bias.tensor)[bucket * attention.headCount + head]
    }

    private func heat(_ temperature: BlockDescription.Temperature?, _ position: Int) -> Double {
        guard let temperature else { return 1 }
        return 1 + Double(temperature.scale)
            * log(1 + floor(Double(position + 1) / Double(temperature.length)))
    }

    /// The slopes as the paper gives them for 4 and for 6 heads, bias 8.
    private func slope(_ attention: BlockDescription.Attention, head: Int) -> Double {
        guard attention.alibiBias != nil else { return 0 }
        let slopes = [4: [-2.0, -4, -6, -8], 6: [-2.0, -4, -6, -8, -1, -3]]
        return pow(2, slopes[attention.headCount]?[head] ?? .nan)
    }
}
