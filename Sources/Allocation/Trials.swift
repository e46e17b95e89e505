import Evaluation
import Foundation
import GGUF
import Inference
import TensorCore

/// A mixture and what it did to the model's predictions.
struct MixtureTrial: Sendable {
    var mixture: Mixture
    /// The mean KL divergence on each text.
    var divergences: [Estimate]
    /// The mean of each window.
    var windowMeans: [Double]
    /// What was expected, where the mixture was found by that.
    var predicted: Double?

    /// The geometric mean over the texts: no text outweighs another by its level.
    var level: Double {
        let logarithms = divergences.map { log(max(rounded($0.value), 1e-12)) }
        return exp(logarithms.reduce(0, +) / Double(max(1, logarithms.count)))
    }

    /// The largest divergence of a text.
    var largest: Double { divergences.map { rounded($0.value) }.max() ?? 0 }

    /// Whether the divergence is smaller by more than chance: paired by window, in proportion, by
    /// two standard errors.
    func isSurelyBetter(than other: MixtureTrial) -> Bool {
        var gains = Moments()
        for (mean, otherMean) in zip(windowMeans, other.windowMeans) where otherMean > 0 {
            gains.add(1 - mean / otherMean)
        }
        return gains.count > 1 && rounded(gains.mean) > rounded(2 * gains.standardError)
    }

    /// Whether the divergence is on some text larger than another's.
    func isWorse(than other: MixtureTrial) -> Bool {
        zip(divergences, other.divergences).contains {
            rounded($0.value) > rounded($1.value)
        }
    }
}

/// Runs mixtures on the texts that sensitivities were not measured on.
final class Trials {
    private let model: Allocatable
    private let runnable: Model
    private let texts: [AllocationText]
    private let inputs: [String: [Float]]
    private let measurement: WindowDivergences
    private let windows: [WindowDivergences.Window]
    private let perPass: Int
    private let calibrated: CalibratedTrials?
    private var plain: [MixtureTrial] = []
    private var rounded: [MixtureTrial] = []

    /// What was tried, in the order of the trials; where mixtures were tried as they are calibrated,
    /// those trials.
    var all: [MixtureTrial] { rounded.isEmpty ? plain : rounded }

    init(
        _ model: Allocatable, _ runnable: Model, texts: [AllocationText],
        inputs: [String: [Float]], calibrated: CalibratedTrials?, pool: WorkerPool
    ) throws {
        self.model = model
        self.calibrated = calibrated
        self.runnable = runnable
        self.texts = texts
        self.inputs = inputs
        measurement = WindowDivergences(base: runnable, pool: pool)
        windows = texts.flatMap(\.validation)
        perPass = try Sensitivities.variantsPerPass(
            measurement, tokenCount: windows.reduce(0) { $0 + $1.tokens.count })
    }

    /// Measures mixtures, those that were measured before not again.
    func run(
        _ mixtures: [Mixture], predicting prediction: Mixtures? = nil,
        progress: (Double) throws -> Void = { _ in }
    ) throws -> [MixtureTrial] {
        let new = untried(mixtures, of: plain)
        for first in stride(from: 0, to: new.count, by: perPass) {
            let some = new[first..<min(new.count, first + perPass)]
            let measured = try measurement.measure(
                try some.map { try variant($0.choice) }, windows: windows)
            for (mixture, moments) in zip(some, measured) {
                plain.append(trial(mixture, moments, prediction))
            }
            try progress(Double(first + some.count) / Double(new.count))
        }
        return found(mixtures, among: plain)
    }

    /// Measures mixtures as the calibration rounds them; without a calibration as `run` does.
    func runCalibrated(
        _ mixtures: [Mixture], predicting prediction: Mixtures,
        progress: (Double) throws -> Void = { _ in }
    ) throws -> [MixtureTrial] {
        guard let calibrated else {
            return try run(mixtures, predicting: prediction, progress: progress)
        }
        let new = untried(mixtures, of: rounded)
        if !new.isEmpty {
            let measured = try calibrated.measure(
                new.map(\.choice), windows: windows, progress: progress)
            for (mixture, moments) in zip(new, measured) {
                rounded.append(trial(mixture, moments, prediction))
            }
        }
        return found(mixtures, among: rounded)
    }

    private func untried(_ mixtures: [Mixture], of trials: [MixtureTrial]) -> [Mixture] {
        var new: [Mixture] = []
        for mixture in mixtures
        where !trials.contains(where: { $0.mixture.choice == mixture.choice })
            && !new.contains(where: { $0.choice == mixture.choice })
        {
            new.append(mixture)
        }
        return new
    }

    private func found(_ mixtures: [Mixture], among trials: [MixtureTrial]) -> [MixtureTrial] {
        mixtures.compactMap { mixture in
            trials.first { $0.mixture.choice == mixture.choice }
        }
    }

    private func trial(
        _ mixture: Mixture, _ moments: [Moments], _ prediction: Mixtures?
    ) -> MixtureTrial {
        MixtureTrial(
            mixture: mixture,
            divergences: AllocationText.means(
                moments, windowCounts: texts.map(\.validation.count)),
            windowMeans: moments.map(\.mean), predicted: prediction?.predicted(mixture.choice))
    }

    private func variant(_ choice: [Int]) throws -> WindowDivergences.Variant {
        var replacements: [Int: RequantizedSource.Replacement] = [:]
        for (tensor, option) in zip(model.tensors, choice)
        where tensor.formats[option] != tensor.description.format {
            replacements[tensor.index] = model.replacement(
                of: tensor, as: tensor.formats[option], inputs: inputs)
        }
        return .init(
            try Model(
                source: RequantizedSource(model.source, replacing: replacements),
                description: runnable.description))
    }
}
