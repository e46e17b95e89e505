import Architectures
import CKernels

/// Gates for every element of normalised streams (Qwen 4).
struct GatedConnection: StreamConnection {
    private let norm: BlockDescription.Norm
    /// The norm's weights, stream by stream.
    private let normWeight: Int?
    private let down: LinearStack
    private let up: LinearStack
    private let inject: LinearStack?
    private let count: Int

    init(
        _ description: BlockDescription.GatedConnection, count: Int, width: Int,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.count = count
        norm = description.norm
        normWeight = try layout.tensor(ifNamed: norm.weight, shape: [count * width])
        down = try layout.stack([description.down])
        up = try layout.stack([description.up])
        inject = try layout.stack(description.inject)
    }

    var stacks: [LinearStack] { [down, up] + [inject].compactMap { $0 } }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .shared: load.rowCount * down.inputs, .latent: load.rowCount * down.outputs,
            .projected: load.rowCount * up.outputs, .branch: load.rowCount * count,
        ])
    }

    func collect(_ rows: RowGroup, count rowCount: Int) {
        guard let streams = rows.streams else { return }
        let (length, rank, width) = (down.inputs, down.outputs, rows.width)
        let (normed, short) = (rows.workspace[.shared], rows.workspace[.latent])
        let (gates, notes) = (rows.workspace[.projected], rows.workspace[.branch])
        for row in 0..<rowCount {
            for number in 0..<count {
                norm.kind.apply(
                    streams.stream(number, row: row),
                    weight: normWeight.map { rows.weights + $0 + number * width }, bias: nil,
                    epsilon: norm.epsilon, count: width,
                    into: normed + row * length + number * width)
            }
        }
        rows.linear.apply(down, to: normed, rows: rowCount, into: short, strides: (length, rank))
        ingot_scale(short, 1 / Float(count), rowCount * rank)
        ingot_silu(short, nil, rowCount * rank)
        rows.linear.apply(up, to: short, rows: rowCount, into: gates, strides: (rank, length))
        if let inject {
            rows.linear.apply(
                inject, to: normed, rows: rowCount, into: notes, strides: (length, count))
        }
        for row in 0..<rowCount {
            let input = rows.residual + row * width
            input.update(repeating: 0, count: width)
            for number in 0..<count {
                let (own, gate) = (
                    normed + row * length + number * width, gates + row * length + number * width
                )
                for index in 0..<width {
                    input[index] += sigmoid(gate[index]) * own[index] / Float(count)
                }
                guard inject != nil else { continue }
                streams.notes(row: row)[number] =
                    2 * sigmoid(notes[row * count + number] / Float(count))
            }
        }
    }

    func distribute(_ rows: RowGroup) {
        guard let streams = rows.streams else { return }
        for row in 0..<rows.wantedCount {
            for number in 0..<count {
                ingot_add_scaled(
                    streams.stream(number, row: row), rows.residual + row * rows.width,
                    streams.notes(row: row)[number], rows.width)
            }
        }
    }
}

/// Streams that were kept at the beginning of some blocks (Kimi K3).
struct KeptConnection: StreamConnection {
    private let description: BlockDescription.KeptConnection
    private let score: Int

    init(
        _ description: BlockDescription.KeptConnection, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.description = description
        score = try layout.tensor(description.score, shape: [width])
    }

    var stacks: [LinearStack] { [] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {}

    func collect(_ rows: RowGroup, count rowCount: Int) {
        guard let streams = rows.streams else { return }
        let (width, score) = (rows.width, rows.weights + score)
        for row in 0..<rowCount {
            let shares = streams.notes(row: row)
            // The first stream, then the kept ones.
            let numbers = 0...description.keptCount
            for number in numbers {
                let stream = streams.stream(number, row: row)
                var (power, product): (Float, Float) = (0, 0)
                for index in 0..<width {
                    power += stream[index] * stream[index]
                    product += stream[index] * score[index]
                }
                shares[number] =
                    product / (power / Float(width) + description.epsilon).squareRoot()
            }
            ingot_softmax(shares, numbers.count, -.infinity)
            let input = rows.residual + row * width
            input.update(repeating: 0, count: width)
            for number in numbers {
                ingot_add_scaled(input, streams.stream(number, row: row), shares[number], width)
            }
            guard description.keeps else { continue }
            let first = streams.stream(0, row: row)
            streams.stream(description.keptCount + 1, row: row).update(from: first, count: width)
            first.update(repeating: 0, count: width)
        }
    }

    func distribute(_ rows: RowGroup) {
        guard let streams = rows.streams else { return }
        for row in 0..<rows.wantedCount {
            ingot_add(
                streams.stream(0, row: row), rows.residual + row * rows.width, rows.width)
        }
    }
}

/// A row on its way through a stack of blocks, between states that stacks leave (HRM-Text).
struct StackedConnection: StreamConnection {
    /// The stream that is on its way.
    private static let moving = 2

    private let description: BlockDescription.StackedConnection
    private let norm: Norm?

    init(
        _ description: BlockDescription.StackedConnection, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.description = description
        norm = try layout.norm(description.norm, count: width)
    }

    var stacks: [LinearStack] { [] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {}

    func collect(_ rows: RowGroup, count rowCount: Int) {
        guard let streams = rows.streams else { return }
        for row in 0..<rowCount {
            let moving = streams.stream(StackedConnection.moving, row: row)
            if description.begins {
                moving.update(from: streams.stream(0, row: row), count: rows.width)
                ingot_add(moving, streams.stream(1, row: row), rows.width)
            }
            (rows.residual + row * rows.width).update(from: moving, count: rows.width)
        }
    }

    func distribute(_ rows: RowGroup) {
        guard let streams = rows.streams else { return }
        for row in 0..<rows.wantedCount {
            let moving = streams.stream(StackedConnection.moving, row: row)
            ingot_add(moving, rows.residual + row * rows.width, rows.width)
            guard let end = description.end else { continue }
            let place = streams.stream(end, row: row)
            if let norm {
                norm.apply(rows.weights, moving, into: place)
            } else {
                place.update(from: moving, count: rows.width)
            }
        }
    }
}
