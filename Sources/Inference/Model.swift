public import Architectures
public import GGUF
import TensorCore

/// A model that can be run: a tensor source whose metadata describe a decoder and whose tensors
/// have the shapes that the description asks for.
///
/// Weights stay where the source keeps them, in the format it keeps them in; a decoder reads them
/// a block at a time.
public struct Model: Sendable {
    /// Where the weights are.
    public let source: any TensorSource
    /// How the decoder runs.
    public let description: DecoderDescription
    /// The number of tokens that have logits.
    public let vocabularyCount: Int

    let tensorIndex: TensorIndex
    let blocks: [Block]
    let tokenEmbedding: Int
    let output: Int
    let outputBias: [Float]?
    let outputNorm: VectorNorm?
    let embeddingNorm: VectorNorm?
    /// The matrix of learned positions and how many it has.
    let positionEmbedding: (number: Int, rowCount: Int)?
    /// What the second of several streams is in front of the first block, where a tensor says.
    let secondStream: [Float]?
    /// Embeddings of the first two kinds of segments, `(kind, E)`.
    let segmentEmbedding: [Float]?
    /// The tensors of the rows that tokens have for every block.
    let layerEmbedding: LayerTensors?
    /// The angle divisors of rotations, by tensor name.
    let rotaryFactors: [String: [Float]]

    /// Opens a GGUF file, or all parts of a split model by its first.
    ///
    /// - Throws: `FileError` or `GGUFError` when it cannot be read, `DecoderDescriptionError` when
    ///   its architecture or metadata are not understood, `InferenceError` when a tensor is missing
    ///   or of the wrong shape or format.
    public init(path: String) throws { try self.init(source: SplitSource.open(path: path)) }

    /// Takes the tensors of any source, run as its metadata say.
    public init(source: any TensorSource) throws {
        try source.requireModel()
        let tensorIndex = TensorIndex(source)
        try self.init(
            source: source,
            description: DecoderDescription(
                metadata: source.metadata, hasTensor: { tensorIndex.has($0) },
                rowCount: { tensorIndex.rowCount(of: $0) }, path: source.path))
    }

    /// Takes the tensors of any source, run as `description` says.
    public init(source: any TensorSource, description: DecoderDescription) throws {
        let tensorIndex = TensorIndex(source)
        let width = description.embeddingLength
        let embedding = try tensorIndex.matrix(description.tokenEmbedding, rowLength: width)
        let output = try tensorIndex.matrix(description.output, rowLength: width)
        guard output.rowCount == embedding.rowCount, output.rowCount <= Int(Int32.max) else {
            throw InferenceError(
                .shape(
                    found: "[\(output.rowCount), \(width)]",
                    expected: "[\(embedding.rowCount), \(width)]"), path: source.path,
                place: description.output)
        }
        var blocks: [Block] = []
        var factors: [String: [Float]] = [:]
        for block in description.blocks {
            blocks.append(
                try Block(block, width: width, tensors: tensorIndex, matrices: .floats))
            guard let rotary = block.rotary else { continue }
            for name in [rotary.factors, rotary.longFactors?.tensor].compactMap({ $0 })
            where factors[name] == nil {
                factors[name] = try tensorIndex.vector(
                    name, count: max(rotary.factorCount ?? 0, rotary.dimensionCount / 2))
            }
        }
        self.source = source
        self.description = description
        self.tensorIndex = tensorIndex
        self.blocks = blocks
        vocabularyCount = output.rowCount
        tokenEmbedding = embedding.number
        self.output = output.number
        outputBias = try description.outputBias.map {
            try tensorIndex.vector($0, count: output.rowCount)
        }
        outputNorm = try VectorNorm(description.outputNorm, count: width, tensorIndex)
        embeddingNorm = try VectorNorm(description.embeddingNorm, count: width, tensorIndex)
        positionEmbedding = try description.positionEmbedding.map {
            try tensorIndex.matrix($0, rowLength: width)
        }
        if case .firstAnd(let name) = description.streamStart {
            secondStream = try tensorIndex.vector(name, count: width)
        } else {
            secondStream = nil
        }
        segmentEmbedding = try description.segmentEmbedding.map { name in
            let kinds = try tensorIndex.matrix(name, rowLength: width)
            return try tensorIndex.rows(
                0..<min(kinds.rowCount, 2), of: kinds.number, length: width)
        }
        rotaryFactors = factors
        layerEmbedding = try description.layerEmbedding.map {
            try LayerTensors(
                $0, blockCount: blocks.count, width: width, vocabularyCount: embedding.rowCount,
                tensorIndex)
        }
    }

    /// The blocks with their matrices held otherwise.
    func blocks(matrices: MatrixStorage) throws(InferenceError) -> [Block] {
        if case .floats = matrices { return blocks }
        return try description.blocks.map { block throws(InferenceError) in
            try Block(
                block, width: description.embeddingLength, tensors: tensorIndex, matrices: matrices)
        }
    }

    /// The first block that a matrix takes part in; 0 for one that is needed before the blocks, the
    /// number of blocks for the output matrix.
    ///
    /// - Complexity: O(matrices of the model).
    public func firstBlock(ofMatrix tensor: Int) -> Int {
        let block = blocks.firstIndex { block in
            block.stacks.contains { $0.parts.contains { $0.number == tensor } }
        }
        return block ?? (tensor == output && tensor != tokenEmbedding ? blocks.count : 0)
    }

    /// Whether tokens have rows for blocks: embeddings for each, or the token's once more.
    var hasLayerRows: Bool { layerEmbedding != nil || description.keepsEmbeddings }

    /// Whether some block has a recurrence, or tokens choose what those after them take.
    var hasRecurrence: Bool {
        description.adapterChoice != nil
            || description.blocks.contains { block in
                if case .recurrence = block.mixer { return true }
                return block.parallelMixer != nil
            }
    }

    /// The path that messages name.
    public var path: String { source.path }
    /// The context that the model was trained with.
    public var contextLength: Int { description.contextLength }
}

/// Where the rows come from that tokens have for every block.
struct LayerTensors: Sendable {
    let description: LayerEmbedding
    let embedding: Int
    let projection: Int
    let norm: VectorNorm?

    init(
        _ description: LayerEmbedding, blockCount: Int, width: Int, vocabularyCount: Int,
        _ tensorIndex: TensorIndex
    ) throws {
        self.description = description
        let length = blockCount * description.length
        embedding = try tensorIndex.number(description.embedding, shape: [vocabularyCount, length])
        projection = try tensorIndex.number(description.projection, shape: [length, width])
        norm = try VectorNorm(description.norm, count: description.length, tensorIndex)
    }
}
