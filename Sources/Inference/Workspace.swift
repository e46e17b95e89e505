import Architectures
import TensorCore

/// One worker's buffers, reused from job to job.
///
/// `@unchecked Sendable`: a worker pool gives each worker to one thread at a time.
final class Workspace: @unchecked Sendable {
    /// Bytes as stored, before decoding.
    let scratch = ScratchBuffer()
    /// Codes and scales on their way to panels.
    let unpacked = ScratchBuffer()
    /// Normalised rows, `tokens × width`.
    let normed: FloatBuffer
    /// Queries, keys and values, or gate and up, or ratings of experts, `tokens × outputs`.
    let wide: FloatBuffer
    /// Latent rows of keys, then of queries, `tokens × rank`.
    let latent: FloatBuffer
    /// The heads' values, `tokens × (heads · valueLength)`.
    let heads: FloatBuffer
    /// Attention scores, `queryRows × keys`.
    let scores: FloatBuffer
    /// A part's output where it cannot be added at once, `tokens × width`.
    let branch: FloatBuffer
    /// What a recurrence beside attention makes, `tokens × width`.
    let beside: FloatBuffer
    /// What a recurrence remembers of one window, and room for a step of it.
    let state: FloatBuffer
    /// The input of a linear layer in 8 bits, where products are in integers.
    let rounded: RoundedRows?

    /// The matrices of linear layers where they are not in the block's buffer.
    var stored: StoredMatrices?

    /// The lengths of the buffers.
    struct Extent {
        var normed = 0
        var wide = 0
        var latent = 0
        var heads = 0
        var scores = 0
        var branch = 0
        var beside = 0
        var state = 0
        /// The rows of a linear layer's input, and the longest.
        var rowCount = 0
        var rowLength = 0

        /// What runs of `tokens` tokens of `model` need, in windows of `windowLength` that see up
        /// to `keyCount` positions.
        init(_ model: Model, tokens: Int, windowLength: Int, keyCount: Int) {
            let width = model.description.embeddingLength
            normed = tokens * width
            for block in model.blocks {
                wide = max(wide, tokens * block.headsWidth)
                heads = max(heads, tokens * block.mixerOutput.inputs)
                if block.latent != nil {
                    latent = max(latent, tokens * block.mixerInput.outputs)
                }
                if let gate = block.gate { latent = max(latent, tokens * gate.outputs) }
                if let recurrence = block.recurrence {
                    wide = max(wide, tokens * recurrence.input.outputs)
                    heads = max(heads, tokens * recurrence.output.inputs)
                    if block.description.beside != nil { beside = max(beside, tokens * width) }
                    latent = max(latent, tokens * (recurrence.parameters?.outputs ?? 0))
                    state = max(state, recurrence.stateCount + recurrence.spareCount)
                }
                if let network = block.network { wide = max(wide, tokens * network.input.outputs) }
                if let experts = block.experts {
                    let rows = ExpertRun.chunkRows
                    wide = max(
                        wide, tokens * experts.router.outputs, rows * experts.network.input.outputs)
                    normed = max(normed, rows * width)
                    branch = max(branch, max(rows, tokens) * width)
                }
                if let input = block.layerInput {
                    wide = max(wide, tokens * input.gate.outputs)
                    branch = max(branch, tokens * width)
                }
                if block.postAttentionNorm != nil || !block.addsFeedForwardDirectly {
                    branch = max(branch, tokens * width)
                }
            }
            scores = min(BlockRun.queryRows, windowLength) * keyCount
            rowCount = max(
                tokens, model.blocks.contains { $0.experts != nil } ? ExpertRun.chunkRows : 0)
            rowLength = model.blocks.flatMap(\.stacks).map(\.inputs).max() ?? 0
        }

        func fits(in other: Extent) -> Bool {
            normed <= other.normed && wide <= other.wide && latent <= other.latent
                && heads <= other.heads && state <= other.state
                && scores <= other.scores && branch <= other.branch && beside <= other.beside
                && rowCount <= other.rowCount && rowLength <= other.rowLength
        }
    }

    let extent: Extent

    init(_ extent: Extent, _ activations: Activations) throws(InferenceError) {
        self.extent = extent
        normed = try FloatBuffer(count: extent.normed)
        wide = try FloatBuffer(count: extent.wide)
        latent = try FloatBuffer(count: extent.latent)
        heads = try FloatBuffer(count: extent.heads)
        scores = try FloatBuffer(count: extent.scores)
        branch = try FloatBuffer(count: extent.branch)
        beside = try FloatBuffer(count: extent.beside)
        state = try FloatBuffer(count: extent.state)
        rounded =
            switch activations {
            case .f32: nil
            case .q8: try RoundedRows(rowCount: extent.rowCount, rowLength: extent.rowLength)
            }
    }
}
