import Evaluation

/// A column of a report's table, the same in Markdown, HTML and on a terminal.
struct ReportColumn {
    /// The heading, short.
    let title: String
    /// A still shorter heading, for a terminal.
    var shortTitle: String? = nil
    /// The unit of every cell, `nat`; nothing for pure numbers.
    let unit: String?
    /// What is in a level's cell.
    let cell: (QualityReport.Level) -> Cell
    /// What the base's own cell says.
    let base: String
    /// When it goes from a terminal that is too narrow: the highest first, 0 never.
    var expendability = 0

    /// The heading with its unit.
    var heading: String { unit.map { "\(title) (\($0))" } ?? title }

    /// One cell: its text, and the number by which a table is sorted.
    struct Cell {
        let number: NumberText
        let order: Double
    }
}

extension QualityReport {
    /// Size against fidelity: what decides between levels.
    var overviewColumns: [ReportColumn] {
        var columns = [
            ReportColumn(
                title: "Size", unit: nil,
                cell: {
                    .init(
                        words: NumberText.bytes($0.fileByteCount), order: Double($0.fileByteCount))
                },
                base: NumberText.bytes(base.fileByteCount)),
            ReportColumn(
                title: "Bits/weight", shortTitle: "bpw", unit: nil,
                cell: {
                    .init(words: NumberText.fixed($0.bitsPerWeight, 2), order: $0.bitsPerWeight)
                }, base: NumberText.fixed(base.bitsPerWeight, 2)),
            ReportColumn(
                title: "Mean KLD", unit: "nat", cell: { .init($0.divergence.mean) }, base: "0"),
            ReportColumn(
                title: "99.9 % KLD", unit: "nat", cell: { .init($0.divergence.quantile999) },
                base: "0", expendability: 2),
            ReportColumn(
                title: "Same top", unit: "%", cell: { .init($0.sameTopToken, scale: 100) },
                base: "100"),
            ReportColumn(
                title: "PPL ratio", unit: nil, cell: { .init($0.perplexityRatio) }, base: "1",
                expendability: 1),
            ReportColumn(
                title: "Of base", unit: "%",
                cell: { [self] level in
                    guard let share = shareOfBase(level) else {
                        return .init(words: "–", order: .nan)
                    }
                    return .init(
                        words: NumberText.fixed(share * 100, share < 0.1 ? 1 : 0), order: share)
                }, base: "100", expendability: 3),
        ]
        if levels.contains(where: {
            ($0.rounding ?? .plain) != .plain && roundingName(of: $0) == nil
        }) {
            columns.insert(
                ReportColumn(
                    title: "Rounding", unit: nil,
                    cell: { level in
                        let order = level.rounding.flatMap { Rounding.allCases.firstIndex(of: $0) }
                        return .init(
                            words: level.rounding?.rawValue ?? "–",
                            order: order.map(Double.init) ?? .nan)
                    }, base: "–", expendability: 5), at: 0)
        }
        if levels.contains(where: { $0.tokensPerSecond != nil }) {
            columns.append(
                ReportColumn(
                    title: "Tokens/s", unit: nil,
                    cell: { level in
                        guard let speed = level.tokensPerSecond else {
                            return .init(words: "–", order: .nan)
                        }
                        return .init(NumberText(speed, digits: 3), order: speed)
                    }, base: "–", expendability: 4))
        }
        return columns
    }

    /// The rest of what was measured.
    var detailColumns: [ReportColumn] {
        func quantile(
            _ title: String, _ path: @escaping (LevelStatistics.Divergence) -> Double
        ) -> ReportColumn {
            ReportColumn(
                title: title, unit: nil,
                cell: { level in
                    let value = path(level.divergence)
                    return .init(NumberText(value, digits: 3), order: value)
                }, base: "0")
        }
        return [
            ReportColumn(
                title: "Perplexity", unit: nil, cell: { .init($0.perplexity) },
                base: NumberText(base.perplexity).text),
            ReportColumn(
                title: "ln PPL ratio", unit: nil, cell: { .init($0.logPerplexityRatio) }, base: "0"),
            quantile("Median KLD") { $0.median },
            quantile("90 %") { $0.quantile90 },
            quantile("95 %") { $0.quantile95 },
            quantile("99 %") { $0.quantile99 },
            quantile("Max") { $0.maximum },
            ReportColumn(
                title: "Mean Δp", unit: "%", cell: { .init($0.meanProbabilityChange, scale: 100) },
                base: "0"),
            ReportColumn(
                title: "RMS Δp", unit: "%", cell: { .init($0.rmsProbabilityChange, scale: 100) },
                base: "0"),
        ]
    }
}

extension QualityReport {
    /// What has changed since the baseline; nothing when there is none.
    var changeColumns: [ReportColumn] {
        guard let baseline else { return [] }
        func column(
            _ title: String, unit: String?, scale: Double = 1,
            _ path: @escaping (BaselineComparison.LevelChange) -> BaselineComparison.Change
        ) -> ReportColumn {
            ReportColumn(
                title: title, unit: unit,
                cell: { level in
                    guard let change = baseline[level] else {
                        return .init(words: "new", order: .nan)
                    }
                    return .init(change: path(change).difference, scale: scale)
                }, base: "–")
        }
        return [
            ReportColumn(
                title: "KLD before", unit: "nat",
                cell: { level in
                    guard let change = baseline[level] else {
                        return .init(words: "–", order: .nan)
                    }
                    return .init(change.meanDivergence.before)
                }, base: "–"),
            ReportColumn(
                title: "KLD now", unit: "nat", cell: { .init($0.divergence.mean) }, base: "–"),
            column("Change", unit: "nat") { $0.meanDivergence },
            column("99.9 % KLD", unit: "nat") { $0.quantile999 },
            column("Same top", unit: "points", scale: 100) { $0.sameTopToken },
            column("PPL ratio", unit: nil) { $0.perplexityRatio },
            ReportColumn(
                title: "Bits/weight", unit: nil,
                cell: { level in
                    guard let change = baseline[level] else {
                        return .init(words: "new", order: .nan)
                    }
                    let difference = level.bitsPerWeight - change.bitsPerWeightBefore
                    let text = NumberText.fixed(difference, 2)
                    return .init(
                        words: difference == 0 ? "0" : difference > 0 ? "+\(text)" : text,
                        order: difference)
                }, base: "–"),
        ]
    }
}

extension ReportColumn.Cell {
    /// A signed difference; `0` when nothing has changed at all.
    fileprivate init(change: Estimate, scale: Double) {
        guard change.value != 0 else {
            self.init(words: "0", order: 0)
            return
        }
        let number = NumberText(change, scale: scale)
        self.init(
            number: change.value > 0 ? number.signed : number, order: change.value)
    }

    fileprivate init(_ estimate: Estimate, scale: Double = 1) {
        self.init(number: NumberText(estimate, scale: scale), order: estimate.value)
    }

    fileprivate init(_ number: NumberText, order: Double) {
        self.init(number: number, order: order)
    }

    fileprivate init(words: String, order: Double) {
        self.init(number: NumberText(words: words), order: order)
    }
}
