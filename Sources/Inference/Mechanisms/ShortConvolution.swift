import Architectures

/// A gated convolution over the last positions, and no other memory (LFM2).
struct ShortConvolution: Recurrence {
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    let stateCount = 0
    private let isCentred: Bool

    init(
        _ recurrence: BlockDescription.Recurrence, _ convolution: BlockDescription.Convolution,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        isCentred = convolution.isCentred
        self.convolution = try CausalConvolution(
            convolution, channelCount: recurrence.output.inputs, &layout)
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        let channels = convolution.channelCount
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
            for channel in 0..<channels { row[channel] *= row[2 * channels + channel] }
        }
        if isCentred {
            convolution.applyCentred(scan, rows.weights)
        } else {
            convolution.apply(scan, rows.weights)
        }
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
            let output = scan.result + index * channels
            let convolved = isCentred ? output : row
            for channel in 0..<channels {
                output[channel] = convolved[channel] * row[channels + channel]
            }
        }
    }
}
