import Architectures
import CKernels

/// A norm whose vectors lie in a block's buffer.
struct Norm: Sendable {
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
        kind.apply(
            input, weight: weight.map { weights + $0 + head * headStride },
            bias: bias.map { weights + $0 + head * headStride }, epsilon: epsilon, count: count,
            into: output)
    }

    /// Normalises rows in place, `stride` floats apart.
    func apply(
        _ weights: UnsafePointer<Float>, to rows: UnsafeMutablePointer<Float>, count: Int,
        stride: Int
    ) {
        for row in 0..<count {
            apply(weights, rows + row * stride, into: rows + row * stride)
        }
    }
}

extension BlockDescription.Norm.Kind {
    /// Normalises one row of `count` values; `output` may be `input`.
    func apply(
        _ input: UnsafePointer<Float>, weight: UnsafePointer<Float>?, bias: UnsafePointer<Float>?,
        epsilon: Float, count: Int, into output: UnsafeMutablePointer<Float>
    ) {
        switch self {
        case .rootMeanSquare: ingot_rms_norm(input, weight, epsilon, count, output)
        case .layer: ingot_layer_norm(input, weight, bias, epsilon, count, output)
        }
    }
}

/// A norm of embeddings, or of what the last block gives.
struct VectorNorm: Sendable {
    private let norm: BlockDescription.Norm
    private let weight: [Float]?
    private let bias: [Float]?
    private let count: Int

    init?(_ norm: BlockDescription.Norm?, count: Int, _ tensorIndex: TensorIndex) throws {
        guard let norm else { return nil }
        self.norm = norm
        self.count = count
        weight = try norm.weight.map { try tensorIndex.vector($0, count: count) }
        bias = try norm.bias.map { try tensorIndex.vector($0, count: count) }
    }

    /// Normalises one row; `output` may be `input`.
    func apply(_ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
        norm.kind.apply(
            input, weight: weight, bias: bias, epsilon: norm.epsilon, count: count, into: output)
    }
}
