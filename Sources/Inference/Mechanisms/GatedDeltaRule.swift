import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The gated delta rule (Gated DeltaNet): for every value head a matrix of associations, corrected
/// from token to token.
struct GatedDeltaRule: Recurrence {
    private let rule: BlockDescription.DeltaRule
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    private let decay: Int
    private let stepBias: Int
    private let norm: Norm?

    var stateCount: Int { rule.valueWidth * rule.keyLength }
    var stepCount: Int { rule.valueLength }

    init(
        _ recurrence: BlockDescription.Recurrence, _ rule: BlockDescription.DeltaRule,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.rule = rule
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        decay = try layout.tensor(rule.decay, shape: [rule.valueHeadCount])
        stepBias = try layout.tensor(rule.stepBias, shape: [rule.valueHeadCount])
        norm = try layout.norm(rule.norm, count: rule.valueLength)
        convolution = try CausalConvolution(
            rule.convolution, channelCount: rule.channelCount, &layout)
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        convolution.apply(scan, rows.weights)
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
            ingot_silu(row, nil, rule.channelCount)
            for head in 0..<rule.keyHeadCount {
                let query = row + head * rule.keyLength
                scaleToUnit(query, rule.keyLength, by: 1 / Float(rule.keyLength).squareRoot())
                scaleToUnit(query + rule.keyWidth, rule.keyLength, by: 1)
            }
        }
        for head in 0..<rule.valueHeadCount { run(scan, head: head, rows.weights) }
    }

    /// One value head from position to position.
    private func run(_ scan: RecurrentScan, head: Int, _ weights: UnsafePointer<Float>) {
        let gates = rule.channelCount + rule.valueWidth
        let shared = rule.valueHeadCount / rule.keyHeadCount
        let (keyHead, alpha, beta) =
            switch rule.sharing {
            case .neighbours:
                (
                    head / shared, gates + (head / shared * 2 + 1) * shared + head % shared,
                    gates + head / shared * 2 * shared + head % shared
                )
            case .turns:
                (head % rule.keyHeadCount, gates + head, gates + rule.valueHeadCount + head)
            }
        let (decay, bias) = (weights[self.decay + head], weights[stepBias + head])
        let state = scan.state + head * rule.keyLength * rule.valueLength
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
            let query = row + keyHead * rule.keyLength
            let output = scan.result + index * rule.valueWidth + head * rule.valueLength
            ingot_delta_step(
                state, query, query + rule.keyWidth,
                row + 2 * rule.keyWidth + head * rule.valueLength,
                exp(decay * softplus(row[alpha] + bias)), sigmoid(row[beta]), rule.keyLength,
                rule.valueLength, scan.spare, output)
            norm?.apply(weights, output, into: output)
            let gate = row + rule.channelCount + head * rule.valueLength
            // silu(gate) takes the gate's place, times what it lets through.
            ingot_silu(gate, output, rule.valueLength)
            output.update(from: gate, count: rule.valueLength)
        }
    }
}
