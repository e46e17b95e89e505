import Architectures
import Foundation

extension ReferenceDecoder {
    /// - Parameters:
    ///   - residual: The row before any norm.
    ///   - start: The row before the mixer.
    ///   - token: The token, by which tables choose experts.
    func feedForward(
        _ input: Row, _ form: BlockDescription.FeedForward, residual: Row, start: Row,
        token: Int32 = 0
    ) -> Row {
        switch form {
        case .dense(let network): return run(network, input)
        case .absent, .channelMix: return input.map { _ in 0 }
        case .experts(let experts):
            if let norms = experts.separateNorms, let shared = experts.shared {
                let rated = normalise(residual, norms.routerNorm).map {
                    $0 * Double(norms.routerScale)
                }
                let scales = norms.weightScales.map(values)
                var sum = Row(repeating: 0, count: residual.count)
                for (expert, weight) in choose(rated, experts) {
                    let row = run(
                        experts.network, normalise(residual, norms.inputNorm), part: expert)
                    let factor = weight * (scales?[expert] ?? 1)
                    sum = zip(sum, row).map { $0 + factor * $1 }
                }
                return zip(
                    normalise(sum, norms.outputNorm),
                    normalise(run(shared, input), norms.sharedNorm)
                ).map { $0 + $1 }
            }
            var output = Row(repeating: 0, count: input.count)
            if let shared = experts.shared {
                let gate = experts.sharedGate.map { sigmoid(project(input, $0)[0]) } ?? 1
                output = run(shared, input).map { $0 * gate }
            }
            let taken = experts.narrowing.map { project(input, $0.down) } ?? input
            var sum = Row(repeating: 0, count: taken.count)
            for (expert, weight) in choose(experts.ratesBlockInput ? start : input, experts) {
                let row = experts.weighsInput ? taken.map { $0 * weight } : taken
                let change = run(experts.network, row, part: expert)
                let factor = experts.weighsInput ? 1 : weight
                sum = zip(sum, change).map { $0 + factor * $1 }
            }
            if let narrowing = experts.narrowing {
                sum = project(normalise(sum, narrowing.norm), narrowing.up)
            }
            output = zip(output, sum).map { $0 + $1 }
            return output.map { $0 * Double(experts.sumScale) }
        }
    }

    private func choose(
        _ input: Row, _ experts: BlockDescription.Experts
    ) -> [(expert: Int, weight: Double)] {
        let ratings = project(input, experts.router)
        let exponentials = ratings.map { exp($0) }
        let scores: Row =
            switch experts.scoring {
            case .softmax: exponentials.map { $0 / exponentials.reduce(0, +) }
            case .sigmoid: ratings.map(sigmoid)
            case .softplusRoot: exponentials.map { sqrt(log1p($0)) }
            case .softmaxOfChosen: exponentials
            case .sparseMixer: ratings
            }
        let bias = experts.choiceBias.map(values)
        let merits = scores.indices.map { scores[$0] + (bias?[$0] ?? 0) }
        var candidates = Array(scores.indices)
        if let groups = experts.groups {
            let size = experts.count / groups.count
            let ranked = (0..<groups.count).sorted { left, right in
                func merit(_ group: Int) -> Double {
                    let best = merits[group * size..<(group + 1) * size].sorted(by: >)
                    return groups.score == .largest ? best[0] : best[0] + best[1]
                }
                return merit(left) > merit(right)
            }
            let kept = ranked.prefix(groups.usedCount)
            candidates = candidates.filter { kept.contains($0 / size) }
        }
        let chosen = candidates.sorted { merits[$0] > merits[$1] }.prefix(experts.usedCount)
        if case .sparseMixer(let tolerance) = experts.scoring {
            return chosen.enumerated().map { rank, best in
                let near = candidates.filter {
                    !chosen.prefix(rank).contains($0)
                        && ratings[best] - ratings[$0]
                            <= Double(tolerance) * max(abs(ratings[$0]), ratings[best])
                }
                return (best, exponentials[best] / near.reduce(0) { $0 + exponentials[$1] })
            }
        }
        let total = chosen.reduce(0) { $0 + scores[$1] }
        let divides = experts.normalisesWeights || experts.scoring == .softmaxOfChosen
        return chosen.map {
            ($0, scores[$0] / (divides ? total : 1) * Double(experts.weightScale))
        }
    }

    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    private func run(_ network: BlockDescription.Network, _ input: Row, part: Int = 0) -> Row {
        var stacked = network.input.flatMap { project(input, $0, part: part) }
        if let cutoff = network.cutoff {
            let gate = stacked.prefix(network.output.inputs)
            let mean = gate.reduce(0, +) / Double(gate.count)
            let variance =
                gate.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gate.count)
            let least = mean + Double(cutoff) * sqrt(variance)
            for index in gate.indices { stacked[index] = max(stacked[index] - least, 0) }
        }
        func apply(_ x: Double, _ up: Double) -> Double {
            switch network.activation {
            case .silu: x / (1 + exp(-x)) * up
            case .geluTanh:
                0.5 * x * (1 + tanh(sqrt(2 / Double.pi) * (x + 0.044715 * x * x * x))) * up
            case .gelu: 0.5 * x * (1 + erf(x / sqrt(2))) * up
            case .relu: max(x, 0) * up
            case .reluSquared: max(x, 0) * max(x, 0) * up
            case .xIELU(let quadratic, let exponential, let linear, let limit):
                (Double(linear) * x
                    + (x > 0
                        ? Double(quadratic) * x * x
                        : Double(exponential) * (expm1(min(x, Double(limit))) - x)))
                    * up
            case .limitedSwiGLU(let limit):
                min(x * sigmoid(x), Double(limit)) * max(min(up, Double(limit)), -Double(limit))
            case .cutSwiGLU(let limit):
                min(x, Double(limit)) * sigmoid(min(x, Double(limit)))
                    * max(min(up, Double(limit)), -Double(limit))
            case .situ(let beta, let linear):
                Double(beta) * tanh(x / Double(beta)) * sigmoid(x) * Double(linear)
                    * tanh(up / Double(linear))
            case .clampedSwiGLU(let alpha, let limit):
                min(x, Double(limit)) * sigmoid(Double(alpha) * min(x, Double(limit)))
                    * (max(min(up, Double(limit)), -Double(limit)) + 1)
            }
        }
        let hidden = network.output.inputs
        let activated = (0..<hidden).map {
            apply(stacked[$0], network.isGated ? stacked[hidden + $0] : 1)
        }
        return project(normalise(activated, network.hiddenNorm), network.output, part: part)
    }
}
