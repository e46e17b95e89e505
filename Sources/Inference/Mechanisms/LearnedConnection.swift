import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Hyper-connections whose weights are made of all streams (mHC).
struct LearnedConnection: StreamConnection {
    private let description: BlockDescription.LearnedConnection
    private let matrix: LinearStack
    private let base: Int
    private let scale: Int
    /// The number of streams.
    private let count: Int

    /// - Parameter isHead: Whether there are weights for the input only.
    init(
        _ description: BlockDescription.LearnedConnection, count: Int, isHead: Bool,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.description = description
        self.count = count
        matrix = try layout.stack([description.matrix])
        base = try layout.tensor(description.base, shape: [description.matrix.outputs])
        scale = try layout.tensor(
            description.scale, shape: [isHead ? 1 : description.stepCount > 0 ? 3 : 2])
    }

    var stacks: [LinearStack] { [matrix] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([.projected: load.rowCount * matrix.outputs])
    }

    func collect(_ rows: RowGroup, count rowCount: Int) {
        guard let streams = rows.streams else { return }
        let (length, outputs) = (matrix.inputs, matrix.outputs)
        let projected = rows.workspace[.projected]
        rows.linear.apply(
            matrix, to: streams.base, rows: rowCount, into: projected, strides: (length, outputs))
        let (base, scale) = (rows.weights + base, rows.weights + scale)
        for row in 0..<rowCount {
            let values = projected + row * outputs
            let all = streams.stream(0, row: row)
            var power: Float = 0
            for index in 0..<length { power += all[index] * all[index] }
            ingot_scale(
                values, 1 / (power / Float(length) + description.normEpsilon).squareRoot(), outputs)
            let input = rows.residual + row * rows.width
            input.update(repeating: 0, count: rows.width)
            for number in 0..<count {
                let weight =
                    sigmoid(values[number] * scale[0] + base[number]) + description.epsilon
                ingot_add_scaled(input, streams.stream(number, row: row), weight, rows.width)
            }
            guard outputs > count else { continue }
            note(values, base, scale, into: streams.notes(row: row))
        }
    }

    /// Notes the weights of the output, and those of the streams among each other.
    private func note(
        _ values: UnsafePointer<Float>, _ base: UnsafePointer<Float>, _ scale: UnsafePointer<Float>,
        into notes: UnsafeMutablePointer<Float>
    ) {
        for number in 0..<count {
            let place = count + number
            notes[number] =
                description.magnitude * sigmoid(values[place] * scale[1] + base[place])
                + description.postEpsilon
        }
        guard description.stepCount > 0 else { return }
        let pairs = notes + count
        for from in 0..<count {
            let row = pairs + from * count
            for to in 0..<count {
                let place = (2 + from) * count + to
                row[to] = values[place] * scale[2] + base[place]
            }
            ingot_softmax(row, count, -.infinity)
            for to in 0..<count { row[to] += description.epsilon }
        }
        divide(pairs, step: count, across: 1)
        for _ in 1..<max(1, description.stepCount) {
            divide(pairs, step: 1, across: count)
            divide(pairs, step: count, across: 1)
        }
    }

    /// Divides rows or columns by their sums.
    private func divide(_ pairs: UnsafeMutablePointer<Float>, step: Int, across: Int) {
        for line in 0..<count {
            let first = pairs + line * across
            var sum = description.epsilon
            for index in 0..<count { sum += first[index * step] }
            for index in 0..<count { first[index * step] /= sum }
        }
    }

    func distribute(_ rows: RowGroup) {
        guard let streams = rows.streams else { return }
        let width = rows.width
        // The mixed streams of one token.
        var mixed = [Float](repeating: 0, count: count * width)
        mixed.withUnsafeMutableBufferPointer { mixed in
            guard let mixed = mixed.baseAddress else { return }
            for row in 0..<rows.wantedCount {
                let (notes, output) = (streams.notes(row: row), rows.residual + row * width)
                let all = streams.stream(0, row: row)
                if description.stepCount > 0 {
                    mixed.update(repeating: 0, count: count * width)
                    for from in 0..<count {
                        for to in 0..<count {
                            ingot_add_scaled(
                                mixed + to * width, all + from * width,
                                notes[count + from * count + to], width)
                        }
                    }
                    all.update(from: mixed, count: count * width)
                }
                for number in 0..<count {
                    ingot_add_scaled(all + number * width, output, notes[number], width)
                }
            }
        }
    }
}
