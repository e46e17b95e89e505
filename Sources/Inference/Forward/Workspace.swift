import TensorCore

/// One worker's buffers, reused from job to job.
///
/// `@unchecked Sendable`: a worker pool gives each worker to one thread at a time.
final class Workspace: @unchecked Sendable {
    /// How large a group of rows can be.
    struct Load {
        /// The rows of a group, and the longest stretch of one sequence among them.
        var rowCount: Int
        var stretchLength: Int
        /// The positions that a row can see, its own among them.
        var keyCount: Int
        /// The width of the residual stream.
        var width: Int
    }

    /// What the buffers are for.
    enum Buffer: Int, CaseIterable {
        /// Normalised rows, `rows × width`.
        case normed
        /// What the first layers of a mixer or network make, `rows × outputs`: queries, keys and
        /// values; gate and up; ratings of experts.
        case projected
        /// Rows shorter than those: latent rows of keys, then of queries; gates; a scan's parameters.
        case latent
        /// Latent rows of keys and values with the parts of keys that turn, `rows × length`.
        case shared
        /// Queries in the latent space and what attention makes of them, `rows × heads × length`.
        case absorbed
        /// What a mixer's output layer takes in, `rows × inputs`.
        case mixed
        /// Attention scores, `query rows × keys`.
        case scores
        /// A branch's output where it cannot be added at once, `rows × width`.
        case branch
        /// What the mixer beside the block's mixer makes, `rows × width`.
        case parallel
        /// A recurrence's state for a stretch of which nothing is kept, and room for a step of it.
        case state
    }

    /// The lengths of the buffers: every mechanism says what it needs.
    struct Room: Equatable {
        private var counts = [Int](repeating: 0, count: Buffer.allCases.count)
        /// The rows of a linear layer's input that are rounded, and the longest.
        var roundedRows = 0
        var roundedLength = 0

        subscript(buffer: Buffer) -> Int { counts[buffer.rawValue] }

        /// The numbers of all buffers.
        var floatCount: Int { counts.reduce(0, +) }

        /// Makes buffers at least so long.
        mutating func need(_ wanted: KeyValuePairs<Buffer, Int>) {
            for (buffer, count) in wanted {
                counts[buffer.rawValue] = max(counts[buffer.rawValue], count)
            }
        }

        /// Makes buffers at least as long as another's.
        mutating func need(_ other: Room) {
            for buffer in Buffer.allCases { need([buffer: other[buffer]]) }
            roundedRows = max(roundedRows, other.roundedRows)
            roundedLength = max(roundedLength, other.roundedLength)
        }
    }

    /// Products of matrices in F32.
    let products: MatrixProducts
    let room: Room
    /// Bytes as stored, before decoding.
    let scratch = ScratchBuffer()
    /// Codes and scales on their way to panels.
    let unpacked = ScratchBuffer()
    /// The input of a linear layer as engines round it.
    let rounded: RoundedRows
    private let buffers: [FloatBuffer]

    init(_ room: Room, _ products: MatrixProducts) throws(InferenceError) {
        self.products = products
        self.room = room
        buffers = try Buffer.allCases.map { buffer throws(InferenceError) in
            try FloatBuffer(count: room[buffer])
        }
        rounded = try RoundedRows(rowCount: room.roundedRows, rowLength: room.roundedLength)
    }

    /// A buffer's first float.
    subscript(buffer: Buffer) -> UnsafeMutablePointer<Float> { buffers[buffer.rawValue].base }
}
