import GGUF
import TensorCore

/// The weights of a model, counted for what work takes.
struct WeightCounts {
    /// All weights.
    private(set) var all = 0.0
    /// Those that a token is multiplied by.
    private(set) var active = 0.0
    /// The lengths of all inputs of linear layers, experts counted each.
    private(set) var inputs = 0.0
    /// The weights of the largest block, experts not counted.
    private(set) var largestBlock = 0
    /// The weights of the largest matrix of an expert.
    private(set) var largestExpert = 0
    private(set) var longestRow = 0
    private(set) var blockCount = 0
    /// The length of the residual stream's rows.
    let width: Int
    /// Which part of the experts a token takes.
    private let expertShare: Double
    /// Linear layers: columns, rows and how many matrices there are.
    private var matrices: [(columns: Double, rows: Double, count: Double)] = []
    /// The squares of columns of one block's inputs, as the moments that are in memory at a time.
    private var largestMoments = 0.0

    init(_ source: any TensorSource) {
        let architecture = source.metadata["general.architecture"]?.text ?? ""
        func number(_ key: String) -> Int? { source.metadata["\(architecture).\(key)"]?.integer }
        width = min(max(number("embedding_length") ?? 0, 0), 1 << 20)
        let (experts, used) = (number("expert_count") ?? 0, number("expert_used_count") ?? 0)
        expertShare = experts > 0 ? min(1, Double(max(used, 1)) / Double(experts)) : 1
        var blocks: [Substring: (plain: Int, moments: Double)] = [:]
        for tensor in source.tensors {
            let count = tensor.shape.elementCount
            all += Double(count)
            longestRow = max(longestRow, tensor.shape.rowLength)
            let parts = tensor.name.split(separator: ".")
            let block = parts.count > 2 && parts[0] == "blk" ? parts[1] : ""
            let isExpert = tensor.shape.rank > 2
            if !isExpert, !block.isEmpty { blocks[block, default: (0, 0)].plain += count }
            guard tensor.shape.rank > 1, tensor.name != "token_embd.weight" else { continue }
            active += Double(count) * (isExpert ? expertShare : 1)
            add(tensor.shape, isExpert: isExpert, block: block, to: &blocks)
        }
        blockCount = blocks.keys.count { !$0.isEmpty }
        largestBlock = blocks.filter { !$0.key.isEmpty }.values.map(\.plain).max() ?? 0
        largestMoments = blocks.values.map(\.moments).max() ?? 0
    }

    private mutating func add(
        _ shape: Shape, isExpert: Bool, block: Substring,
        to blocks: inout [Substring: (plain: Int, moments: Double)]
    ) {
        let columns = Double(shape.rowLength)
        let rows = Double(shape.dimensions[shape.rank - 2])
        let count = Double(shape.elementCount) / max(1, columns * rows)
        inputs += columns * count
        matrices.append((columns, rows, count))
        if isExpert { largestExpert = max(largestExpert, Int(columns * rows)) }
        // Matrices with one input share its moments: about half of them do.
        let stretch = min(columns, 8192)
        blocks[block, default: (0, 0)].moments += 8 * stretch * columns * count
    }

    /// Floating-point operations of summing the moments of all inputs, of which about half the
    /// matrices share one with another.
    func moments(tokens: Double) -> Double {
        matrices.reduce(0) { sum, matrix in
            let seen = matrix.count > 1 ? tokens * expertShare : tokens
            return sum + matrix.count * seen * min(matrix.columns, 8192) * matrix.columns * 0.6
        }
    }

    /// Floating-point operations of factoring the moments and feeding errors back, for one format.
    var feedback: Double {
        matrices.reduce(0) { sum, matrix in
            let stretch = min(matrix.columns, 8192)
            return sum + matrix.count * stretch * matrix.columns * (stretch * 4 / 3 + matrix.rows)
        }
    }

    /// Bytes that this takes: the rows, the largest block's moments and their factors, panels.
    func calibrationMemory(tokens: Double, cores: Int) -> Int {
        let rows = tokens * Double(width) * 4
        let panels = Double(cores * 256 * longestRow * 4)
        return Int(min(rows + 2 * largestMoments + panels + 8 * Double(largestBlock), 1e15))
    }
}
