import Calibration
import Evaluation
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore

/// The search for a mixture with a model that runs.
struct MeasuredSearch {
    private let allocator: Allocator
    /// What mixtures are expected to cost.
    let mixtures: Mixtures
    /// What was tried.
    let trials: Trials
    private let progress: @Sendable (Double, String) throws -> Void

    private var model: Allocatable { allocator.model }

    /// Measures errors and sensitivities.
    init(
        _ allocator: Allocator, _ runnable: Model,
        _ progress: @escaping @Sendable (Double, String) throws -> Void
    ) throws {
        let (model, pool) = (allocator.model, allocator.pool)
        self.allocator = allocator
        self.progress = progress
        try progress(0, "inputs")
        let inputs = try MeasuredSearch.inputs(
            of: model, runnable, texts: allocator.texts, pool: pool)
        let calibrated = allocator.calibration.map {
            CalibratedTrials(model, runnable, text: $0, inputs: inputs, pool: pool)
        }
        let shares = try calibrated?.errorShares {
            try progress(0.02 + 0.08 * $0, "calibrated rounding errors")
        }
        let errors = try RoundingErrors(
            model, inputs: inputs, shares: shares, pool: pool
        ) { try progress(shares == nil ? 0.02 + 0.18 * $0 : 0.1 + 0.1 * $0, "rounding errors") }
        let sensitivities = try Sensitivities(
            model, runnable, errors: errors, probeBits: allocator.probeBits, texts: allocator.texts,
            inputs: inputs, pool: pool
        ) { try progress(0.2 + 0.4 * $0, "sensitivities of \(model.groups.count) groups") }
        mixtures = Mixtures(model, errors, sensitivities: sensitivities.values)
        trials = try Trials(
            model, runnable, texts: allocator.texts, inputs: inputs, calibrated: calibrated,
            pool: pool)
    }

    /// The mean squares of what tensors take in, where no matrix tells them.
    private static func inputs(
        of model: Allocatable, _ runnable: Model, texts: [AllocationText], pool: WorkerPool
    ) throws -> [String: [Float]] {
        guard model.tensors.contains(where: { $0.importance == nil }) else { return [:] }
        let calibration = try Calibration(
            ordered: runnable, includesOutput: true, pool: pool)
        let windows = Dictionary(grouping: texts.flatMap(\.sensitivity)) { $0.tokens.count }
        for (_, windows) in windows.sorted(by: { $0.key < $1.key }) {
            try calibration.add(windows.map(\.tokens))
        }
        return calibration.entries.mapValues { entry in
            let length = entry.sums.count / max(1, entry.counts.count)
            let all = max(1, entry.counts.reduce(0, +))
            // An expert that no token reached is taken to be as the others are.
            let mean = (0..<length).map { column in
                entry.counts.indices.reduce(0) { $0 + entry.sums[$1 * length + column] } / all
            }
            return entry.counts.enumerated().flatMap { expert, count in
                (0..<length).map {
                    Float(count > 0 ? entry.sums[expert * length + $0] / count : mean[$0])
                }
            }
        }
    }

    /// The mixture to take.
    func run() throws -> Mixture {
        if let limit = allocator.byteLimit { return try underLimit(limit) }
        guard case .divergence(let limit) = allocator.request.target else {
            preconditionFailure("a target of bytes or of divergence")
        }
        return try smallest(divergence: limit)
    }

    // MARK: A limit of bytes

