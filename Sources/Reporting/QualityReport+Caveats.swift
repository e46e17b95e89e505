import Evaluation

extension QualityReport {
    /// What the figures themselves say about how far they can be trusted, a sentence each.
    public var caveats: [String] {
        tokenCaveats + baseCaveats + calibrationCaveats + baselineCaveats
            + levels.flatMap(levelCaveats) + orderCaveats
    }

    /// `warnings`, then `caveats`: what a rendering shows.
    var allWarnings: [String] { warnings + caveats }

    private var tokenCaveats: [String] {
        let count = settings.scoredTokenCount
        guard count < 10_000 else { return [] }
        let above = NumberText.fixed(Double(max(0, count)) / 1000, count < 1000 ? 1 : 0)
        return [
            "Only \(NumberText.count(count)) tokens were scored: about \(above) of them lie above "
                + "the 99.9 % quantile, and the maximum depends on chance. Score 10,000 or more."
        ]
    }

    private var baseCaveats: [String] {
        let whole: Set<String> = ["F64", "F32", "F16", "BF16"]
        let packed = base.tensorTypes.map(\.name).filter { !whole.contains($0.uppercased()) }
        guard !packed.isEmpty else { return [] }
        return [
            "The base is quantized itself (\(packed.joined(separator: ", "))): every figure is a "
                + "distance from it, not from the original model."
        ]
    }

    private var calibrationCaveats: [String] {
        (calibration ?? []).compactMap { text in
            guard let overlap = text.overlap, overlap.sharedCount > 0, let share = overlap.share
            else { return nil }
            return "\(NumberText(share * 100, digits: 2).text) % of the text's sequences of "
                + "\(overlap.wordCount) words (\(NumberText.count(overlap.sharedCount)) of "
                + "\(NumberText.count(overlap.sequenceCount))) stand in the calibration text "
                + "\(text.name) too: levels made with it look better here than "
                + "on text that they have not seen."
        }
    }

    /// What stands between this report and its baseline.
    private var baselineCaveats: [String] {
        guard let baseline else { return [] }
        var result = baseline.differences
        if !result.isEmpty {
            result.append(
                "The baseline \(baseline.fileName) was measured under other conditions: the changes "
                    + "may come from that.")
        }
        if !baseline.missingLevels.isEmpty {
            result.append(
                "The baseline has levels that this report has not: "
                    + baseline.missingLevels.joined(separator: ", ") + ".")
        }
        return result
    }

    private func levelCaveats(_ level: Level) -> [String] {
        let name = displayName(of: level)
        let figures = [
            level.perplexity.value, level.perplexityRatio.value, level.divergence.mean.value,
            level.divergence.quantile999.value, level.sameTopToken.value,
        ]
        guard figures.allSatisfy(\.isFinite) else {
            return ["\(name) has figures that are not finite: its output is broken."]
        }
        let ratio = level.perplexityRatio
        if let error = ratio.standardError, ratio.value + 2 * error < 1 {
            return [
                "\(name) has a lower perplexity than the base. That is no gain in fidelity: judge "
                    + "it by its divergence."
            ]
        }
        return []
    }

    /// Neighbours in size whose order this text does not settle, and levels that are larger and
    /// worse than another.
    private var orderCaveats: [String] {
        let sorted = sortedLevels.filter {
            $0.bitsPerWeight.isFinite && $0.divergence.mean.value.isFinite
        }
        var result: [String] = []
        for (larger, smaller) in zip(sorted, sorted.dropFirst()) {
            let (a, b) = (larger.divergence.mean, smaller.divergence.mean)
            guard let first = a.standardError, let second = b.standardError else { continue }
            let error = 2 * (first * first + second * second).squareRoot()
            let difference = abs(a.value - b.value)
            guard error > 0, difference < error else { continue }
            result.append(
                "\(displayName(of: larger)) and \(displayName(of: smaller)) differ in mean KL "
                    + "divergence by \(NumberText(difference, digits: 2).text), less than twice "
                    + "their combined error (\(NumberText(error, digits: 2).text)): this text does "
                    + "not settle which is better.")
        }
        for level in sorted {
            let better = sorted.last { other in
                other.bitsPerWeight < level.bitsPerWeight
                    && other.divergence.mean.value < level.divergence.mean.value
                    && isClear(other.divergence.mean, below: level.divergence.mean)
            }
            if let better {
                result.append(
                    "\(displayName(of: level)) is beaten by \(displayName(of: better)), which is "
                        + "smaller and closer to the base.")
            }
        }
        return result
    }

    /// Whether the difference of two estimates is more than twice its error.
    private func isClear(_ lower: Estimate, below upper: Estimate) -> Bool {
        let (a, b) = (lower.standardError ?? 0, upper.standardError ?? 0)
        return upper.value - lower.value > 2 * (a * a + b * b).squareRoot()
    }
}
