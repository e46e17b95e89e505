import Architectures
import CKernels
import GGUF
import Quantization
import TensorCore

/// Linear layers that take the same input, decoded: forward, and backward to the input.
struct DenseStack {
    let inputs: Int
    let outputs: Int
    private let weights: FloatBuffer
    private let bias: [Float]?

    init(_ projections: [BlockDescription.Projection], _ model: Model, _ pool: WorkerPool) throws {
        inputs = projections.first?.inputs ?? 0
        outputs = projections.reduce(0) { $0 + $1.outputs }
        weights = try Rows(outputs, length: inputs).floatBuffer
        var biases: [Float] = []
        var first = 0
        for projection in projections {
            let tensor = try model.tensorIndex.number(
                projection.weight, shape: [projection.outputs, projection.inputs])
            try model.decode(
                tensor, rows: 0..<projection.outputs, rowLength: inputs,
                into: weights.base + first * inputs, pool)
            biases +=
                try projection.bias.map {
                    try model.tensorIndex.vector($0, count: projection.outputs)
                } ?? [Float](repeating: 0, count: projection.outputs)
            first += projection.outputs
        }
        bias = projections.contains { $0.bias != nil } ? biases : nil
    }

    private var matrix: MatrixView<Float> {
        MatrixView(weights.base, rows: outputs, columns: inputs)
    }

    /// `W x + b` for every row; of rows longer than the input the first numbers count.
    func apply(_ rows: Rows, _ pool: WorkerPool) throws(InferenceError) -> Rows {
        let result = try Rows(rows.count, length: outputs)
        OrderedProduct.multiply(
            MatrixView(rows.base, rows: rows.count, columns: inputs, stride: rows.length),
            matrix.transposed,
            into: MutableMatrixView(result.base, rows: rows.count, columns: outputs), pool: pool)
        if let bias {
            for row in 0..<rows.count { ingot_add(result.row(row), bias, outputs) }
        }
        return result
    }

    /// The input's gradient of the output's.
    func backward(_ gradient: Rows, _ pool: WorkerPool) throws(InferenceError) -> Rows {
        let result = try Rows(gradient.count, length: inputs)
        OrderedProduct.multiply(
            MatrixView(gradient.base, rows: gradient.count, columns: outputs), matrix,
            into: MutableMatrixView(result.base, rows: gradient.count, columns: inputs),
            pool: pool)
        return result
    }
}

extension Model {
    /// Decodes rows of a tensor with all threads.
    func decode(
        _ tensor: Int, rows: Range<Int>, rowLength: Int, into base: UnsafeMutablePointer<Float>,
        _ pool: WorkerPool
    ) throws {
        let step = DecodingJob.rowCount(rowLength: rowLength)
        let place = MutableMatrixView(base, rows: rows.count, columns: rowLength)
        try pool.run(jobCount: (rows.count + step - 1) / step) { _, job in
            let first = job * step
            let last = min(rows.count, first + step)
            try source.readRows(
                rows.lowerBound + first..<rows.lowerBound + last, ofTensor: tensor,
                into: place.base + first * rowLength, scratch: ScratchBuffer())
        }
    }
}