    private func underLimit(_ limit: Int) throws -> Mixture {
        let recipes = recipes(upTo: limit)
        var candidates = recipes
        func add(_ name: String, _ choice: [Int]?) {
            if let choice { candidates.append(mixtures.mixture(name, choice)) }
        }
        add("allocated", mixtures.best(byteLimit: limit))
        add(
            "allocated, no IQ formats", mixtures.best(byteLimit: limit) { !$0.name.hasPrefix("IQ") }
        )
        for recipe in recipes.prefix(1) {
            add(
                "\(recipe.name) and more",
                mixtures.best(byteLimit: limit, least: recipe.choice))
        }
        let measured = try trials.run(candidates, predicting: mixtures) {
            try progress(0.6 + 0.15 * $0, "trials")
        }
        var best = MeasuredSearch.best(measured)
        if best.mixture.recipe == nil {
            best = try refined(best, among: measured, limit: limit)
        }
        guard allocator.calibration != nil else { return best.mixture }
        // What counts is what the calibration makes of them.
        let finalists =
            recipes + candidates.filter { $0.name == "allocated" } + [best.mixture]
        return MeasuredSearch.best(
            try trials.runCalibrated(finalists, predicting: mixtures) {
                try progress(0.85 + 0.15 * $0, "trials as calibrated")
            }
        ).mixture
    }

    /// The file types' mixtures that have to be beaten: the best to expect, the largest, and the
    /// one that the user named; the best to expect comes first.
    private func recipes(upTo limit: Int) -> [Mixture] {
        let fitting = allocator.recipes.mixtures.filter { $0.byteCount <= limit }
        let byExpectation = fitting.indices.sorted {
            (mixtures.predicted(fitting[$0].choice), $0)
                < (mixtures.predicted(fitting[$1].choice), $1)
        }.map { fitting[$0] }
        let largest = fitting.max { $0.byteCount < $1.byteCount }
        let named = fitting.first { $0.recipe?.fileType == allocator.request.start?.fileType }
        var chosen: [Mixture] = []
        for mixture in byExpectation.prefix(2) + [largest, named].compactMap({ $0 })
        where !chosen.contains(where: { $0.choice == mixture.choice }) {
            chosen.append(mixture)
        }
        return chosen
    }

    /// The best of some trials: a file type's mixture, unless another is better on every text than
    /// the best of these.
    static func best(_ trials: [MixtureTrial]) -> MixtureTrial {
        let recipes = trials.filter { $0.mixture.recipe != nil }
        let reference = recipes.min { $0.level < $1.level }
        let standing = trials.filter { trial in
            reference.map { !trial.isWorse(than: $0) } ?? true
        }
        // `min` gives the first of equals.
        return standing.min { $0.level < $1.level } ?? trials[0]
    }

    /// Roles whose sensitivity is doubted: those of which most harm is expected.
    private static let doubtedRoles = 3

    /// Trials of mixtures that take one role for more or less sensitive than measured, which moves
    /// bytes between it and the others; moves that are better by more than chance are put together.
    private func refined(
        _ best: MixtureTrial, among measured: [MixtureTrial], limit: Int
    ) throws -> MixtureTrial {
        let roles = model.groups.map { $0.name.prefix { $0 != " " } }
        var harm: [Substring: Double] = [:]
        for (number, tensor) in model.tensors.enumerated() {
            harm[roles[tensor.group], default: 0] += mixtures.cost(
                tensor: number, format: best.mixture.choice[number])
        }
        let doubted = harm.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .prefix(MeasuredSearch.doubtedRoles).map(\.key)
        var moves: [(role: Substring, factor: Double, mixture: Mixture)] = []
        for role in doubted {
            for factor in [2, 0.5] {
                let scaled = mixtures.scaled(roles.map { $0 == role ? factor : 1 })
                guard let choice = scaled.best(byteLimit: limit) else { continue }
                let name = "allocated, \(role) \(factor > 1 ? "more" : "less") sensitive"
                moves.append((role, factor, mixtures.mixture(name, choice)))
            }
        }
        let tried = try trials.run(moves.map(\.mixture), predicting: mixtures) {
            try progress(0.75 + 0.1 * $0, "swaps")
        }
        var factors = [Double](repeating: 1, count: model.groups.count)
        let start = measured.first { $0.mixture.name == "allocated" } ?? best
        var better = measured
        for (move, trial) in zip(moves, tried) where trial.isSurelyBetter(than: start) {
            better.append(trial)
            for group in roles.indices where roles[group] == move.role {
                factors[group] = move.factor
            }
        }
        if factors.contains(where: { $0 != 1 }),
            let choice = mixtures.scaled(factors).best(byteLimit: limit)
        {
            better += try trials.run(
                [mixtures.mixture("allocated, sensitivities mended", choice)], predicting: mixtures)
        }
        return MeasuredSearch.best(better)
    }

