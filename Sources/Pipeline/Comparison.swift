public import GGUF
public import Quantization
import Synchronization
public import TensorCore

/// What differs between two files of a model.
public struct Comparison: Sendable {
    /// A metadata entry that only one file has or that differs.
    public struct Entry: Sendable {
        /// The key.
        public let key: String
        /// The first file's value.
        public let first: MetadataValue?
        /// The second file's value.
        public let second: MetadataValue?
    }

    /// A tensor that both files have.
    public struct Tensor: Sendable {
        /// The tensor's name.
        public let name: String
        /// Its shape in the first file.
        public let firstShape: Shape
        /// Its shape in the second file.
        public let secondShape: Shape
        /// Its format in the first file.
        public let firstFormat: Format
        /// Its format in the second file.
        public let secondFormat: Format
        /// How far the values are apart; `nil` when shapes differ or values cannot be decoded.
        public let error: TensorError?
        /// Whether both hold the same bytes in the same format and shape.
        public let isIdentical: Bool
    }

    /// Keys that differ, in the order of the first file, then those that only the second has.
    public let metadata: [Entry]
    /// Names of tensors that only the first file has.
    public let onlyInFirst: [String]
    /// Names of tensors that only the second file has.
    public let onlyInSecond: [String]
    /// The tensors of both, in the order of the first file.
    public let tensors: [Tensor]

    /// Whether nothing differs.
    public var isIdentical: Bool {
        metadata.isEmpty && onlyInFirst.isEmpty && onlyInSecond.isEmpty
            && tensors.allSatisfy(\.isIdentical)
    }

    /// Compares two files.
    ///
    /// - Parameters:
    ///   - threadCount: The number of threads; `nil` for one per processor.
    ///   - progress: Called after every piece with the number of pieces done and in all.
    /// - Throws: What reading throws.
    /// - Complexity: O(values); memory of two pieces per thread.
    public init(
        _ first: any TensorSource, _ second: any TensorSource, threadCount: Int? = nil,
        progress: (@Sendable (_ done: Int, _ all: Int) -> Void)? = nil
    ) throws {
        metadata = Comparison.differences(first.metadata, second.metadata)
        var positions: [ByteString: Int] = [:]
        for (index, tensor) in second.tensors.enumerated() {
            positions[ByteString(tensor.name)] = index
        }
        var partners: [Int: Int] = [:]
        for (index, tensor) in first.tensors.enumerated() {
            partners[index] = positions[ByteString(tensor.name)]
        }
        let both = partners
        let common = first.tensors.indices.filter { both[$0] != nil }
        let matched = Set(both.values)
        onlyInFirst = first.tensors.indices.filter { both[$0] == nil }
            .map { first.tensors[$0].name }
        onlyInSecond = second.tensors.indices.filter { !matched.contains($0) }
            .map { second.tensors[$0].name }

        let comparable = common.filter { index in
            both[index].map { first.tensors[index].shape == second.tensors[$0].shape } ?? false
        }
        let work = TensorPieces(comparable, of: first)
        let pool = WorkerPool(threadCount: threadCount)
        let readers = PieceReaders(count: 2 * pool.threadCount)
        let state = Mutex(
            (done: 0, sums: [PieceSums?](repeating: nil, count: work.pieces.count)))
        try pool.run(jobCount: work.pieces.count) { worker, job in
            let piece = work.pieces[job]
            guard let other = both[piece.tensor] else { return }
            let sums = try PieceSums(
                piece.elements, first, piece.tensor, readers[2 * worker], second, other,
                readers[2 * worker + 1])
            state.withLock { state in
                state.sums[job] = sums
                state.done += 1
                progress?(state.done, work.pieces.count)
            }
        }
        // Pieces are added up in their order, so that threads do not change the figures.
        var totals: [Int: PieceSums] = [:]
        for (piece, sums) in zip(work.pieces, state.withLock { $0.sums }) {
            guard let sums else { continue }
            totals[piece.tensor, default: PieceSums()].add(sums)
        }
        tensors = common.compactMap { index in
            guard let other = both[index] else { return nil }
            let (a, b) = (first.tensors[index], second.tensors[other])
            let total = totals[index, default: PieceSums()]
            return Tensor(
                name: a.name, firstShape: a.shape, secondShape: b.shape, firstFormat: a.format,
                secondFormat: b.format, error: a.shape == b.shape ? total.error : nil,
                isIdentical: a.shape == b.shape && a.format == b.format && total.sameBytes)
        }
    }

    private static func differences(_ first: Metadata, _ second: Metadata) -> [Entry] {
        var entries: [Entry] = []
        for (key, value) in first.entries where !isSame(value, second[key]) {
            entries.append(Entry(key: key, first: value, second: second[key]))
        }
        for (key, value) in second.entries where first[key] == nil {
            entries.append(Entry(key: key, first: nil, second: value))
        }
        return entries
    }

    /// Equality that holds for a NaN too.
    private static func isSame(_ first: MetadataValue, _ second: MetadataValue?) -> Bool {
        guard let second else { return false }
        if case .float32(let a) = first, case .float32(let b) = second {
            return a.bitPattern == b.bitPattern
        }
        return first == second
    }
}
