package import Inference
import Synchronization

/// The matrices that take the same input, as a block names them.
package struct InputGroup: Sendable, Hashable {
    /// The tensors' names.
    var tensors: [String]
    /// Whether each matrix of a stack takes rows of its own (experts), and how many there are.
    var matrixCount: Int?
    /// The length of an input row.
    var columnCount: Int
    /// The stretches of columns whose moments are summed, each by itself.
    var segments: [Range<Int>]

    package init(
        tensors: [String], matrixCount: Int?, columnCount: Int,
        segmentWidth: Int = ColumnSegments.usualWidth
    ) {
        segments = ColumnSegments.ranges(columnCount: columnCount, width: segmentWidth)
        self.tensors = tensors
        self.matrixCount = matrixCount
        self.columnCount = columnCount
    }
}

/// Keeps what linear layers take in until it is summed in a fixed order.
package final class InputRecorder: Sendable {
    /// Input rows of one place.
    package struct Piece: Sendable {
        /// `(row, column)`, each row times the root of its weight.
        package var rows: [Float]
        var rowCount: Int
        /// The sum of the rows' weights.
        package var weight: Double
    }

    /// An input, of an expert where the group has experts, and a stretch of its columns.
    package struct Key: Sendable, Hashable {
        var group: Int
        var matrix: Int?
        var segment: Int

        package init(group: Int, matrix: Int? = nil, segment: Int = 0) {
            self.group = group
            self.matrix = matrix
            self.segment = segment
        }
    }

    private let groups: [String: Int]
    private let limitsNorms: Set<Int>
    private let pieces = Mutex<[Key: [Int: [Piece]]]>([:])

    /// - Parameters:
    ///   - groups: The groups that are recorded, with their numbers.
    ///   - limitsNorms: The numbers of those where a row far longer than the others (an attention
    ///     sink) counts no more than `normLimit` rows.
    package init(_ groups: [(number: Int, group: InputGroup)], limitsNorms: Set<Int>) {
        // Some layers of a stack may be told apart from the others: one of them speaks for all.
        self.groups = Dictionary(
            groups.map { ($0.group.tensors[0], $0.number) }, uniquingKeysWith: { $1 })
        self.limitsNorms = limitsNorms
    }

    /// How many times the median squared norm of its neighbours a row may weigh.
    package static let normLimit: Float = 20

    /// Takes rows; called from several threads at once.
    package func record(_ input: LinearInput) {
        guard let name = input.tensors.first(where: { groups[$0] != nil }),
            let group = groups[name]
        else { return }
        let piece = self.piece(of: input, limitsNorms: limitsNorms.contains(group))
        let key = Key(group: group, matrix: input.part)
        pieces.withLock { $0[key, default: [:]][input.place, default: []].append(piece) }
    }

    /// What has been recorded of each input, in the order of places; nothing is kept.
    package func take() -> [(key: Key, pieces: [Piece])] {
        let taken = pieces.withLock { pieces in
            defer { pieces = [:] }
            return pieces
        }
        return taken.map { key, places in
            (key, places.sorted { $0.key < $1.key }.flatMap(\.value))
        }.sorted { ($0.key.group, $0.key.matrix ?? -1) < ($1.key.group, $1.key.matrix ?? -1) }
    }

    private func piece(of input: LinearInput, limitsNorms: Bool) -> Piece {
        let (count, length) = (input.rowCount, input.rowLength)
        var weights = (0..<count).map { input.weights?[$0] ?? 1 }
        if limitsNorms {
            let norms = (0..<count).map { index in
                input.row(index).reduce(Float(0)) { $0 + $1 * $1 }
            }
            let limit = InputRecorder.normLimit * norms.sorted()[count / 2]
            for index in 0..<count where norms[index] > limit && limit > 0 {
                weights[index] *= limit / norms[index]
            }
        }
        let rows = [Float](unsafeUninitializedCapacity: count * length) { buffer, initialized in
            for index in 0..<count {
                let (row, scale) = (input.row(index), weights[index].squareRoot())
                for column in 0..<length { buffer[index * length + column] = row[column] * scale }
            }
            initialized = count * length
        }
        return Piece(
            rows: rows, rowCount: count, weight: weights.reduce(0) { $0 + Double($1) })
    }
}
