import Architectures
public import Inference
public import TensorCore

/// Tunes the weights of a quantized model's norms so that its predictions come closer to the
/// original's: they stay in F32 in every file, and cost no byte.
///
/// Steps of Adam go down the gradient of the mean KL divergence from the original model, on factors
/// that start at 1. Texts that are not learned from decide: weights are kept only where the divergence
/// falls on each of them, and steps that went too far are taken back and made smaller. The result is the same on every instruction set and number of threads.
///
/// Sources: Kingma and Ba, Adam, arXiv 1412.6980; Li et al., Norm Tweaking, arXiv 2309.02784.
public struct NormDistillation {
    /// How far and how fast.
    public struct Options: Sendable, Hashable {
        /// The most steps.
        public var stepCount = 32
        /// The windows that a step's gradient is the mean of.
        public var windowsPerStep = 2
        /// The largest change of a factor in the first step; it falls to a tenth in the last.
        public var rate: Float = 0.01
        /// Steps between two looks at the validation texts.
        public var checkInterval = 8

        /// The usual ones.
        public init() {}
    }

    /// What came of it.
    public struct Result: Sendable, Hashable {
        /// The weights to store, by tensor; empty where nothing was gained.
        public var norms: [String: [Float]]
        /// The mean divergence on each validation text with the weights as they were.
        public var before: [Double]
        /// The same with the weights that are kept.
        public var after: [Double]
        /// The steps after which they were what they are.
        public var stepCount: Int
    }

    private let original: Model
    private let quantized: Model
    private let training: [[Int32]]
    private let validation: [[[Int32]]]
    private let options: Options
    private let pool: WorkerPool

    /// The mechanism that a model's way back lacks, in words; `nil` where its norms can be tuned.
    public static func obstacle(in model: Model) -> String? {
        DifferentiableDecoder.obstacle(in: model.description)
    }

    /// Prepares.
    ///
    /// - Parameters:
    ///   - quantized: Of the same architecture and vocabulary as the original.
    ///   - training: Windows of tokens, taken one after the other and then again from the first.
    ///   - validation: The windows of some texts, none of them in `training`; at least one text of
    ///     another domain.
    public init(
        original: Model, quantized: Model, training: [[Int32]], validation: [[[Int32]]],
        options: Options = Options(), pool: WorkerPool = WorkerPool()
    ) {
        precondition(
            !training.isEmpty && !validation.isEmpty && validation.allSatisfy { !$0.isEmpty },
            "windows to learn from and windows to judge by")
        self.original = original
        self.quantized = quantized
        self.training = training
        self.validation = validation
        self.options = options
        self.pool = pool
    }

    /// About how many bytes `run` takes for a model whose quantized form has the same shapes.
    ///
    /// - Throws: What the model has no way back through, as reading it does.
    static func memoryByteCount(
        of model: Model, windowLengths: [Int], validationLengths: [Int], pool: WorkerPool
    ) throws -> Int {
        let longest = (windowLengths + validationLengths).max() ?? 1
        let width = model.description.embeddingLength
        let base = try Decoder(models: [model], products: .ordered, pool: pool)
        // The original and the quantized model side by side, the original's rows of all texts that
        // decide, and the weights with Adam's numbers.
        let teacher = 2 * base.stepByteCount(windowLength: longest)
        let rows = 4 * width * (validationLengths.reduce(0, +) + 2 * longest)
        let norms = 8 * 4 * DifferentiableDecoder.normElementCount(of: model)
        return teacher + rows + norms
            + DifferentiableDecoder.stepByteCount(of: model, windowLength: longest)
    }

