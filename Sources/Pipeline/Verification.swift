public import GGUF
import Quantization
import Synchronization
import TensorCore

/// What looking at every block of a model found.
public struct Verification: Sendable {
    /// A value that is NaN or infinite.
    public struct BadValue: Sendable, Hashable {
        /// The tensor's name.
        public let tensor: String
        /// The row, counted from 0 over all matrices of the tensor.
        public let row: Int
        /// The column, counted from 0.
        public let column: Int
        /// `NaN`, `infinity` or `-infinity`.
        public let value: String
    }

    /// The number of values that were decoded.
    public let elementCount: Int
    /// The first bad value of each tensor that has one, in the order of the file.
    public let badValues: [BadValue]
    /// Tensors of formats that are only carried along, which nobody can look into.
    public let undecodable: [String]

    /// Decodes every tensor of `source` and looks for values that are NaN or infinite.
    ///
    /// - Parameters:
    ///   - threadCount: The number of threads; `nil` for one per processor.
    ///   - progress: Called after every piece with the number of pieces done and in all.
    /// - Throws: What reading throws.
    /// - Complexity: O(values); memory of one piece per thread.
    public init(
        of source: any TensorSource, threadCount: Int? = nil,
        progress: (@Sendable (_ done: Int, _ all: Int) -> Void)? = nil
    ) throws {
        let readable = source.tensors.indices.filter { source.tensors[$0].format.decode != nil }
        let work = TensorPieces(readable, of: source)
        let pool = WorkerPool(threadCount: threadCount)
        let readers = PieceReaders(count: pool.threadCount)
        let state = Mutex((done: 0, bad: [Int: Int]()))
        try pool.run(jobCount: work.pieces.count) { worker, job in
            let piece = work.pieces[job]
            let values = try readers[worker].values(
                piece.elements, ofTensor: piece.tensor, in: source)
            var bad: Int?
            if let values, let base = values.baseAddress,
                !largestMagnitude(base, values.count).isFinite
            {
                bad = values.firstIndex { !$0.isFinite }.map { $0 + piece.elements.lowerBound }
            }
            let first = bad
            state.withLock { state in
                if let first {
                    state.bad[piece.tensor] = min(first, state.bad[piece.tensor] ?? Int.max)
                }
                state.done += 1
                progress?(state.done, work.pieces.count)
            }
        }
        elementCount = readable.reduce(0) { $0 + source.tensors[$1].shape.elementCount }
        undecodable = source.tensors.filter { $0.format.decode == nil }.map(\.name)
        let reader = readers[0]
        badValues = try state.withLock({ $0.bad }).sorted { $0.key < $1.key }
            .map { tensor, element in
                let description = source.tensors[tensor]
                let (row, column) = element.quotientAndRemainder(
                    dividingBy: description.shape.rowLength)
                let block = element / 256 * 256
                let end = min(block + 256, description.shape.elementCount)
                let values = try reader.values(block..<end, ofTensor: tensor, in: source)
                return BadValue(
                    tensor: description.name, row: row, column: column,
                    value: nonFiniteName(values?[element - block] ?? .nan))
            }
    }
}
