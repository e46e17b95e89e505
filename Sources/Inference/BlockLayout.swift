import Architectures
import CKernels
import GGUF
import Quantization
import TensorCore

/// A tensor's rows and where in a buffer of floats their values go.
struct Piece: Sendable {
    var tensor: Int
    var rowCount: Int
    var rowLength: Int
    var offset: Int
    /// How the rows are held as codes; `nil` where they are always decoded.
    var coded: CodedMatrix?

    /// Whether the values in the buffer are finite; `isCoded` says that matrices with codes are
    /// held so.
    func isFinite(in buffer: FloatBuffer, isCoded: Bool) -> Bool {
        if isCoded, let coded { return coded.isFinite(at: buffer.base + offset) }
        return ingot_all_finite(buffer.base + offset, rowCount * rowLength)
    }
}

/// A norm whose vectors lie in a buffer.
struct NormPlan: Sendable {
    var kind: BlockDescription.Norm.Kind
    var epsilon: Float
    var weight: Int?
    var bias: Int?
    /// The length of a row.
    var count: Int
    /// The floats from the weights of one head to those of the next; 0 where they share them.
    var headStride = 0

    /// Normalises one row; `output` may be `input`.
    func apply(
        _ weights: UnsafePointer<Float>, _ input: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>, head: Int = 0
    ) {
        let weight = weight.map { weights + $0 + head * headStride }
        switch kind {
        case .rootMeanSquare: ingot_rms_norm(input, weight, epsilon, count, output)
        case .layer:
            ingot_layer_norm(
                input, weight, bias.map { weights + $0 + head * headStride }, epsilon, count,
                output)
        }
    }
}

/// How the matrices of linear layers lie in a block's buffer.
enum MatrixLayout {
    /// Decoded, those of a stack row under row.
    case floats
    /// As codes where they have codes.
    case codes
    /// Not at all: they are held elsewhere.
    case apart
}

/// Hands out places in a buffer of weights, and checks every tensor's shape.
struct BlockLayout {
    let catalogue: Catalogue
    let matrices: MatrixLayout
    /// For the tensors of experts: how many there are.
    ///
    /// Their tensors have a further dimension, and
    /// the layout is that of one of them.
    var expertCount: Int?
    /// What to decode.
    private(set) var pieces: [Piece] = []
    /// Biases that a stack has room for and the model does not have.
    private(set) var zeros: [Range<Int>] = []
    /// The length of the buffer.
    private(set) var floatCount = 0

    init(catalogue: Catalogue, matrices: MatrixLayout, expertCount: Int? = nil) {
        self.catalogue = catalogue
        self.matrices = matrices
        self.expertCount = expertCount
    }

    /// Room for `count` floats after what is there, aligned to 16 floats.
    private mutating func take(_ count: Int, aligned: Bool = true) throws(InferenceError) -> Int {
        let start = aligned ? floatCount.aligned(to: 16) : floatCount
        guard let start, let end = start.adding(checked: count) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: catalogue.source.path)
        }
        floatCount = end
        return start
    }

    /// Room for a tensor of this shape (of each expert).
    mutating func tensor(
        _ name: String, shape: [Int], aligned: Bool = true
    ) throws(InferenceError) -> Int {
        let tensor = try catalogue.tensor(name, shape: (expertCount.map { [$0] } ?? []) + shape)
        // The tensor has this shape, so the products do not overflow.
        let rowLength = shape[shape.count - 1]
        let rowCount = shape.dropLast().reduce(1, *)
        let offset = try take(rowCount * rowLength, aligned: aligned)
        pieces.append(
            Piece(tensor: tensor, rowCount: rowCount, rowLength: rowLength, offset: offset))
        return offset
    }

    /// Room for a norm of rows of `count`, with weights for each of `heads` heads where given.
    mutating func norm(
        _ norm: BlockDescription.Norm?, count: Int, heads: Int? = nil
    ) throws(InferenceError) -> NormPlan? {
        guard let norm else { return nil }
        let shape = (heads.map { [$0] } ?? []) + [count]
        var plan = NormPlan(kind: norm.kind, epsilon: norm.epsilon, count: count)
        if let name = norm.weight { plan.weight = try tensor(name, shape: shape) }
        if let name = norm.bias { plan.bias = try tensor(name, shape: shape) }
        if heads != nil { plan.headStride = count }
        return plan
    }

    /// Room for a matrix of a stack (of each expert).
    private mutating func matrix(
        _ projection: BlockDescription.Projection, outputs: Range<Int>
    ) throws(InferenceError) -> Stack.Part {
        let (rowCount, rowLength) = (projection.outputs, projection.inputs)
        let number = try catalogue.tensor(
            projection.weight, shape: (expertCount.map { [$0] } ?? []) + [rowCount, rowLength])
        let format = catalogue.source.tensors[number].format
        let coded = CodedMatrix(format: format, rowCount: rowCount, rowLength: rowLength)
        var offset = floatCount
        if matrices != .apart {
            let isCoded = matrices == .codes && coded != nil
            offset = try take(
                isCoded ? coded?.floatCount ?? 0 : rowCount * rowLength, aligned: isCoded)
            pieces.append(
                Piece(
                    tensor: number, rowCount: rowCount, rowLength: rowLength, offset: offset,
                    coded: coded))
        }
        return Stack.Part(
            tensor: projection.weight, number: number, outputs: outputs, offset: offset,
            coded: coded, rounding: Rounding(format, coded: coded))
    }

    /// Room for matrices that take the same input.
    mutating func stack(
        _ projections: [BlockDescription.Projection]
    ) throws(InferenceError) -> Stack {
        guard let inputs = projections.first?.inputs else {
            preconditionFailure("a stack of no matrices")
        }
        var plan = Stack(offset: try take(0), outputs: 0, inputs: inputs, parts: [])
        for projection in projections {
            let end = plan.outputs + projection.outputs
            plan.parts.append(try matrix(projection, outputs: plan.outputs..<end))
            plan.outputs = end
        }
        guard projections.contains(where: { $0.bias != nil }) else { return plan }
        plan.bias = try take(0)
        for projection in projections {
            if let name = projection.bias {
                _ = try tensor(name, shape: [projection.outputs], aligned: false)
            } else {
                let offset = try take(projection.outputs, aligned: false)
                zeros.append(offset..<offset + projection.outputs)
            }
        }
        return plan
    }
}