    // MARK: A limit of divergence

    /// The smallest mixture found whose measured divergence is at most `limit` on every text.
    private func smallest(divergence limit: Double) throws -> Mixture {
        var (failing, passing): (MixtureTrial?, MixtureTrial?) = (nil, nil)
        var aim = limit
        for round in 0..<8 {
            let choice = choice(expecting: aim, above: failing, below: passing)
            guard let choice else { break }
            let name = "allocated, \(model.byteCount(choice)) bytes"
            let trial = try trials.runCalibrated(
                [mixtures.mixture(name, choice)], predicting: mixtures)[0]
            if trial.largest <= limit { passing = trial } else { failing = trial }
            try progress(0.6 + 0.05 * Double(round + 1), "trials")
            // What was measured for what was expected tells what to expect.
            let expected = max(trial.predicted ?? limit, 1e-12)
            aim = expected * limit / max(trial.largest, 1e-12)
            if trial.largest <= limit, trial.largest > 0.985 * limit { break }
        }
        // A file type's mixture that is smaller still and keeps the limit.
        let most = passing?.mixture.byteCount ?? allocator.mostByteCount
        let rivals = allocator.recipes.mixtures.filter { $0.byteCount < most }
            .sorted { $0.byteCount > $1.byteCount }.prefix(2)
        let measured = try trials.runCalibrated(Array(rivals), predicting: mixtures)
        let kept = (measured + [passing].compactMap { $0 }).filter { $0.largest <= limit }
        if let least = kept.min(by: { $0.mixture.byteCount < $1.mixture.byteCount }) {
            return least.mixture
        }
        // Nothing that was tried keeps it: what loses nothing does.
        return mixtures.mixture("as in the source", model.tensors.map { $0.formats.count - 1 })
    }

    /// The smallest choice that is expected to have a divergence of at most `aim`, between two that
    /// were measured; `nil` when they lie too close for another.
    private func choice(expecting aim: Double, above: MixtureTrial?, below: MixtureTrial?) -> [Int]?
    {
        var low = above?.mixture.byteCount ?? allocator.leastByteCount
        var high = below?.mixture.byteCount ?? allocator.mostByteCount
        let (first, last) = (low, high)
        guard high - low > max(4096, high / 400) else { return nil }
        for _ in 0..<24 where high - low > high / 4000 {
            let middle = low + (high - low) / 2
            guard let choice = mixtures.best(byteLimit: middle) else {
                low = middle
                continue
            }
            if mixtures.predicted(choice) <= aim { high = middle } else { low = middle }
        }
        // Always a step towards the middle, so that the rounds narrow what is left.
        if above != nil, below != nil {
            let margin = (last - first) / 8
            high = min(max(high, first + margin), last - margin)
        }
        return mixtures.best(byteLimit: high)
    }
}

extension Allocator {
    /// The bits for a value of the formats that sensitivities are measured with: a step below what
    /// tensors will have, so that they are measured where they count.
    var probeBits: Double {
        let free = model.tensors.reduce(0) { $0 + $1.description.shape.elementCount }
        if let limit = byteLimit {
            let bits = Double(limit - model.fixedByteCount) * 8 / Double(max(1, free))
            return min(5.5, max(2.625, bits - 1))
        }
        guard case .divergence(let limit) = request.target else { return 4.25 }
        return limit > 0.3 ? 2.625 : limit > 0.03 ? 3.4375 : 4.5
    }
}
