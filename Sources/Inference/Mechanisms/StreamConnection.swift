import Architectures
import CKernels

/// Where a part of a block takes its input from several residual streams, and where its output goes.
///
/// A part sees `RowGroup.residual`: `collect` makes its input there, and `distribute` takes from there what
/// it made. Source: `BlockDescription.StreamConnection`.
protocol StreamConnection: Sendable {
    /// The linear layers.
    var stacks: [LinearStack] { get }
    /// Says what a worker needs.
    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load)
    /// Makes the input of the first rows.
    func collect(_ rows: RowGroup, count: Int)
    /// Takes the output of the wanted rows.
    func distribute(_ rows: RowGroup)
}

/// The connections of a block.
struct BlockStreams: Sendable {
    let mixer: any StreamConnection
    let feedForward: any StreamConnection
    /// What makes one row behind the last block.
    let head: StreamHead?

    init(
        _ streams: BlockDescription.Streams, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        mixer = try layout.connection(streams.mixer, count: streams.count, width: width)
        feedForward = try layout.connection(streams.feedForward, count: streams.count, width: width)
        head = try streams.head.map { head throws(InferenceError) in
            try StreamHead(head, count: streams.count, width: width, &layout)
        }
    }

    var stacks: [LinearStack] { mixer.stacks + feedForward.stacks + (head?.stacks ?? []) }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        mixer.reserve(&room, for: load)
        feedForward.reserve(&room, for: load)
        head?.reserve(&room, for: load)
    }
}

/// What makes one row of the streams behind the last block.
struct StreamHead: Sendable {
    private enum Kind: Sendable {
        case connection(any StreamConnection)
        case mean
        case stream(Int)
    }

    private let kind: Kind

    init(
        _ head: BlockDescription.StreamHead, count: Int, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        switch head {
        case .learned(let learned):
            kind = .connection(
                try LearnedConnection(learned, count: count, isHead: true, &layout))
        case .connection(let connection):
            kind = .connection(try layout.connection(connection, count: count, width: width))
        case .mean: kind = .mean
        case .stream(let number): kind = .stream(number)
        }
    }

    var stacks: [LinearStack] {
        if case .connection(let connection) = kind { connection.stacks } else { [] }
    }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        if case .connection(let connection) = kind { connection.reserve(&room, for: load) }
    }

    /// Makes the residual rows of the wanted rows' streams.
    func collect(_ rows: RowGroup) {
        guard let streams = rows.streams else { return }
        switch kind {
        case .connection(let connection): connection.collect(rows, count: rows.wantedCount)
        case .mean:
            rows.clearResidual(rows.wantedCount)
            for row in 0..<rows.wantedCount {
                for number in 0..<streams.count {
                    ingot_add_scaled(
                        rows.residual + row * rows.width, streams.stream(number, row: row),
                        1 / Float(streams.count), rows.width)
                }
            }
        case .stream(let number):
            for row in 0..<rows.wantedCount {
                (rows.residual + row * rows.width).update(
                    from: streams.stream(number, row: row), count: rows.width)
            }
        }
    }
}

extension WeightLayout {
    /// Room for a connection.
    mutating func connection(
        _ connection: BlockDescription.StreamConnection, count: Int, width: Int
    ) throws(InferenceError) -> any StreamConnection {
        switch connection {
        case .learned(let learned):
            try LearnedConnection(learned, count: count, isHead: false, &self)
        case .gated(let gated): try GatedConnection(gated, count: count, width: width, &self)
        case .kept(let kept): try KeptConnection(kept, width: width, &self)
        case .stacked(let stacked): try StackedConnection(stacked, width: width, &self)
        }
    }
}
