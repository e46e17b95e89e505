import GGUF
import Pipeline
import Quantization
import TensorCore

/// The weights of a model, counted for what work takes.
struct WeightCounts {
    /// All weights.
    private(set) var all = 0.0
    /// Those that a token is multiplied by.
    private(set) var active = 0.0
    /// The lengths of all inputs of linear layers, experts counted each.
    private(set) var inputs = 0.0
    /// The weights of the largest matrix of an expert.
    private(set) var largestExpert = 0
    private(set) var blockCount = 0
    /// The length of the residual stream's rows.
    let width: Int

    init(_ source: any TensorSource) {
        let architecture = source.metadata["general.architecture"]?.text ?? ""
        let length = source.metadata["\(architecture).embedding_length"]?.integer ?? 0
        width = min(max(length, 0), 1 << 20)
        let expertShare = CalibrationCost.expertShare(of: source.metadata)
        var blocks: Set<Int> = []
        for tensor in source.tensors {
            let shape = tensor.shape
            let count = Double(shape.elementCount)
            all += count
            if let block = RecipeModel.blockIndex(of: tensor.name) { blocks.insert(block) }
            guard shape.rank > 1, tensor.name != "token_embd.weight" else { continue }
            let (columns, rows) = (shape.rowLength, shape.dimensions[shape.rank - 2])
            let isExpert = shape.rank > 2
            active += count * (isExpert ? expertShare : 1)
            inputs += count / Double(max(1, rows))
            if isExpert { largestExpert = max(largestExpert, columns * rows) }
        }
        blockCount = blocks.count
    }
}
