import Architectures
import TensorCore

/// One worker's buffers, reused from job to job.
///
/// `@unchecked Sendable`: a worker pool gives each worker to one thread at a time.
final class Workspace: @unchecked Sendable {
    /// Bytes as stored, before decoding.
    let scratch = ScratchBuffer()
    /// Normalised rows, `tokens × width`.
    let normed: FloatBuffer
    /// Queries, keys and values, or gate and up, `tokens × outputs`.
    let wide: FloatBuffer
    /// The heads' values, `tokens × (heads · valueLength)`.
    let heads: FloatBuffer
    /// Attention scores, `queryRows × keys`.
    let scores: FloatBuffer
    /// A part's output where it cannot be added at once, `tokens × width`.
    let branch: FloatBuffer

    /// The lengths of the buffers.
    struct Extent {
        var normed = 0
        var wide = 0
        var heads = 0
        var scores = 0
        var branch = 0

        /// What runs of `tokens` tokens of `model` in windows of `windowLength` need.
        init(_ model: Model, tokens: Int, windowLength: Int) {
            let width = model.description.embeddingLength
            normed = tokens * width
            for block in model.blocks {
                let attention = block.description.attention
                wide = max(
                    wide, tokens * max(block.attentionInput.outputs, block.feedForwardInput.outputs)
                )
                heads = max(heads, tokens * attention.headCount * attention.valueLength)
                if block.postAttentionNorm != nil || block.postFeedForwardNorm != nil
                    || block.description.residualScale != 1
                {
                    branch = tokens * width
                }
            }
            scores = min(BlockRun.queryRows, windowLength) * windowLength
        }

        func fits(in other: Extent) -> Bool {
            normed <= other.normed && wide <= other.wide && heads <= other.heads
                && scores <= other.scores && branch <= other.branch
        }
    }

    let extent: Extent

    init(_ extent: Extent) throws(InferenceError) {
        self.extent = extent
        normed = try FloatBuffer(count: extent.normed)
        wide = try FloatBuffer(count: extent.wide)
        heads = try FloatBuffer(count: extent.heads)
        scores = try FloatBuffer(count: extent.scores)
        branch = try FloatBuffer(count: extent.branch)
    }
}
