import Architectures
import CKernels

/// A norm whose weights are learned: forward, and backward through it.
struct NormGradient {
    private let kind: BlockDescription.Norm.Kind
    private let epsilon: Float
    /// The tensor of its weights; `nil` where it has none.
    private let name: String?
    private let bias: [Float]?
    /// The length of a row.
    private let count: Int

    init?(_ norm: BlockDescription.Norm?, count: Int, _ model: Model) throws {
        guard let norm else { return nil }
        kind = norm.kind
        epsilon = norm.epsilon
        name = norm.weight
        self.count = count
        bias = try norm.bias.map { try model.tensorIndex.vector($0, count: count) }
    }

    /// Normalises rows `stride` apart; `output` may be `input`.
    func apply(
        _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, rows: Int,
        strides: (input: Int, output: Int), _ norms: NormWeights
    ) {
        let weight = name.flatMap { norms.values[$0] }
        for row in 0..<rows {
            let (source, target) = (input + row * strides.input, output + row * strides.output)
            switch kind {
            case .rootMeanSquare: ingot_rms_norm(source, weight, epsilon, count, target)
            case .layer: ingot_layer_norm(source, weight, bias, epsilon, count, target)
            }
        }
    }

    /// Turns gradients of what the norm gave into those of what it took, and adds to the weights'.
    ///
    /// - Parameters:
    ///   - input: What the norm took.
    ///   - gradient: Rows of the output's gradient; those of the input's take their place.
    func backward(
        _ input: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, rows: Int,
        strides: (input: Int, gradient: Int), _ norms: NormWeights
    ) {
        let weight = name.flatMap { norms.values[$0] }
        var sums = name.flatMap { norms.gradients[$0] }
        for row in 0..<rows {
            let (x, g) = (input + row * strides.input, gradient + row * strides.gradient)
            let (mean, scale) = statistics(x)
            var (weighted, product) = (0.0, 0.0)
            for index in 0..<count {
                let normed = (x[index] - mean) * scale
                sums?[index] += g[index] * normed
                if let weight { g[index] *= weight[index] }
                weighted += Double(g[index])
                product += Double(g[index]) * Double(normed)
            }
            let share = Float(product / Double(count))
            let shift = kind == .layer ? Float(weighted / Double(count)) : 0
            for index in 0..<count {
                g[index] = (g[index] - shift - (x[index] - mean) * scale * share) * scale
            }
        }
        if let name { norms.gradients[name] = sums }
    }

    /// The mean (0 where it does not count) and the inverse of the length.
    private func statistics(_ x: UnsafePointer<Float>) -> (mean: Float, scale: Float) {
        var mean = 0.0
        if kind == .layer {
            for index in 0..<count { mean += Double(x[index]) }
            mean /= Double(count)
        }
        var squares = 0.0
        for index in 0..<count {
            let value = Double(x[index]) - mean
            squares += value * value
        }
        let variance = squares / Double(count) + Double(epsilon)
        return (Float(mean), Float(1 / variance.squareRoot()))
    }
}

/// The weights of a model's norms by tensor, and what a loss says of them.
package final class NormWeights {
    /// The weights.
    package var values: [String: [Float]]
    /// The gradients, added to by every backward pass.
    package var gradients: [String: [Float]]

    init(_ values: [String: [Float]]) {
        self.values = values
        gradients = values.mapValues { [Float](repeating: 0, count: $0.count) }
    }

    /// Sets all gradients to zero.
    package func clearGradients() {
        gradients = values.mapValues { [Float](repeating: 0, count: $0.count) }
    }
}
