import Architectures

/// A gated convolution over the last positions, and no other memory (LFM2).
struct ShortConvolution: Recurrence {
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    let stateCount = 0

    init(
        _ recurrence: BlockDescription.Recurrence, _ convolution: BlockDescription.Convolution,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        self.convolution = try CausalConvolution(
            convolution, channelCount: recurrence.output.inputs, &layout)
    }

    func run(_ walk: RecurrentWalk, _ rows: RowGroup) {
        let channels = convolution.channelCount
        for index in 0..<walk.count {
            let row = walk.parts + index * walk.stride
            for channel in 0..<channels { row[channel] *= row[2 * channels + channel] }
        }
        convolution.apply(walk, rows.weights)
        for index in 0..<walk.count {
            let row = walk.parts + index * walk.stride
            let output = walk.result + index * channels
            for channel in 0..<channels { output[channel] = row[channel] * row[channels + channel] }
        }
    }
}
