public import Calibration
import Evaluation
public import GGUF
import Inference
public import Pipeline
public import Quantization
public import TensorCore

/// Chooses a format for every tensor: the least measured harm under an exact limit of bytes, or the
/// fewest bytes under a limit of harm.
///
/// Tensors of one role in neighbouring layers are a group. Of every tensor the rounding error in
/// every format is computed, of every group the KL divergence is measured with that group alone
/// rounded. Their quotient, the sensitivity, makes the errors of all tensors comparable; a search
/// finds the mixture of least expected divergence, which then has to stand against the mixtures of
/// the file types on tokens that the sensitivities do not come from.
public struct Allocator {
    /// What to allocate.
    public struct Request: Sendable {
        /// What the file is to come to.
        public var target: AllocationTarget
        /// A file type whose mixture is tried in any case.
        public var start: Recipe?
        /// The format whose bits for a value no chosen format may go below.
        public var least: Format?

        /// Creates a request.
        public init(
            target: AllocationTarget, start: Recipe? = nil, least: Format? = nil
        ) {
            self.target = target
            self.start = start
            self.least = least
        }
    }

    /// The texts to measure on; without any the choice is estimated.
    public var texts: [AllocationText] = []
    /// The tokens that the file will be calibrated with, where it will be.
    public var calibration: CalibrationWindows?

    let request: Request
    let model: Allocatable
    let recipes: RecipeMixtures
    let pool: WorkerPool
    private let source: any TensorSource
    private let options: QuantizeOptions
    private let outputPath: String

    /// Looks at a model; nothing is read or measured yet.
    ///
    /// - Throws: `AllocationError` for a target that cannot be met or that loses nothing,
    ///   `RecipeError`, `PipelineError`, `GGUFError`.
    public init(
        _ source: any TensorSource, _ request: Request, options: QuantizeOptions,
        outputPath: String, pool: WorkerPool = WorkerPool()
    ) throws {
        self.source = source
        self.request = request
        self.options = options
        self.outputPath = outputPath
        self.pool = pool
        // Every tensor that the recipe leaves free shows in the plan's reasons.
        let names = try Plan.quantize(
            source, recipe: .Q8_0, options: options, outputPath: outputPath
        ).tensors
        var free = options
        for tensor in names {
            free.recipe.allocation[tensor.name] = [Format.Q8_0, .F16].first {
                $0 != tensor.source.format && $0.fits(rowLength: tensor.source.shape.rowLength)
            }
        }
        let plan = try Plan.quantize(
            source, recipe: .Q8_0, options: free, outputPath: outputPath)
        // A format that needs importance shows which tensors have it.
        for name in free.recipe.allocation.keys { free.recipe.allocation[name] = .IQ2_XXS }
        free.recipe.missingImportance = .raise
        let weighed = try Plan.quantize(
            source, recipe: .Q8_0, options: free, outputPath: outputPath
        ).tensors.filter { $0.choice.reason == .allocated }.map(\.name)
        model = try Allocatable(plan, weighed: Set(weighed), least: request.least)
        recipes = try RecipeMixtures(
            model, of: source, options: options, start: request.start, least: request.least,
            outputPath: outputPath)
        guard let limit = byteLimit else { return }
        guard limit >= leastByteCount else {
            throw AllocationError(
                .tooSmall(byteCount: limit, least: leastByteCount), path: source.path)
        }
        guard limit < mostByteCount else {
            throw AllocationError(
                .tooLarge(byteCount: limit, most: mostByteCount), path: source.path)
        }
    }

    /// The bytes of the smallest mixture.
    public var leastByteCount: Int { model.byteCount(model.tensors.map { _ in 0 }) }
    /// The bytes of the mixture that loses nothing, or next to nothing.
    var mostByteCount: Int { model.byteCount(model.tensors.map { $0.formats.count - 1 }) }

    /// The most bytes that the file may have, where the target says so.
    var byteLimit: Int? {
        switch request.target {
        case .byteCount(let count): count
        case .bitsPerWeight(let bits): model.byteLimit(bitsPerWeight: bits)
        case .divergence: nil
        }
    }

    /// A plan and why it is what it is.
    public struct Result: Sendable {
        /// The plan.
        public var plan: Plan
        /// What was measured.
        public var report: AllocationReport
    }

