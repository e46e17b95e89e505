import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Lightning attention: linear attention whose heads forget at constant rates (MiniMax-01).
struct LightningAttention: Recurrence {
    private let lightning: BlockDescription.Lightning
    let input: LinearStack
    let output: LinearStack
    let convolution = CausalConvolution.none
    private let norm: Norm?
    /// What is left of each head's state after a token.
    private let kept: [Float]

    var stateCount: Int { lightning.width * lightning.headLength }
    /// Room for what the kernel needs, and the decays of a head's rows.
    var stepCount: Int { 2 * lightning.headLength }

    init(
        _ recurrence: BlockDescription.Recurrence, _ lightning: BlockDescription.Lightning,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.lightning = lightning
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        norm = try layout.norm(lightning.norm, count: lightning.width)
        kept = lightning.slopes.map { exp(-$0) }
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        let (width, length) = (lightning.width, lightning.headLength)
        let (known, decays) = (scan.spare, scan.spare + length)
        for index in 0..<scan.count {
            ingot_silu(scan.parts + index * scan.stride, nil, 3 * width)
        }
        for head in 0..<lightning.headCount {
            decays.update(repeating: kept[head], count: length)
            let state = scan.state + head * length * length
            for index in 0..<scan.count {
                let query = scan.parts + index * scan.stride + head * 3 * length
                let (key, value) = (query + length, query + 2 * length)
                let result = scan.result + index * width + head * length
                ingot_association_step(
                    state, query, key, value, decays, nil, nil, nil, length, length, known, result)
            }
        }
        for index in 0..<scan.count {
            let result = scan.result + index * width
            norm?.apply(rows.weights, result, into: result)
            let gates = scan.parts + index * scan.stride + 3 * width
            for element in 0..<width { result[element] *= sigmoid(gates[element]) }
        }
    }
}
