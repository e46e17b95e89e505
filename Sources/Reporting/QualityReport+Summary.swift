import Evaluation

extension QualityReport {
    /// The share of equal top tokens below which the summary does not recommend a level.
    static let headlineShare = 0.9

    /// One or two sentences that say what the reader came for.
    ///
    /// They are about the smallest level that keeps 90 % of the base's top tokens; when none does,
    /// about the one that keeps most.
    public var summary: String {
        guard let level = headline else { return "No level was measured." }
        var text = sentence(about: level)
        guard levels.count > 1 else { return text }
        if level.sameTopToken.value >= QualityReport.headlineShare {
            text +=
                " It is the smallest of \(levels.count) levels that keeps at least 90 % of them."
        } else {
            text += " None of the \(levels.count) levels keeps 90 % of them; it keeps the most."
        }
        return text
    }

    /// The level that the summary is about.
    var headline: Level? {
        let good = levels.filter { $0.sameTopToken.value >= QualityReport.headlineShare }
        return good.min { $0.fileByteCount < $1.fileByteCount }
            ?? levels.max { $0.sameTopToken.value < $1.sameTopToken.value }
    }

    /// One level in a sentence.
    ///
    /// `Q4_K_M keeps 93.1 % of the base's top tokens at 31 % of the bytes (4.90 bits per weight);
    /// its perplexity is 1.9 % ± 0.3 % above the base's.`
    private func sentence(about level: Level) -> String {
        let share = NumberText(level.sameTopToken, scale: 100, errorDigits: 1).value
        let bits = NumberText.fixed(level.bitsPerWeight, 2)
        var text = "\(displayName(of: level)) keeps \(share) % of the base's top tokens"
        if let bytes = shareOfBase(level) {
            text += " at \(NumberText.fixed(bytes * 100, bytes < 0.1 ? 1 : 0)) % of the bytes"
        }
        text += " (\(bits) bits per weight); its perplexity is "
        let excess = Estimate(
            level.perplexityRatio.value - 1, standardError: level.perplexityRatio.standardError)
        guard excess.value.isFinite else { return text + "not a finite number." }
        let amount = NumberText(
            Estimate(abs(excess.value), standardError: excess.standardError), scale: 100,
            errorDigits: 1)
        var words = "\(amount.value)\(amount.power) %"
        if let error = amount.error { words += " ± \(error)\(amount.power) %" }
        if let error = excess.standardError, abs(excess.value) < 2 * error {
            let sign = excess.value < 0 ? "−" : "+"
            text += "the base's within the error (\(sign)\(words))."
        } else {
            text += "\(words) \(excess.value < 0 ? "below" : "above") the base's."
        }
        return text
    }

    /// The level's file length as a fraction of the base's.
    func shareOfBase(_ level: Level) -> Double? {
        guard base.fileByteCount > 0 else { return nil }
        return Double(level.fileByteCount) / Double(base.fileByteCount)
    }

    /// The level's type name; where another level has the same type what it was rounded by, or its
    /// file name where that does not tell them apart.
    package func displayName(of level: Level) -> String {
        let alike = levels.filter { $0.name == level.name }
        guard alike.count > 1 else { return level.name }
        return roundingName(of: level) ?? "\(level.name) (\(level.fileName))"
    }

    /// The level's type name with its rounding, where that alone tells it from others of the type.
    func roundingName(of level: Level) -> String? {
        let alike = levels.filter { $0.name == level.name }
        guard alike.count > 1, let rounding = level.rounding,
            alike.allSatisfy({ $0.rounding != nil }),
            Set(alike.map(\.rounding)).count == alike.count
        else { return nil }
        return "\(level.name), \(rounding.rawValue)"
    }

    /// The levels by decreasing bits per weight, as every rendering shows them.
    package var sortedLevels: [Level] {
        levels.enumerated().sorted { first, second in
            let (a, b) = (first.element.bitsPerWeight, second.element.bitsPerWeight)
            // What is not a number goes last: an order must be total.
            if a.isNaN || b.isNaN {
                return !a.isNaN && b.isNaN || a.isNaN == b.isNaN && first.offset < second.offset
            }
            return a != b ? a > b : first.offset < second.offset
        }.map(\.element)
    }
}
