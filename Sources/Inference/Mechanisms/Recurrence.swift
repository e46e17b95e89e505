import Architectures
import CKernels

/// A mixer that walks over a sequence with a state of fixed size.
///
/// A layer makes a row of parts for every token; some of them go through a causal convolution; then
/// the state walks from token to token.
protocol Recurrence: Mixer {
    /// Makes the parts.
    var input: LinearStack { get }
    var convolution: CausalConvolution { get }
    /// The floats of the state, without the rows that the convolution looks back on.
    var stateCount: Int { get }

    /// Takes one stretch through the recurrence, up to what `output` takes in.
    ///
    /// - Parameters:
    ///   - parts: What `input` made, `(token, input.outputs)`; may be overwritten.
    ///   - result: Room for what `output` takes in, `(token, output.inputs)`.
    ///   - state: The state before the stretch, which becomes that after it.
    func walk(
        _ stretch: StretchRows, _ parts: UnsafeMutablePointer<Float>,
        into result: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
        _ rows: RowGroup)
}

extension Recurrence {
    var stacks: [LinearStack] { [input, output] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need(
            projected: load.rowCount * input.outputs, mixed: load.rowCount * output.inputs,
            state: stateCount)
    }

    func prepare(_ state: inout BlockState, capacity: Int) throws(InferenceError) {
        state.recurrent = try RecurrentState(count: convolution.pastCount + stateCount)
    }

    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let (parts, mixed) = (rows.workspace.projected.base, rows.workspace.mixed.base)
        rows.linear.apply(
            input, to: normed, rows: rows.rowCount, into: parts,
            strides: (rows.width, input.outputs))
        for stretch in rows.stretches {
            walk(
                stretch, parts + stretch.row * input.outputs,
                into: mixed + stretch.row * output.inputs, state: state(before: stretch, rows),
                rows)
        }
        if rows.dropsRows { rows.gather(mixed, length: output.inputs, into: mixed) }
    }

    /// The state as it is before a stretch, in the sequence's memory or the workspace's.
    private func state(
        before stretch: StretchRows, _ rows: RowGroup
    ) -> UnsafeMutablePointer<Float> {
        guard let kept = rows.state(of: stretch)?.recurrent else {
            rows.workspace.state.base.update(repeating: 0, count: stateCount)
            return rows.workspace.state.base
        }
        let next = kept.next + convolution.pastCount
        next.update(from: kept.base + convolution.pastCount, count: stateCount)
        return next
    }
}

/// A convolution of every channel by itself over the last positions.
struct CausalConvolution: Sendable {
    let channelCount: Int
    /// The positions that take part.
    private let length: Int
    private let weight: Int
    private let bias: Int?

    init(
        _ description: BlockDescription.Convolution, channelCount: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.channelCount = channelCount
        length = description.length
        weight = try layout.tensor(description.weight, shape: [channelCount, length])
        bias = try layout.tensor(ifNamed: description.bias, shape: [channelCount])
    }

    /// The floats of the rows that it looks back on.
    var pastCount: Int { (length - 1) * channelCount }

    /// Convolves the channels that start at `values` in place, and keeps the rows that later
    /// positions look back on.
    ///
    /// - Parameter stride: The floats from one token's channels to the next's.
    func apply(
        to values: UnsafeMutablePointer<Float>, stride: Int, of stretch: StretchRows,
        _ rows: RowGroup
    ) {
        let state = rows.state(of: stretch)?.recurrent
        if let state {
            for index in 0..<length - 1 {
                let source = stretch.count - (length - 1) + index
                // A short stretch leaves some of the rows from before.
                let row =
                    source >= 0
                    ? UnsafePointer(values + source * stride)
                    : state.base + (source + length - 1) * channelCount
                (state.next + index * channelCount).update(from: row, count: channelCount)
            }
        }
        ingot_convolve(
            values, stretch.count, stride, channelCount, rows.weights + weight, length,
            bias.map { rows.weights + $0 }, state?.base)
    }
}