    /// About how many bytes measuring takes.
    public func memoryByteCount() throws -> Int {
        guard !texts.isEmpty, let runnable = try? Model(source: model.source) else {
            return 0
        }
        let measurement = WindowDivergences(base: runnable, pool: pool)
        let calibrated = try calibration.map {
            try CalibratedTrials(model, runnable, text: $0, inputs: [:], pool: pool)
                .memoryByteCount(
                    tokenCount: texts.flatMap(\.validation).reduce(0) { $0 + $1.tokens.count })
        }
        let measured = try [texts.flatMap(\.sensitivity), texts.flatMap(\.validation)].map {
            let tokens = $0.reduce(0) { $0 + $1.tokens.count }
            return try measurement.memoryByteCount(
                variantCount: Sensitivities.variantsPerPass(measurement, tokenCount: tokens),
                tokenCount: tokens)
        }
        return (measured + [calibrated ?? 0]).max() ?? 0
    }

    /// Measures and chooses.
    ///
    /// - Parameter progress: Called with the share of the work that is done and what is being done,
    ///   perhaps from several threads; may throw to stop.
    /// - Throws: `InferenceError` when the model gives no numbers; `AllocationError`, `FileError`.
    public func run(
        progress: @escaping @Sendable (Double, String) throws -> Void
    ) throws -> Result {
        guard !texts.isEmpty else {
            return try estimated(because: "no text is there to measure on", progress)
        }
        let runnable: Model
        do {
            runnable = try Model(source: model.source)
        } catch let error as any IngotError {
            // A file that cannot be read is no model that cannot be run.
            if error is FileError || error is GGUFError { throw error }
            return try estimated(because: error.problem, progress)
        }
        let search = try MeasuredSearch(self, runnable, progress)
        let chosen = try search.run()
        return try result(chosen, search.mixtures, trials: search.trials.all, reason: nil)
    }

    /// The plan of a mixture: a file type's own, or one that names the nearest file type.
    private func plan(_ mixture: Mixture) throws -> Plan {
        var options = options
        if mixture.recipe == nil { options.recipe.allocation = model.formats(mixture.choice) }
        let plan = try Plan.quantize(
            source, recipe: mixture.recipe ?? recipes.nearest(to: mixture.byteCount),
            options: options, outputPath: outputPath)
        precondition(plan.layout.byteCount == mixture.byteCount, "a size that was foreseen")
        return plan
    }

    private func result(
        _ mixture: Mixture, _ mixtures: Mixtures, trials: [MixtureTrial], reason: String?
    ) throws -> Result {
        Result(
            plan: try plan(mixture),
            report: AllocationReport(
                self, mixture, mixtures, trials: trials, reason: reason,
                memoryByteCount: try memoryByteCount()))
    }

    /// Without measurements: the largest file type that fits, and what is left of the bytes spent
    /// where it takes most off the relative rounding errors.
    private func estimated(
        because reason: String, _ progress: @escaping @Sendable (Double, String) throws -> Void
    ) throws -> Result {
        guard let limit = byteLimit else {
            throw AllocationError(.notMeasurable(reason: reason), path: source.path)
        }
        let errors = try RoundingErrors(
            model, inputs: [:], pool: pool
        ) { try progress($0, "rounding errors") }
        // Relative to what the smallest format does, every value counts alike.
        var (harm, count) = (
            [Double](repeating: 0, count: model.groups.count),
            [Double](repeating: 0, count: model.groups.count)
        )
        for (number, tensor) in model.tensors.enumerated() {
            harm[tensor.group] += errors.values[number][0]
            count[tensor.group] += Double(tensor.description.shape.elementCount)
        }
        let all = count.reduce(0, +)
        let mixtures = Mixtures(
            model, errors,
            sensitivities: model.groups.indices.map {
                [harm[$0] > 0 ? count[$0] / all / harm[$0] : 0]
            })
        let recipe = recipes.mixtures.filter { $0.byteCount <= limit }
            .max { ($0.byteCount, $1.name) < ($1.byteCount, $0.name) }
        let choice = mixtures.best(byteLimit: limit, least: recipe?.choice)
        guard let choice else {
            throw AllocationError(
                .tooSmall(byteCount: limit, least: leastByteCount), path: source.path)
        }
        let name = recipe.map { "\($0.name) and more" } ?? "estimated"
        return try result(
            choice == recipe?.choice
                ? recipe ?? mixtures.mixture(name, choice)
                : mixtures.mixture(name, choice), mixtures, trials: [], reason: reason)
    }
}
