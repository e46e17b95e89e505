import Architectures
import TensorCore
import CKernels

/// A mixer that scans a sequence with a state of fixed size.
///
/// A layer makes a row of parts for every token; some of them go through a causal convolution; then
/// the state goes from token to token.
protocol Recurrence: Mixer {
    /// Makes the parts.
    var input: LinearStack { get }
    var convolution: CausalConvolution { get }
    /// The floats of the state, without the rows that the convolution looks back on.
    var stateCount: Int { get }
    /// The floats that a step needs to itself, in the workspace behind the state.
    var stepCount: Int { get }

    /// Takes one stretch through the recurrence, up to what `output` takes in.
    func run(_ scan: RecurrentScan, _ rows: RowGroup)
}

/// One stretch on its way through a recurrence.
struct RecurrentScan {
    /// The number of tokens.
    let count: Int
    /// What `input` made, `stride` floats for a token; may be overwritten.
    let parts: UnsafeMutablePointer<Float>
    let stride: Int
    /// Room for what `output` takes in, `(token, output.inputs)`.
    let result: UnsafeMutablePointer<Float>
    /// The state before the stretch, which becomes that after it.
    let state: UnsafeMutablePointer<Float>
    /// Room for `stepCount` floats.
    let spare: UnsafeMutablePointer<Float>
    /// What the sequence keeps, if anything is kept.
    let kept: RecurrentState?
}

extension Recurrence {
    var stacks: [LinearStack] { [input, output] }
    var stepCount: Int { 0 }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * input.outputs, .mixed: load.rowCount * output.inputs,
            .state: stateCount + stepCount,
        ])
    }

    func prepare(
        _ state: inout BlockState, capacity: Int, _ types: CacheTypes
    ) throws(InferenceError) {
        state.recurrent = try RecurrentState(count: convolution.pastCount + stateCount)
    }

    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        (convolution.pastCount + stateCount).multiplied(checkedBy: 2 * MemoryLayout<Float>.stride)
    }

    func mix(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let (parts, mixed) = (rows.workspace[.projected], rows.workspace[.mixed])
        rows.linear.apply(
            input, to: normed, rows: rows.rowCount, into: parts,
            strides: (rows.width, input.outputs))
        for stretch in rows.stretches {
            let kept = rows.state(of: stretch)?.recurrent
            run(
                RecurrentScan(
                    count: stretch.count, parts: parts + stretch.row * input.outputs,
                    stride: input.outputs, result: mixed + stretch.row * output.inputs,
                    state: start(kept, rows.workspace),
                    spare: rows.workspace[.state] + stateCount, kept: kept), rows)
        }
        if rows.dropsRows { rows.gather(mixed, length: output.inputs, into: mixed) }
    }

    /// The state as it is before a stretch, in the sequence's memory or the workspace's.
    private func start(
        _ kept: RecurrentState?, _ workspace: Workspace
    ) -> UnsafeMutablePointer<Float> {
        guard let kept else {
            workspace[.state].update(repeating: 0, count: stateCount)
            return workspace[.state]
        }
        let next = kept.next + convolution.pastCount
        next.update(from: kept.base + convolution.pastCount, count: stateCount)
        return next
    }
}

/// A convolution of every channel by itself over the last positions.
struct CausalConvolution: Sendable {
    /// Neighbouring channels whose weights are one tensor.
    private struct Part {
        let start: Int
        let count: Int
        let weight: Int
        let bias: Int?
    }

    let channelCount: Int
    /// The positions that take part.
    private let length: Int
    private let parts: [Part]

    init(
        _ description: BlockDescription.Convolution, channelCount: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.channelCount = channelCount
        length = description.length
        parts = [
            Part(
                start: 0, count: channelCount,
                weight: try layout.tensor(
                    description.weight, shape: [channelCount, description.length]),
                bias: try layout.tensor(ifNamed: description.bias, shape: [channelCount]))
        ]
    }

    /// Several of one length, one beside the other.
    ///
    /// - Parameter count: The channels of each.
    init(
        _ descriptions: [BlockDescription.Convolution], channelCount count: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        channelCount = descriptions.count * count
        let length = descriptions.first?.length ?? 1
        self.length = length
        var parts: [Part] = []
        for (index, description) in descriptions.enumerated() {
            parts.append(
                Part(
                    start: index * count, count: count,
                    weight: try layout.tensor(description.weight, shape: [1, count, 1, length]),
                    bias: try layout.tensor(ifNamed: description.bias, shape: [count])))
        }
        self.parts = parts
    }

    /// No channel.
    static let none = CausalConvolution()

    private init() { (channelCount, length, parts) = (0, 1, []) }

    /// Convolves the channels of a whole text with as many positions behind as in front, into its
    /// results; `length` is odd.
    func applyCentred(_ scan: RecurrentScan, _ weights: UnsafePointer<Float>) {
        let side = (length - 1) / 2
        for part in parts {
            let kernel = weights + part.weight
            for index in 0..<scan.count {
                let output = scan.result + index * channelCount + part.start
                for channel in 0..<part.count {
                    output[channel] = part.bias.map { weights[$0 + channel] } ?? 0
                }
                for tap in 0..<length where (0..<scan.count).contains(index + tap - side) {
                    let row = scan.parts + (index + tap - side) * scan.stride + part.start
                    for channel in 0..<part.count {
                        output[channel] += kernel[channel * length + tap] * row[channel]
                    }
                }
            }
        }
    }

    /// The floats of the rows that it looks back on.
    var pastCount: Int { (length - 1) * channelCount }

    /// Convolves the channels in place, and keeps the rows that later positions look back on.
    ///
    /// - Parameter offset: Where the channels start among a token's parts.
    func apply(_ scan: RecurrentScan, offset: Int = 0, _ weights: UnsafePointer<Float>) {
        for part in parts {
            let values = scan.parts + offset + part.start
            // The rows of a part lie together.
            let place = (length - 1) * part.start
            if let kept = scan.kept {
                for index in 0..<length - 1 {
                    let source = scan.count - (length - 1) + index
                    // A short stretch leaves some of the rows from before.
                    let row =
                        source >= 0
                        ? UnsafePointer(values + source * scan.stride)
                        : kept.base + place + (source + length - 1) * part.count
                    (kept.next + place + index * part.count).update(from: row, count: part.count)
                }
            }
            ingot_convolve(
                values, scan.count, scan.stride, part.count, weights + part.weight, length,
                part.bias.map { weights + $0 }, scan.kept.map { $0.base + place })
        }
    }
}
