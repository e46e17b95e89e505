import Architectures
import CKernels
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What comes behind a model's last row: pooling, then layers or a classifier.
struct PoolingHead {
    let pooling: Pooling
    /// The length of what is made.
    let length: Int
    private let width: Int
    private let path: String
    private let layers: [DenseStack]
    private let classifier: Classifier?
    private let pool: WorkerPool

    private struct Classifier {
        let dense: DenseStack?
        let activation: ClassifierHead.Activation
        let norm: VectorNorm?
        let output: DenseStack
        let pooling: Pooling
    }

    /// - Parameter pooling: `nil` for the model's.
    init(_ model: Model, pooling: Pooling?, pool: WorkerPool) throws {
        try PoolingHead.check(model, pooling)
        self.pooling = pooling ?? model.usualPooling
        self.pool = pool
        width = model.width
        path = model.path
        if self.pooling == .rank {
            let classifier = try model.description.classifier.map {
                try PoolingHead.classifier($0, model, pool)
            }
            self.classifier = classifier
            layers = []
            length = classifier?.output.outputs ?? 0
        } else {
            classifier = nil
            // Rows of single tokens are the model's own.
            layers = try (self.pooling == .none ? [] : model.description.poolingLayers).map {
                try DenseStack([$0], model, pool)
            }
            length = layers.last?.outputs ?? width
        }
    }

    /// Throws where a model has not what the pooling asks for.
    static func check(_ model: Model, _ pooling: Pooling?) throws(InferenceError) {
        if pooling ?? model.usualPooling == .rank, model.description.classifier == nil {
            throw InferenceError(.noClassifier, path: model.path)
        }
    }

    private static func classifier(
        _ head: ClassifierHead, _ model: Model, _ pool: WorkerPool
    ) throws -> Classifier {
        let answers = try model.tensorIndex.matrix(head.output, rowLength: model.width).rowCount
        return Classifier(
            dense: try head.dense.map { try DenseStack([$0], model, pool) },
            activation: head.activation,
            norm: try VectorNorm(head.norm, count: model.width, model.tensorIndex),
            output: try DenseStack(
                [
                    .init(
                        head.output, bias: head.outputBias, outputs: answers, inputs: model.width)
                ], model, pool), pooling: head.pooling)
    }

    /// Which of a text's tokens have rows that are wanted.
    func wanted(of count: Int) -> Range<Int> {
        switch classifier?.pooling ?? pooling {
        case .none, .mean, .rank: 0..<count
        case .cls: 0..<min(1, count)
        case .last: max(0, count - 1)..<count
        }
    }

    /// What is made of the wanted rows, `(row, E)`.
    func vector(of rows: ArraySlice<Float>) throws -> [Float] {
        if pooling == .none { return Array(rows) }
        guard !rows.isEmpty else { return [Float](repeating: 0, count: length) }
        var vector = mean(rows)
        for layer in layers { vector = try apply(layer, to: vector) }
        if let classifier { vector = try answers(classifier, vector) }
        guard vector.allSatisfy(\.isFinite) else {
            throw InferenceError(.notFinite(what: "a text's vector"), path: path)
        }
        return vector
    }

    /// The mean of rows, summed in F64; of one row itself.
    private func mean(_ rows: ArraySlice<Float>) -> [Float] {
        let count = rows.count / width
        guard count > 1 else { return Array(rows) }
        var sums = [Double](repeating: 0, count: width)
        for row in 0..<count {
            let first = rows.startIndex + row * width
            for column in 0..<width { sums[column] += Double(rows[first + column]) }
        }
        return sums.map { Float($0 / Double(count)) }
    }

    private func apply(_ layer: DenseStack, to vector: [Float]) throws -> [Float] {
        let input = try Rows(1, length: vector.count)
        vector.withUnsafeBufferPointer {
            if let base = $0.baseAddress { input.base.update(from: base, count: $0.count) }
        }
        let output = try layer.apply(input, pool)
        return Array(UnsafeBufferPointer(start: output.base, count: layer.outputs))
    }

    private func answers(_ classifier: Classifier, _ vector: [Float]) throws -> [Float] {
        var vector = vector
        if let dense = classifier.dense {
            vector = try apply(dense, to: vector)
            vector.withUnsafeMutableBufferPointer { values in
                guard let base = values.baseAddress else { return }
                switch classifier.activation {
                case .tanh: for index in values.indices { values[index] = tanh(values[index]) }
                case .relu: ingot_relu(base, nil, values.count)
                case .gelu: ingot_gelu(base, nil, values.count)
                }
                classifier.norm?.apply(base, into: base)
            }
        }
        return try apply(classifier.output, to: vector)
    }
}
