import Architectures
import TensorCore

/// Where the weights of a recurrence lie, beside its projections, and how large its state is.
struct RecurrencePlan: Sendable {
    let description: BlockDescription.Recurrence
    let input: Stack
    let output: Stack
    /// The channels that are convolved, and the positions that take part.
    let channelCount: Int
    let length: Int
    let convolution: Int
    let convolutionBias: Int?
    let decay: Int?
    let stepBias: Int?
    let skip: Int?
    let norm: NormPlan?
    let parameters: Stack?
    let steps: Stack?
    /// The floats of the state, without the rows that the convolution looks back on.
    let stateCount: Int
    /// The floats that a step needs to itself.
    let spareCount: Int

    init(
        _ recurrence: BlockDescription.Recurrence, _ layout: inout BlockLayout
    ) throws(InferenceError) {
        description = recurrence
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        let convolution: BlockDescription.Convolution
        switch recurrence.kind {
        case .shortConvolution(let short):
            convolution = short
            channelCount = recurrence.output.inputs
            (decay, stepBias, skip, norm, parameters, steps) = (nil, nil, nil, nil, nil, nil)
            (stateCount, spareCount) = (0, 0)
        case .deltaRule(let rule):
            convolution = rule.convolution
            channelCount = rule.channelCount
            decay = try layout.tensor(rule.decay, shape: [rule.valueHeadCount])
            stepBias = try layout.tensor(rule.stepBias, shape: [rule.valueHeadCount])
            norm = try layout.norm(rule.norm, count: rule.valueLength)
            (skip, parameters, steps) = (nil, nil, nil)
            stateCount = rule.valueWidth * rule.keyLength
            spareCount = rule.valueLength
        case .selectiveScan(let scan):
            convolution = scan.convolution
            channelCount = recurrence.output.inputs
            decay = try layout.tensor(scan.decay, shape: [channelCount, scan.stateLength])
            skip = try layout.tensor(scan.skip, shape: [channelCount])
            parameters = try layout.stack([scan.parameters])
            steps = try layout.stack([scan.steps])
            (stepBias, norm) = (nil, nil)
            stateCount = channelCount * scan.stateLength
            spareCount = 0
        case .stateSpace(let space):
            convolution = space.convolution
            channelCount = space.channelCount
            decay = try layout.tensor(space.decay, shape: [space.headCount, 1])
            stepBias = try layout.tensor(space.stepBias, shape: [space.headCount])
            skip = try layout.tensor(space.skip, shape: [space.headCount, 1])
            norm = try layout.norm(
                space.norm, count: space.width / space.groupCount, heads: space.groupCount)
            (parameters, steps) = (nil, nil)
            stateCount = space.width * space.stateLength
            spareCount = 0
        }
        let count = channelCount
        length = convolution.length
        self.convolution = try layout.tensor(
            convolution.weight, shape: [count, convolution.length])
        convolutionBias = try convolution.bias.map { name throws(InferenceError) in
            try layout.tensor(name, shape: [count])
        }
    }

    /// The matrices beside the two projections.
    var stacks: [Stack] { [parameters, steps].compactMap { $0 } }
    /// The floats of the rows that the convolution looks back on.
    var pastCount: Int { (length - 1) * channelCount }
}

/// What a recurrence remembers of a text so far.
///
/// A run reads the state that is there and makes the next beside it, so that one that fails leaves
/// the text as it was.
///
/// `@unchecked Sendable`: one worker at a time runs a block of the one window.
final class RecurrentState: @unchecked Sendable {
    /// The rows that the convolution looks back on, then the rest.
    private var current: FloatBuffer
    private var following: FloatBuffer

    init(_ plan: RecurrencePlan) throws(InferenceError) {
        let count = plan.pastCount + plan.stateCount
        current = try FloatBuffer(count: count)
        following = try FloatBuffer(count: count)
        reset()
    }

    /// The state before the run.
    var base: UnsafePointer<Float> { UnsafePointer(current.base) }
    /// Where the run puts the state after it.
    var next: UnsafeMutablePointer<Float> { following.base }

    /// Takes over what the last run made.
    func advance() { swap(&current, &following) }

    /// Goes back to the beginning of a text.
    func reset() { current.base.update(repeating: 0, count: current.count) }
}
