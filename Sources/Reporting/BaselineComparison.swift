public import Evaluation
public import Foundation

/// How the levels of a report differ from those of an earlier one.
public struct BaselineComparison: Codable, Sendable, Hashable {
    /// The earlier report's file, without its folder.
    public var fileName: String
    /// When the earlier report was made.
    public var date: Date
    /// The tool that made it.
    public var toolVersion: String
    /// What was not the same in both measurements, a sentence each: figures that differ may do so
    /// for these reasons.
    public var differences: [String]
    /// The levels that both have, in the order of the new report.
    public var levels: [LevelChange]
    /// The names of levels that only the earlier report has.
    public var missingLevels: [String]
    /// The names of levels that only the new report has.
    public var addedLevels: [String]

    /// A figure in both reports.
    public struct Change: Codable, Sendable, Hashable {
        /// The earlier value.
        public var before: Estimate
        /// The new value.
        public var after: Estimate
        /// New less earlier; its error is that of independent measurements, the root of the sum of
        /// both squares.
        public var difference: Estimate

        init(_ before: Estimate, _ after: Estimate) {
            self.before = before
            self.after = after
            var error: Double?
            if let first = before.standardError, let second = after.standardError {
                error = (first * first + second * second).squareRoot()
            }
            difference = Estimate(after.value - before.value, standardError: error)
        }
    }

    /// A level in both reports.
    public struct LevelChange: Codable, Sendable, Hashable {
        /// The level's type.
        public var name: String
        /// The new report's file name.
        public var fileName: String
        /// The earlier bits per weight.
        public var bitsPerWeightBefore: Double
        /// Whether both files have one digest; `nil` when that is not known.
        public var isSameFile: Bool?
        /// The mean KL divergence.
        public var meanDivergence: Change
        /// The KL divergence that 99.9 % of the tokens do not exceed.
        public var quantile999: Change
        /// The share of same top tokens.
        public var sameTopToken: Change
        /// The perplexity ratio to the base.
        public var perplexityRatio: Change
    }

    /// Compares a report with an earlier one, which was read from the file called `fileName`.
    ///
    /// Levels belong together that have one type and one file name; where a report has only one
    /// level of a type, the type is enough.
    public init(of report: QualityReport, with earlier: QualityReport, fileName: String) {
        self.fileName = fileName
        date = earlier.provenance.date
        toolVersion = earlier.provenance.toolVersion
        differences = BaselineComparison.differences(report, earlier)
        var used: Set<Int> = []
        levels = []
        addedLevels = []
        for level in report.levels {
            let isAlone = report.levels.count { $0.name == level.name } == 1
            let alike = earlier.levels.indices.filter { earlier.levels[$0].name == level.name }
            let found =
                alike.first { earlier.levels[$0].fileName == level.fileName }
                ?? (isAlone && alike.count == 1 ? alike[0] : nil)
            guard let found, used.insert(found).inserted else {
                addedLevels.append(report.displayName(of: level))
                continue
            }
            levels.append(LevelChange(level, before: earlier.levels[found]))
        }
        missingLevels = earlier.levels.indices.filter { !used.contains($0) }
            .map { earlier.displayName(of: earlier.levels[$0]) }
    }

    /// What it is compared with, in a sentence.
    var sentence: String {
        var text = "Against \(fileName), made on \(date.dayText) by \(toolVersion)."
        let changed = levels.filter { $0.meanDivergence.difference.value != 0 }.count
        if !levels.isEmpty, changed == 0 {
            text += " The mean divergence of every level is the same."
        }
        return text
    }

    /// The change of a level of the new report; `nil` when the earlier one did not have it.
    subscript(level: QualityReport.Level) -> LevelChange? {
        levels.first { $0.name == level.name && $0.fileName == level.fileName }
    }

    private static func differences(
        _ report: QualityReport, _ earlier: QualityReport
    ) -> [String] {
        var sentences: [String] = []
        func compare(_ what: String, _ before: String, _ after: String) {
            guard before != after else { return }
            sentences.append("\(what): \(before) in the baseline, \(after) now.")
        }
        func count(_ number: Int) -> String { NumberText.count(number) }
        func short(_ digest: String) -> String {
            digest.count > 23 ? String(digest.prefix(19)) + "…" : digest
        }
        let (text, old) = (report.text, earlier.text)
        if let digest = text.digest, let before = old.digest {
            if digest != before {
                compare(
                    "The text is another one", "\(old.name), \(short(before))",
                    "\(text.name), \(short(digest))")
            }
        } else if (text.byteCount, text.tokenCount) != (old.byteCount, old.tokenCount) {
            compare(
                "The text is another one", "\(old.name), \(count(old.tokenCount)) tokens",
                "\(text.name), \(count(text.tokenCount)) tokens")
        }
        let (now, then) = (report.settings, earlier.settings)
        compare("Context", count(then.contextLength), count(now.contextLength))
        compare("Activations", then.activations ?? "f32", now.activations ?? "f32")
        compare("Windows", count(then.windowCount), count(now.windowCount))
        if now.windowCount == then.windowCount, now.contextLength == then.contextLength {
            compare("Scored tokens", count(then.scoredTokenCount), count(now.scoredTokenCount))
        }
        if let digest = report.base.digest, let before = earlier.base.digest {
            if digest != before {
                compare(
                    "The base is another file", "\(earlier.base.fileName), \(short(before))",
                    "\(report.base.fileName), \(short(digest))")
            }
        } else if report.base.fileByteCount != earlier.base.fileByteCount {
            compare(
                "The base is another file",
                "\(earlier.base.fileName), \(count(earlier.base.fileByteCount)) bytes",
                "\(report.base.fileName), \(count(report.base.fileByteCount)) bytes")
        }
        return sentences
    }
}

extension BaselineComparison.LevelChange {
    fileprivate init(_ level: QualityReport.Level, before: QualityReport.Level) {
        name = level.name
        fileName = level.fileName
        bitsPerWeightBefore = before.bitsPerWeight
        if let digest = level.digest, let earlier = before.digest { isSameFile = digest == earlier }
        meanDivergence = .init(before.divergence.mean, level.divergence.mean)
        quantile999 = .init(before.divergence.quantile999, level.divergence.quantile999)
        sameTopToken = .init(before.sameTopToken, level.sameTopToken)
        perplexityRatio = .init(before.perplexityRatio, level.perplexityRatio)
    }
}

extension Date {
    /// `2026-11-22`, in UTC.
    fileprivate var dayText: String { String(ISO8601Format().prefix { $0 != "T" }) }
}
