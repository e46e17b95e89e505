import Evaluation
import GGUF
import Inference
import Quantization
import TensorCore

/// How much a group's rounding error harms the model's predictions: the mean KL divergence with
/// that group alone rounded, for each unit of its error, on each text.
struct Sensitivities: Sendable {
    /// By group and text.
    let values: [[Double]]
    /// The divergence that was measured, by group and text.
    let divergences: [[Double]]

    /// Bytes that the variants of a pass may add to what one model takes; at least one runs.
    private static let memoryLimit = 1 << 29

    /// Variants that run side by side.
    static func variantsPerPass(
        _ measurement: WindowDivergences, tokenCount: Int
    ) throws -> Int {
        func byteCount(_ count: Int) throws -> Int {
            try measurement.memoryByteCount(variantCount: count, tokenCount: tokenCount)
        }
        var count = 12
        let alone = try byteCount(0)
        while count > 1, try byteCount(count) - alone > memoryLimit { count -= 1 }
        return count
    }

    /// Rounds one group at a time to a format of about `probeBits` bits and measures.
    ///
    /// - Parameter progress: Called with the share that is done; may throw to stop.
    init(
        _ model: Allocatable, _ runnable: Model, errors: RoundingErrors, probeBits: Double,
        texts: [AllocationText], inputs: [String: [Float]], pool: WorkerPool,
        progress: (Double) throws -> Void
    ) throws {
        let windows = texts.flatMap(\.sensitivity)
        let measurement = WindowDivergences(base: runnable, pool: pool)
        let perPass = try Sensitivities.variantsPerPass(
            measurement, tokenCount: windows.reduce(0) { $0 + $1.tokens.count })
        var (values, divergences): ([[Double]], [[Double]]) = ([], [])
        for first in stride(from: 0, to: model.groups.count, by: perPass) {
            let groups = first..<min(model.groups.count, first + perPass)
            var sums: [Double] = []
            let variants = try groups.map { group in
                var replacements: [Int: RequantizedSource.Replacement] = [:]
                var (sum, firstBlock) = (0.0, Int.max)
                for (number, tensor) in model.tensors.enumerated() where tensor.group == group {
                    let probe = Sensitivities.probe(tensor.formats, bits: probeBits)
                    replacements[tensor.index] = model.replacement(
                        of: tensor, as: tensor.formats[probe], inputs: inputs)
                    sum += errors.plain[number][probe]
                    firstBlock = min(firstBlock, runnable.firstBlock(ofMatrix: tensor.index))
                }
                sums.append(sum)
                return WindowDivergences.Variant(
                    try Model(
                        source: RequantizedSource(model.source, replacing: replacements),
                        description: runnable.description), firstOwnBlock: firstBlock)
            }
            let measured = try measurement.measure(variants, windows: windows)
            for (windowMoments, sum) in zip(measured, sums) {
                let means = AllocationText.means(
                    windowMoments, windowCounts: texts.map(\.sensitivity.count)
                ).map { rounded(max($0.value, 1e-9)) }
                divergences.append(means)
                values.append(means.map { sum > 0 ? rounded($0 / sum) : 0 })
            }
            try progress(Double(groups.upperBound) / Double(model.groups.count))
        }
        self.values = values
        self.divergences = divergences
    }

    /// The format that is nearest to so many bits, the larger of two.
    static func probe(_ formats: [Format], bits: Double) -> Int {
        formats.indices.min {
            (abs(formats[$0].bitsPerWeight - bits), -$0)
                < (abs(formats[$1].bitsPerWeight - bits), -$1)
        } ?? 0
    }
}

extension AllocationText {
    /// The mean of each text from those of its windows, with the windows' standard error where
    /// there are several.
    static func means(_ windows: [Moments], windowCounts: [Int]) -> [Estimate] {
        var (estimates, first): ([Estimate], Int) = ([], 0)
        for count in windowCounts {
            let own = windows[first..<first + count]
            first += count
            let tokens = own.reduce(0) { $0 + $1.count }
            let mean = own.reduce(0) { $0 + $1.mean * Double($1.count) } / Double(max(1, tokens))
            // Tokens of all windows as one sample.
            let squares = own.reduce(0) {
                $0 + Double($1.count) * ($1.variance + ($1.mean - mean) * ($1.mean - mean))
            }
            let error = (squares / Double(max(1, tokens)) / Double(max(1, tokens - 1))).squareRoot()
            estimates.append(Estimate(mean, standardError: error))
        }
        return estimates
    }
}
