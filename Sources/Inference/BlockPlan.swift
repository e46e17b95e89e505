import Architectures
import GGUF
import Quantization
import TensorCore

/// Where the weights of one block lie in a buffer of floats, and which tensors they come from.
///
/// Matrices that take the same input are stacked (queries, keys, values; gate, up), so that one
/// product serves them all.
struct BlockPlan: Sendable {
    /// Matrices stacked row under row, with a bias for every row or none.
    struct Stack: Sendable {
        var offset: Int
        var outputs: Int
        var inputs: Int
        var bias: Int?
    }

    /// A norm whose vectors lie in the buffer.
    struct Norm: Sendable {
        var kind: BlockDescription.Norm.Kind
        var epsilon: Float
        var weight: Int?
        var bias: Int?
        var count: Int
    }

    /// A tensor and where its values go.
    struct Piece: Sendable {
        var tensor: Int
        var rowCount: Int
        var rowLength: Int
        var offset: Int
    }

    let description: BlockDescription
    /// What to decode.
    let pieces: [Piece]
    /// Biases that a stack has room for and the model does not have.
    let zeros: [Range<Int>]
    /// The length of the buffer.
    let floatCount: Int
    let attentionNorm: Norm?
    let queryNorm: Norm?
    let keyNorm: Norm?
    let postAttentionNorm: Norm?
    let feedForwardNorm: Norm?
    let postFeedForwardNorm: Norm?
    let attentionInput: Stack
    let attentionOutput: Stack
    let feedForwardInput: Stack
    let feedForwardOutput: Stack

    /// Lays out a block; every shape is checked against the description.
    init(
        _ description: BlockDescription, width: Int, catalogue: Catalogue
    ) throws(InferenceError) {
        var layout = BlockLayout(catalogue: catalogue)
        let attention = description.attention
        attentionNorm = try layout.norm(description.attentionNorm, count: width)
        queryNorm = try layout.norm(attention.queryNorm, count: attention.keyLength)
        keyNorm = try layout.norm(attention.keyNorm, count: attention.keyLength)
        postAttentionNorm = try layout.norm(description.postAttentionNorm, count: width)
        feedForwardNorm = try layout.norm(description.feedForwardNorm, count: width)
        postFeedForwardNorm = try layout.norm(description.postFeedForwardNorm, count: width)
        attentionInput = try layout.stack(attention.input)
        attentionOutput = try layout.stack([attention.output])
        feedForwardInput = try layout.stack(description.feedForward.input)
        feedForwardOutput = try layout.stack([description.feedForward.output])
        pieces = layout.pieces
        zeros = layout.zeros
        floatCount = layout.floatCount
        self.description = description
    }

    /// The pieces cut into jobs of about a millisecond.
    var decodingJobs: [(piece: Piece, rows: Range<Int>)] {
        pieces.flatMap { piece in
            let rows = max(1, (1 << 18) / max(1, piece.rowLength))
            return stride(from: 0, to: piece.rowCount, by: rows).map {
                (piece, $0..<min(piece.rowCount, $0 + rows))
            }
        }
    }
}

/// A model's tensors by name.
struct Catalogue: Sendable {
    let source: any TensorSource
    private let numbers: [ByteString: Int]

