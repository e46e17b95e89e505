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

    /// The lengths of the buffers: every mechanism says what it needs.
    struct Room: Equatable {
        var normed = 0
        var projected = 0
        var latent = 0
        var mixed = 0
        var scores = 0
        var branch = 0
        var parallel = 0
        var state = 0
        /// The rows of a linear layer's input that are rounded, and the longest.
        var roundedRows = 0
        var roundedLength = 0

        /// Makes buffers at least so long.
        mutating func need(
            normed: Int = 0, projected: Int = 0, latent: Int = 0, mixed: Int = 0, scores: Int = 0,
            branch: Int = 0, parallel: Int = 0, state: Int = 0, roundedRows: Int = 0,
            roundedLength: Int = 0
        ) {
            self.normed = max(self.normed, normed)
            self.projected = max(self.projected, projected)
            self.latent = max(self.latent, latent)
            self.mixed = max(self.mixed, mixed)
            self.scores = max(self.scores, scores)
            self.branch = max(self.branch, branch)
            self.parallel = max(self.parallel, parallel)
            self.state = max(self.state, state)
            self.roundedRows = max(self.roundedRows, roundedRows)
            self.roundedLength = max(self.roundedLength, roundedLength)
        }

        /// Makes buffers at least as long as another's.
        mutating func need(_ other: Room) {
            need(
                normed: other.normed, projected: other.projected, latent: other.latent,
                mixed: other.mixed, scores: other.scores, branch: other.branch,
                parallel: other.parallel, state: other.state, roundedRows: other.roundedRows,
                roundedLength: other.roundedLength)
        }
    }

    /// Products of matrices in F32.
    let products: MatrixProducts
    let room: Room
    /// Bytes as stored, before decoding.
    let scratch = ScratchBuffer()
    /// Codes and scales on their way to panels.
    let unpacked = ScratchBuffer()
    /// Normalised rows, `rows × width`.
    let normed: FloatBuffer
    /// What the first layers of a mixer or network make, `rows × outputs`: queries, keys and values;
    /// gate and up; ratings of experts.
    let projected: FloatBuffer
    /// Rows shorter than those: latent rows of keys, then of queries; gates; a scan's parameters.
    let latent: FloatBuffer
    /// What a mixer's output layer takes in, `rows × inputs`.
    let mixed: FloatBuffer
    /// Attention scores, `query rows × keys`.
    let scores: FloatBuffer
    /// A branch's output where it cannot be added at once, `rows × width`.
    let branch: FloatBuffer
    /// What the mixer beside the block's mixer makes, `rows × width`.
    let parallel: FloatBuffer
    /// A recurrence's state for a stretch of which nothing is kept, and room for a step of it.
    let state: FloatBuffer
    /// The input of a linear layer as engines round it.
    let rounded: RoundedRows

    init(_ room: Room, _ products: MatrixProducts) throws(InferenceError) {
        self.products = products
        self.room = room
        normed = try FloatBuffer(count: room.normed)
        projected = try FloatBuffer(count: room.projected)
        latent = try FloatBuffer(count: room.latent)
        mixed = try FloatBuffer(count: room.mixed)
        scores = try FloatBuffer(count: room.scores)
        branch = try FloatBuffer(count: room.branch)
        parallel = try FloatBuffer(count: room.parallel)
        state = try FloatBuffer(count: room.state)
        rounded = try RoundedRows(rowCount: room.roundedRows, rowLength: room.roundedLength)
    }
}
