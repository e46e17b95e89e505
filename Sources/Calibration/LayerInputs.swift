import Architectures
import GGUF
package import Inference
package import TensorCore

/// Takes the calibration's tokens through a model block by block, and makes the Hessians of a block's
/// linear layers on the way.
///
/// Between blocks it keeps the residual rows of all tokens, in F32, and nothing else.
package final class LayerInputs {
    private let decoder: Decoder
    private let pool: WorkerPool
    private let batches: [(purpose: CalibrationWindows.Purpose, batch: Batch)]
    private var rows: [[Float]] = []
    private var states: [ForwardState]
    /// The block that the rows are before; `nil` before the embedding.
    private(set) var block: Int?
    private let stored: StoredInputs?

    /// The Hessians of an input: of the tokens that they are made of, and of those that validate.
    package struct Moments {
        package var fitting: Hessian
        package var validation: Hessian
    }

    /// - Parameter stored: The rows before all blocks, of the same model and text.
    package init(
        _ model: Model, text: CalibrationWindows, stored: StoredInputs? = nil, pool: WorkerPool
    ) throws {
        self.stored = stored
        decoder = try Decoder(models: [model], products: .ordered, pool: pool)
        self.pool = pool
        let longest = (text.fitting + text.validation).map(\.count).max() ?? 1
        let perBatch = max(1, LayerInputs.batchTokenCount / longest)
        batches =
            LayerInputs.batches(text.fitting, perBatch, .fitting)
            + LayerInputs.batches(text.validation, perBatch, .validation)
        // Blocks that take the rows of others find them in the state of their batch.
        let isShared = model.description.blocksShareRows
        states = (0..<(isShared ? batches.count : 1)).map { _ in ForwardState() }
    }

    /// Tokens that are run at once: what layers take in is in memory for so many.
    static let batchTokenCount = 4096

    private static func batches(
        _ windows: [[Int32]], _ perBatch: Int, _ purpose: CalibrationWindows.Purpose
    ) -> [(CalibrationWindows.Purpose, Batch)] {
        stride(from: 0, to: windows.count, by: perBatch).map {
            (purpose, Batch(windows: Array(windows[$0..<min(windows.count, $0 + perBatch)])))
        }
    }

    /// Takes the tokens up to a block, and through it.
    ///
    /// - Parameter groups: The inputs whose Hessians are made.
    /// - Returns: Those of each input, by group and matrix.
    package func run(
        block wanted: Int, groups: [(number: Int, group: InputGroup)]
    ) throws -> [InputRecorder.Key: Moments] {
        try arrive(atBlock: wanted)
        // What the mixer and the network leave for their last layers has rows of its own kind:
        // an attention sink's is far longer than the others.
        let limited = groups.filter {
            $0.group.tensors[0].contains("attn_output")
                || $0.group.tensors[0].contains("ffn_down")
        }
        let recorder = InputRecorder(groups, limitsNorms: Set(limited.map(\.number)))
        let sums = MomentSums(groups)
        try step { purpose in
            try sums.add(recorder.take(), purpose, self.pool)
        } observer: {
            recorder.record($0)
        }
        return try sums.finish(pool)
    }

    /// Takes the tokens through the blocks that are left, for the output matrix.
    func runOutput(
        group: (number: Int, group: InputGroup), blockCount: Int
    ) throws -> [InputRecorder.Key: Moments] {
        try arrive(atBlock: blockCount)
        let sums = MomentSums([group])
        let width = group.group.columnCount
        for index in batches.indices {
            decoder.normalizeOutput(&rows[index])
            let count = rows[index].count / width
            let piece = InputRecorder.Piece(
                rows: rows[index], rowCount: count, weight: Double(count))
            rows[index] = []
            try sums.add(
                [(InputRecorder.Key(group: group.number), [piece])], batches[index].purpose, pool)
        }
        return try sums.finish(pool)
    }

    /// The values of each batch's rows.
    var counts: [Int] { batches.map { $0.batch.tokenCount * decoder.models[0].width } }
    /// The bytes of all rows.
    var byteCount: Int { counts.reduce(0, +) * 4 }

    /// Goes on from rows before a block.
    func start(atBlock block: Int, rows: [[Float]]) {
        self.rows = rows
        self.block = block
    }

    /// Takes the tokens up to a block and hands out the rows before it.
    func advance(toBlock wanted: Int, _ take: ([[Float]]) throws -> Void) throws {
        try embed()
        while let block, block < wanted { try step(nil) }
        try take(rows)
    }

    /// Takes the tokens up to a block, or reads its rows where they are stored.
    private func arrive(atBlock wanted: Int) throws {
        if let stored, block != wanted {
            start(atBlock: wanted, rows: try stored.rows(beforeBlock: wanted, counts: counts))
        }
        try embed()
        while let block, block < wanted { try step(nil) }
    }

    private func embed() throws {
        guard block == nil else { return }
        rows = try batches.indices.map {
            try decoder.embed(batches[$0].batch, in: state(of: $0))
        }
        block = 0
    }

    private func state(of batch: Int) -> ForwardState {
        states.count == 1 ? states[0] : states[batch]
    }

    /// Takes all rows through the block that they are before.
    private func step(
        _ end: ((CalibrationWindows.Purpose) throws -> Void)?,
        observer: LinearObserver? = nil
    ) throws {
        guard let block else { return }
        for index in batches.indices {
            try decoder.apply(
                block: block, to: &rows[index], of: batches[index].batch, in: state(of: index),
                observer: observer)
            try end?(batches[index].purpose)
        }
        self.block = block + 1
    }
}

/// The sums of a block's inputs.
private final class MomentSums {
    private let groups: [Int: InputGroup]
    private var moments: [InputRecorder.Key: LayerInputs.Moments] = [:]

    init(_ groups: [(number: Int, group: InputGroup)]) {
        self.groups = Dictionary(uniqueKeysWithValues: groups.map { ($0.number, $0.group) })
    }

    /// Adds what a batch gave.
    func add(
        _ inputs: [(key: InputRecorder.Key, pieces: [InputRecorder.Piece])],
        _ purpose: CalibrationWindows.Purpose, _ pool: WorkerPool
    ) throws {
        for (key, pieces) in inputs {
            guard let group = groups[key.group] else { continue }
            for (segment, columns) in group.segments.enumerated() {
                var key = key
                key.segment = segment
                let own =
                    try moments[key]
                    ?? LayerInputs.Moments(
                        fitting: Hessian(columns: columns, ofRowLength: group.columnCount),
                        validation: Hessian(columns: columns, ofRowLength: group.columnCount))
                moments[key] = own
                (purpose == .fitting ? own.fitting : own.validation).add(pieces, pool: pool)
            }
        }
    }

    /// Ends the adding.
    func finish(_ pool: WorkerPool) throws -> [InputRecorder.Key: LayerInputs.Moments] {
        for own in moments.values {
            own.fitting.finish(pool: pool)
            own.validation.finish(pool: pool)
        }
        for (number, group) in groups {
            try ExpertMoments(number, group)?.blend(&moments, pool: pool)
        }
        return moments
    }
}
