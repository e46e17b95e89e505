import Architectures
import CKernels
import Quantization
import TensorCore

/// A feed-forward network: forward with what the way back needs, and backward to its input.
struct NetworkGradient {
    private let description: BlockDescription.Network
    private let input: DenseStack
    private let output: DenseStack

    /// What the way back needs: gate and up, or up alone, before the activation.
    struct Tape {
        var hidden: Rows
    }

    init(
        _ network: BlockDescription.Network, _ model: Model, _ pool: WorkerPool
    ) throws {
        description = network
        input = try DenseStack(network.input, model, pool)
        output = try DenseStack([network.output], model, pool)
    }

    func apply(
        _ rows: Rows, _ pool: WorkerPool
    ) throws(InferenceError) -> (result: Rows, tape: Tape) {
        let hidden = try input.apply(rows, pool)
        let active = try Rows(copying: hidden)
        let width = output.inputs
        pool.runAll(jobCount: rows.count) { _, row in
            let gate = active.row(row)
            activate(gate, description.isGated ? gate + width : nil, width)
        }
        return (try output.apply(active, pool), Tape(hidden: hidden))
    }

    private func activate(
        _ gate: UnsafeMutablePointer<Float>, _ up: UnsafePointer<Float>?, _ count: Int
    ) {
        switch description.activation {
        case .silu: ingot_silu(gate, up, count)
        case .geluTanh: ingot_gelu_tanh(gate, up, count)
        case .gelu: ingot_gelu(gate, up, count)
        case .relu: ingot_relu(gate, up, count)
        case .reluSquared: ingot_relu_squared(gate, up, count)
        case .clampedSwiGLU, .limitedSwiGLU, .cutSwiGLU, .situ, .xIELU:
            preconditionFailure("an activation without a slope")
        }
    }

    private func slope(_ gate: UnsafeMutablePointer<Float>, _ count: Int) {
        switch description.activation {
        case .silu: ingot_silu_slope(gate, count)
        case .geluTanh: ingot_gelu_tanh_slope(gate, count)
        case .gelu: ingot_gelu_slope(gate, count)
        case .relu: ingot_relu_slope(gate, count)
        case .reluSquared: ingot_relu_squared_slope(gate, count)
        case .clampedSwiGLU, .limitedSwiGLU, .cutSwiGLU, .situ, .xIELU:
            preconditionFailure("an activation without a slope")
        }
    }

    /// Whether there is a slope for an activation.
    static func hasSlope(_ activation: BlockDescription.Activation) -> Bool {
        switch activation {
        case .silu, .geluTanh, .gelu, .relu, .reluSquared: true
        case .clampedSwiGLU, .limitedSwiGLU, .cutSwiGLU, .situ, .xIELU: false
        }
    }

    /// The gradient of the input, of that of the output.
    func backward(
        _ gradient: Rows, _ tape: Tape, _ pool: WorkerPool
    ) throws(InferenceError) -> Rows {
        let above = try output.backward(gradient, pool)
        let result = try Rows(gradient.count, length: input.outputs)
        let width = output.inputs
        pool.runAll(jobCount: gradient.count) { _, row in
            let (target, from, gate) = (result.row(row), above.row(row), tape.hidden.row(row))
            if description.isGated {
                (target + width).update(from: gate, count: width)
                activate(target + width, nil, width)
                let up = gate + width
                target.update(from: gate, count: width)
                slope(target, width)
                for index in 0..<width {
                    target[width + index] *= from[index]
                    target[index] *= from[index] * up[index]
                }
            } else {
                target.update(from: gate, count: width)
                slope(target, width)
                for index in 0..<width { target[index] *= from[index] }
            }
        }
        return try input.backward(result, pool)
    }
}
