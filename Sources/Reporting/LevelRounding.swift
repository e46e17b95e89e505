public import Evaluation
package import TensorCore

extension QualityReport {
    /// What the values of a level were rounded by.
    public enum Rounding: String, Codable, Sendable, Hashable, CaseIterable {
        /// The values alone.
        case plain
        /// An importance matrix.
        case importance
        /// What layers take in on calibration texts, with error feedback.
        case calibrated

        /// What a file's metadata say.
        package init(_ metadata: Metadata) {
            if metadata[CalibrationNote.key] != nil {
                self = .calibrated
            } else if metadata["quantize.imatrix.file"] != nil
                || metadata["quantize.imatrix.entries_count"] != nil
            {
                self = .importance
            } else {
                self = .plain
            }
        }

    }

    /// How the divergence of a level differs from that of the same type rounded otherwise.
    public struct RoundingChange: Codable, Sendable, Hashable {
        /// What the other level was rounded by.
        public var reference: Rounding
        /// The other level's file, without its folder.
        public var referenceFileName: String
        /// The change of the mean KL divergence as a fraction of the other's.
        ///
        /// −0.25 is a quarter less; the error is that of the differences window by window.
        public var meanDivergence: Estimate

        /// Creates the description of a change.
        public init(reference: Rounding, referenceFileName: String, meanDivergence: Estimate) {
            self.reference = reference
            self.referenceFileName = referenceFileName
            self.meanDivergence = meanDivergence
        }

        /// The change from `before` to `after`, the mean divergences of the same windows.
        static func change(from before: [Double], to after: [Double]) -> Estimate? {
            let mean = before.reduce(0, +) / Double(max(1, before.count))
            guard before.count == after.count, mean > 0, mean.isFinite else { return nil }
            var moments = Moments()
            for (first, second) in zip(before, after) { moments.add((second - first) / mean) }
            return Estimate(
                moments.mean, standardError: before.count > 1 ? moments.standardError : nil)
        }
    }

    /// Says of every level how it differs from the one of its type with the next simpler rounding.
    ///
    /// - Parameter windows: The mean divergences of each level, window by window.
    mutating func compareRoundings(windows: [[Double]]) {
        for index in levels.indices {
            let level = levels[index]
            guard let own = level.rounding else { continue }
            let simpler = Rounding.allCases.prefix { $0 != own }.reversed()
            let other = simpler.compactMap { rounding in
                levels.firstIndex { $0.name == level.name && $0.rounding == rounding }
            }.first
            guard let other, let reference = levels[other].rounding,
                let change = RoundingChange.change(from: windows[other], to: windows[index])
            else { continue }
            levels[index].roundingChange = RoundingChange(
                reference: reference, referenceFileName: levels[other].fileName,
                meanDivergence: change)
        }
    }
}

/// Levels of one type beside each other: a row for each type, a column for each rounding.
struct RoundingTable {
    /// The headings after the first.
    let headings: [String]
    /// The type, then what was measured.
    let rows: [(name: String, cells: [String])]

    static let title = "Roundings beside each other"
    static let note = """
        Mean KL divergence in nats; in brackets the change from the simpler rounding to its left, \
        paired window by window.
        """

    /// `nil` where no type has levels of several roundings.
    init?(_ report: QualityReport) {
        let levels = report.sortedLevels.filter { $0.rounding != nil }
        let types = Dictionary(grouping: levels, by: \.name)
            .filter { Set($0.value.map(\.rounding)).count > 1 }
        guard !types.isEmpty else { return nil }
        let roundings = QualityReport.Rounding.allCases.filter { rounding in
            types.values.contains { $0.contains { $0.rounding == rounding } }
        }
        headings = roundings.map(\.rawValue)
        var seen: Set<String> = []
        rows = levels.map(\.name).filter { types[$0] != nil && seen.insert($0).inserted }.map {
            name in
            let own = types[name] ?? []
            return (name, roundings.map { RoundingTable.cell(own.first(of: $0)) })
        }
    }

    private static func cell(_ level: QualityReport.Level?) -> String {
        guard let level else { return "–" }
        let text = NumberText(level.divergence.mean).text
        guard let change = level.roundingChange?.meanDivergence else { return text }
        let number = NumberText(change, scale: 100, errorDigits: 1)
        return text + " (\((change.value > 0 ? number.signed : number).text) %)"
    }
}

extension [QualityReport.Level] {
    fileprivate func first(of rounding: QualityReport.Rounding) -> QualityReport.Level? {
        first { $0.rounding == rounding }
    }
}