    /// Runs the steps.
    ///
    /// - Parameter progress: Told the steps that are done, and of how many.
    /// - Throws: `InferenceError` when the vocabularies differ, when NaN or infinity appear or memory
    ///   ends; and as reading does.
    public func run(progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }) throws -> Result {
        let base = try Decoder(models: [original, quantized], products: .ordered, pool: pool)
        let teacher = Teacher(decoder: base)
        let student = try DifferentiableDecoder(quantized, pool: pool)
        var texts: [[(window: [Int32], rows: [Float])]] = []
        for windows in validation {
            texts.append(try windows.map { ($0, try teacher.rows($0)) })
        }
        let start = student.norms.values
        var result = Result(
            norms: [:], before: try judge(student, texts), after: [], stepCount: 0)
        result.after = result.before
        var adam = Adam(start)
        var (best, slowdown) = (adam, Float(1))
        for step in 0..<options.stepCount {
            student.norms.clearGradients()
            for index in 0..<options.windowsPerStep {
                let window = training[(step * options.windowsPerStep + index) % training.count]
                _ = try student.divergence(
                    of: window, from: original, try teacher.rows(window), addingGradients: true)
            }
            let share = Float(step) / Float(max(1, options.stepCount - 1))
            adam.step(
                student.norms.gradients, rate: options.rate * slowdown * (1 - 0.9 * share),
                scale: 1 / Float(options.windowsPerStep))
            student.norms.values = adam.values
            let isLast = step == options.stepCount - 1
            if isLast || (step + 1) % options.checkInterval == 0 {
                let found = try judge(student, texts)
                if found.isBetter(than: result.after, start: result.before) {
                    result.norms = student.norms.values
                    (result.after, result.stepCount) = (found, step + 1)
                    best = adam
                } else {
                    // Too far: back to where it was best, and on with smaller steps.
                    (adam, slowdown) = (best, slowdown / 4)
                    student.norms.values = adam.values
                }
            }
            progress(step + 1, options.stepCount)
        }
        return result
    }

    /// The mean divergence on each text.
    private func judge(
        _ student: DifferentiableDecoder, _ texts: [[(window: [Int32], rows: [Float])]]
    ) throws -> [Double] {
        try texts.map { windows in
            var sum = 0.0
            var count = 0
            for (window, rows) in windows {
                sum +=
                    try student.divergence(
                        of: window, from: original, rows, addingGradients: false)
                    * Double(window.count)
                count += window.count
            }
            return sum / Double(count)
        }
    }
}

extension [Double] {
    /// Whether the divergences of all texts are below those at the start, and lie lower on the whole
    /// than others.
    fileprivate func isBetter(than others: [Double], start: [Double]) -> Bool {
        func share(_ values: [Double]) -> Double {
            zip(values, start).reduce(0) { $0 + ($1.1 > 0 ? $1.0 / $1.1 : 1) }
        }
        return zip(self, start).allSatisfy { $0 < $1 } && share(self) < share(others)
    }
}

/// The original model, whose predictions are to be met.
private struct Teacher {
    let decoder: Decoder
    private let state = ForwardState()

    init(decoder: Decoder) { self.decoder = decoder }

    /// What its output matrix takes in of a window.
    func rows(_ window: [Int32]) throws -> [Float] {
        try decoder.outputRows(of: window, in: state)
    }
}

/// Steps of Adam on factors of weights.
private struct Adam {
    /// The weights.
    private(set) var values: [String: [Float]]
    private let start: [String: [Float]]
    private var factors: [String: [Float]]
    private var means: [String: [Float]]
    private var squares: [String: [Float]]
    private var corrections: (mean: Float, square: Float) = (1, 1)

    private static let decay: (mean: Float, square: Float) = (0.9, 0.99)
    private static let epsilon: Float = 1e-8

    init(_ start: [String: [Float]]) {
        self.start = start
        values = start
        factors = start.mapValues { [Float](repeating: 1, count: $0.count) }
        means = start.mapValues { [Float](repeating: 0, count: $0.count) }
        squares = means
    }

    /// A step against the gradients of the weights, times `scale`.
    mutating func step(_ gradients: [String: [Float]], rate: Float, scale: Float) {
        corrections.mean *= Adam.decay.mean
        corrections.square *= Adam.decay.square
        let (meanShare, squareShare) = (1 - corrections.mean, 1 - corrections.square)
        for (name, weights) in start {
            guard let gradient = gradients[name], var mean = means[name],
                var square = squares[name], var factor = factors[name]
            else { continue }
            for index in weights.indices {
                let slope = gradient[index] * scale * weights[index]
                mean[index] += (slope - mean[index]) * (1 - Adam.decay.mean)
                square[index] += (slope * slope - square[index]) * (1 - Adam.decay.square)
                let length = (square[index] / squareShare).squareRoot() + Adam.epsilon
                factor[index] -= rate * mean[index] / meanShare / length
            }
            values[name] = zip(weights, factor).map { $0 * $1 }
            (means[name], squares[name], factors[name]) = (mean, square, factor)
        }
    }
}
