import Synchronization
import TensorCore

/// Words of a stored matrix whose columns are wanted together: GPTQ and AWQ store a weight
/// transposed, so that a row of the weight is a column of the file.
///
/// Neighbouring columns are read in one go and kept for the next reader: chunks of a tensor are
/// done one after another, and a read for every word would cost more than the arithmetic.
final class StripCache: Sendable {
    /// Some columns of a matrix, row after row.
    final class Strip: Sendable {
        let columns: Range<Int>
        let words: [UInt32]

        init(columns: Range<Int>, words: [UInt32]) {
            self.columns = columns
            self.words = words
        }
    }

    private struct Key: Hashable {
        let path: String
        let offset: Int
    }

    /// The words of a strip: 4 MB.
    private static let wordLimit = 1 << 20
    /// At the boundary of two tensors workers are in both of them.
    private static let stripLimit = 4
    private let strips = Mutex<[(key: Key, strip: Strip)]>([])

    /// Reads columns of `part`, a matrix of words, and a few more.
    func strip(_ columns: Range<Int>, of part: TensorPool.Part) throws -> Strip {
        let key = Key(path: part.shard.file.path, offset: part.tensor.offset)
        // Held while a strip is read: whoever else wants it would read the same bytes.
        return try strips.withLock { strips in
            let known = strips.first {
                $0.key == key && $0.strip.columns.lowerBound <= columns.lowerBound
                    && $0.strip.columns.upperBound >= columns.upperBound
            }
            if let known { return known.strip }
            let (rowCount, columnCount) = (part.tensor.shape.rowCount, part.tensor.shape.rowLength)
            let width = max(columns.count, StripCache.wordLimit / max(1, rowCount))
            let end = min(columnCount, columns.lowerBound + width)
            let strip = try StripCache.read(columns.lowerBound..<end, of: part)
            if strips.count == StripCache.stripLimit { strips.removeFirst() }
            strips.append((key, strip))
            return strip
        }
    }

    private static func read(_ columns: Range<Int>, of part: TensorPool.Part) throws -> Strip {
        let (rowCount, columnCount) = (part.tensor.shape.rowCount, part.tensor.shape.rowLength)
        var words = [UInt32](repeating: 0, count: rowCount * columns.count)
        try unsafe words.withUnsafeMutableBytes { buffer in
            guard columns.count < columnCount else {
                try unsafe part.shard.file.read(at: part.tensor.offset, into: buffer)
                return
            }
            for row in 0..<rowCount {
                try unsafe part.shard.file.read(
                    at: part.tensor.offset + (row * columnCount + columns.lowerBound) * 4,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: buffer[row * columns.count * 4..<(row + 1) * columns.count * 4]))
            }
        }
        return Strip(columns: columns, words: words)
    }
}
