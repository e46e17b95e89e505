import Architectures
public import GGUF
public import Inference
import Synchronization
public import TensorCore

/// Gathers the sums of squares of what a model's linear layers take in, from which an importance
/// matrix is made.
///
/// As llama.cpp's `llama-imatrix` does: every token of every window counts, tensors outside the
/// blocks do not (but the output matrix on request), and of a stack of experts each counts the rows
/// that reach it. Sums are exact but for the rounding of each square, so that neither threads nor batches
/// change a bit of them.
public final class Calibration {
    private let decoder: Decoder
    private let state = ForwardState()
    private let includesOutput: Bool
    private let sums: Sums

    /// Prepares to gather.
    ///
    /// - Parameters:
    ///   - includesOutput: Whether `output.weight` is among the tensors. (Quantizers do without;
    ///     where the output matrix is the token embedding there is no such tensor.)
    ///   - activations: What linear layers take in. Rounded as llama-imatrix has them, a token
    ///     between two experts goes where it goes there; what is summed is not rounded.
    public init(
        model: Model, includesOutput: Bool = false, activations: Activations = .q8,
        pool: WorkerPool = WorkerPool()
    ) throws(InferenceError) {
        decoder = try Decoder(models: [model], activations: activations, pool: pool)
        self.includesOutput = includesOutput && model.description.output == "output.weight"
        sums = Sums(model)
    }

    /// Prepares to gather what layers take in, in F32 and with the same bits on every machine and
    /// number of threads but for the order of additions.
    package init(ordered model: Model, includesOutput: Bool, pool: WorkerPool)
        throws(InferenceError)
    {
        decoder = try Decoder(models: [model], products: .ordered, pool: pool)
        self.includesOutput = includesOutput && model.description.output == "output.weight"
        sums = Sums(model)
    }

    /// Tokens that are best run at once.
    public var batchTokenCount: Int { decoder.batchTokenCount }

    /// Runs windows of equal length.
    ///
    /// - Throws: `InferenceError` when NaN or infinity appear.
    public func add(_ windows: [[Int32]]) throws {
        let sums = sums
        try decoder.observe(
            Batch(windows: windows), in: state, includingOutput: includesOutput
        ) { sums.add($0) }
    }

    /// What has been gathered so far.
    public var entries: [String: ImportanceSums.Entry] { sums.gathered.sums }
    /// What has been gathered so far, to be added to what other windows give.
    public var gathered: GatheredImportance { sums.gathered }

    /// A tensor and those of its experts that no token reached.
    public struct Unreached: Sendable, Hashable {
        /// The tensor's name.
        public var tensor: String
        /// The experts.
        public var experts: [Int]
        /// How many experts the tensor has.
        public var expertCount: Int
    }

    /// The tensors with experts that no token reached, in the order of their names.
    public static func unreached(
        in entries: [String: ImportanceSums.Entry]
    ) -> [Unreached] {
        entries.compactMap { name, entry in
            let experts = entry.unreached
            return experts.isEmpty
                ? nil
                : Unreached(tensor: name, experts: experts, expertCount: entry.counts.count)
        }.sorted { ByteString($0.tensor) < ByteString($1.tensor) }
    }
}

/// The sums of all tensors, added to from several threads.
private final class Sums: Sendable {
    /// How a tensor's rows are told apart.
    private struct Parts {
        /// Matrices stacked in the tensor.
        var count: Int
        /// Whether a token goes through some of them only, so that each has its own count.
        var areExperts: Bool
    }

    private let parts: [String: Parts]
    private let state = Mutex<[String: GatheredImportance.Entry]>([:])

    init(_ model: Model) {
        var parts: [String: Parts] = [:]
        for tensor in model.source.tensors where tensor.shape.rank == 3 {
            parts[tensor.name] = Parts(
                count: tensor.shape.dimensions[0], areExperts: tensor.name.contains("_exps."))
        }
        self.parts = parts
    }

    var gathered: GatheredImportance { GatheredImportance(entries: state.withLock { $0 }) }

    func add(_ input: LinearInput) {
        let tensors = input.tensors.filter { $0.hasPrefix("blk.") || $0 == "output.weight" }
        guard !tensors.isEmpty else { return }
        let capacity = SquareBuffer.doubleCount(columnCount: input.rowLength)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: capacity) { memory in
            for start in stride(from: 0, to: input.rowCount, by: SquareBuffer.rowLimit) {
                let squares = SquareBuffer(memory, columnCount: input.rowLength)
                let rows = start..<min(start + SquareBuffer.rowLimit, input.rowCount)
                for index in rows { squares.add(input.row(index)) }
                state.withLock { entries in
                    for tensor in tensors {
                        add(
                            squares, rowCount: rows.count, of: input, to: &entries[tensor],
                            parts[tensor])
                    }
                }
            }
        }
    }

    private func add(
        _ squares: SquareBuffer, rowCount: Int, of input: LinearInput,
        to entry: inout GatheredImportance.Entry?, _ parts: Parts?
    ) {
        let count = input.part == nil ? 1 : parts?.count ?? 1
        var own =
            entry
            ?? GatheredImportance.Entry(
                sums: ExactSums(count: count * input.rowLength),
                counts: [Int](repeating: 0, count: parts?.areExperts == true ? count : 1))
        entry = nil
        let part = input.part ?? 0
        precondition(
            (part + 1) * input.rowLength <= own.sums.units.count, "a part beyond the tensor")
        own.sums.add(squares, from: part * input.rowLength)
        // Every head takes in every token, so one of them counts for all.
        if own.counts.count > 1 {
            own.counts[part] += rowCount
        } else if part == 0 {
            own.counts[0] += rowCount
        }
        entry = own
    }
}
