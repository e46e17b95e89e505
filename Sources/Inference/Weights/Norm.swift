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
        let weight = weight.map { weights + $0 + head * headStride }
        switch kind {
        case .rootMeanSquare: ingot_rms_norm(input, weight, epsilon, count, output)
        case .layer:
            ingot_layer_norm(
                input, weight, bias.map { weights + $0 + head * headStride }, epsilon, count,
                output)
        }
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