    init(_ source: any TensorSource) {
        self.source = source
        numbers = Dictionary(
            source.tensors.enumerated().map { (ByteString($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    func has(_ name: String) -> Bool { numbers[ByteString(name)] != nil }

    /// The number of the tensor `name`, which must have this shape and be decodable.
    func tensor(_ name: String, shape: [Int]) throws(InferenceError) -> Int {
        guard let number = numbers[ByteString(name)] else {
            throw InferenceError(
                .missingTensor(expected: "\(shape)"), path: source.path, place: name)
        }
        let found = source.tensors[number]
        guard found.shape.dimensions == shape else {
            throw InferenceError(
                .shape(found: "\(found.shape)", expected: "\(shape)"), path: source.path,
                place: name)
        }
        try checkFormat(number)
        return number
    }

    /// The number of a matrix whose row count the metadata do not tell.
    func matrix(
        _ name: String, rowLength: Int
    ) throws(InferenceError) -> (number: Int, rowCount: Int) {
        guard let number = numbers[ByteString(name)] else {
            throw InferenceError(
                .missingTensor(expected: "[rows, \(rowLength)]"), path: source.path, place: name)
        }
        let shape = source.tensors[number].shape
        guard shape.rank == 2, shape.rowLength == rowLength, shape.rowCount > 0 else {
            throw InferenceError(
                .shape(found: "\(shape)", expected: "[rows, \(rowLength)]"), path: source.path,
                place: name)
        }
        try checkFormat(number)
        return (number, shape.rowCount)
    }

    private func checkFormat(_ number: Int) throws(InferenceError) {
        let found = source.tensors[number]
        guard found.format.decode != nil else {
            throw InferenceError(
                .undecodable(format: found.format.name), path: source.path, place: found.name)
        }
    }

    /// The values of a vector.
    func vector(_ name: String, count: Int) throws -> [Float] {
        let number = try tensor(name, shape: [count])
        return try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            try source.readRows(0..<1, ofTensor: number, into: base, scratch: ScratchBuffer())
            filled = count
        }
    }
}

/// Hands out places in a block's buffer.
private struct BlockLayout {
    let catalogue: Catalogue
    var pieces: [BlockPlan.Piece] = []
    var zeros: [Range<Int>] = []
    var floatCount = 0

    init(catalogue: Catalogue) { self.catalogue = catalogue }

    /// Room for `count` floats after what is there, aligned to 16 floats.
    mutating func take(_ count: Int, aligned: Bool = true) throws(InferenceError) -> Int {
        let start = aligned ? floatCount.aligned(to: 16) : floatCount
        guard let start, let end = start.adding(checked: count) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: catalogue.source.path)
        }
        floatCount = end
        return start
    }

    mutating func vector(_ name: String, count: Int, offset: Int) throws(InferenceError) {
        let tensor = try catalogue.tensor(name, shape: [count])
        pieces.append(.init(tensor: tensor, rowCount: 1, rowLength: count, offset: offset))
    }

    mutating func norm(
        _ norm: BlockDescription.Norm?, count: Int
    ) throws(InferenceError) -> BlockPlan.Norm? {
        guard let norm else { return nil }
        var plan = BlockPlan.Norm(kind: norm.kind, epsilon: norm.epsilon, count: count)
        if let name = norm.weight {
            let offset = try take(count)
            try vector(name, count: count, offset: offset)
            plan.weight = offset
        }
        if let name = norm.bias {
            let offset = try take(count)
            try vector(name, count: count, offset: offset)
            plan.bias = offset
        }
        return plan
    }

    mutating func stack(
        _ projections: [BlockDescription.Projection]
    ) throws(InferenceError) -> BlockPlan.Stack {
        guard let inputs = projections.first?.inputs else {
            preconditionFailure("a stack of no matrices")
        }
        var plan = BlockPlan.Stack(offset: try take(0), outputs: 0, inputs: inputs)
        for projection in projections {
            // The tensor has this shape, so the product does not overflow.
            let tensor = try catalogue.tensor(
                projection.weight, shape: [projection.outputs, projection.inputs])
            let offset = try take(projection.outputs * projection.inputs, aligned: false)
            pieces.append(
                .init(
                    tensor: tensor, rowCount: projection.outputs, rowLength: inputs, offset: offset)
            )
            plan.outputs += projection.outputs
        }
        guard projections.contains(where: { $0.bias != nil }) else { return plan }
        plan.bias = try take(0)
        for projection in projections {
            let offset = try take(projection.outputs, aligned: false)
            if let name = projection.bias {
                try vector(name, count: projection.outputs, offset: offset)
            } else {
                zeros.append(offset..<offset + projection.outputs)
            }
        }
        return plan
    }
}
