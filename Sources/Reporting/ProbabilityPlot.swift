import Evaluation

/// How the change of the probability of the text's own next token is distributed, a row per level:
/// nested bars from quantile to quantile.
struct ProbabilityPlot {
    private struct Row {
        let name: String
        let change: LevelStatistics.ProbabilityChange
        let words: String
        let hint: String
    }

    private let rows: [Row]
    /// The names of the levels whose distribution is not known or no number.
    let omitted: [String]

    init(_ report: QualityReport) {
        var rows: [Row] = []
        var omitted: [String] = []
        for level in report.sortedLevels {
            let name = report.displayName(of: level)
            guard let change = level.probabilityChange,
                change.all.allSatisfy({ $0.isFinite && abs($0) <= 1 })
            else {
                omitted.append(name)
                continue
            }
            let rms = NumberText(level.rmsProbabilityChange, scale: 100)
            rows.append(
                Row(
                    name: name, change: change, words: "\(rms.text) %",
                    hint: "\(name): 1 % of the tokens lose more than "
                        + "\(NumberText(max(0, -change.quantile01) * 100, digits: 2).text) points, "
                        + "the median changes by "
                        + "\(NumberText(change.median * 100, digits: 2).text)"))
        }
        self.rows = rows
        self.omitted = omitted
    }

    /// Within ±1 percentage point the axis is linear, beyond logarithmic: half of the tokens
    /// change by less, and a few by nearly everything.
    private static let threshold = 0.01

    /// The `svg` element for one layout; `nil` when no level can be drawn.
    func svg(_ layout: PlotLayout) -> String? {
        guard let least = rows.map(\.change.quantile001).min(),
            let most = rows.map(\.change.quantile999).max()
        else { return nil }
        let isWide = layout == .wide
        let frame = RowFrame(
            rows.map { ($0.name, $0.words) }, layout: layout, top: isWide ? 48 : 66)
        let axis = Axis.symmetricLogarithmic(
            min(least, 0)...max(most, 0), threshold: ProbabilityPlot.threshold, from: frame.left,
            to: frame.right
        ) { value in
            value == 0 ? "0" : "\(value > 0 ? "+" : "")\(NumberText.fixed(value * 100, 0))"
        }

        var plot = SVGPlot(
            width: layout.width, height: frame.height, identifier: "probability-\(layout.rawValue)",
            title: "Distribution of the change of probability", summary: summary)
        plot.text(
            "Change of the next token's probability, points", at: Point(x: 0, y: 14),
            class: "axis-title")
        if isWide {
            plot.text("RMS", at: Point(x: layout.width, y: 14), class: "axis-title", anchor: .end)
        }
        legend(in: &plot, layout)
        frame.draw(axis, in: &plot)
        frame.drawNames(in: &plot, prefix: isWide ? "" : "RMS ")
        for (index, row) in rows.enumerated() {
            draw(row, at: frame.middle(of: index), on: axis, in: &plot)
        }
        return plot.element
    }

    private func draw(_ row: Row, at middle: Double, on axis: Axis, in plot: inout SVGPlot) {
        let change = row.change
        plot.line(
            from: Point(x: axis.position(change.quantile001), y: middle),
            to: Point(x: axis.position(change.quantile999), y: middle), class: "bar mean-bar")
        for (low, high, half, name) in [
            (change.quantile01, change.quantile99, 3.5, "outer"),
            (change.quantile05, change.quantile95, 6.0, "middle"),
            (change.quantile10, change.quantile90, 8.5, "inner"),
        ] {
            let (left, right) = (axis.position(low), axis.position(high))
            plot.rectangle(
                Box(x: left, y: middle - half, width: max(right - left, 0.5), height: 2 * half),
                class: "spread \(name)", hint: row.hint)
        }
        let median = axis.position(change.median)
        plot.line(
            from: Point(x: median, y: middle - 10), to: Point(x: median, y: middle + 10),
            class: "median")
    }

    private func legend(in plot: inout SVGPlot, _ layout: PlotLayout) {
        var at = Point(x: 0, y: 34)
        for (half, name, text) in [
            (8.5, "inner", "80 %"), (6, "middle", "90 %"), (3.5, "outer", "98 %"),
        ] {
            plot.rectangle(
                Box(x: at.x, y: at.y - half, width: 20, height: 2 * half), class: "spread \(name)")
            plot.text(text, at: Point(x: at.x + 26, y: at.y + 4), class: "legend")
            at.x += 66
        }
        if layout == .narrow { at = Point(x: 0, y: at.y + 20) }
        plot.line(
            from: Point(x: at.x, y: at.y), to: Point(x: at.x + 20, y: at.y), class: "bar mean-bar")
        plot.text(
            "99.8 % of the tokens", at: Point(x: at.x + 26, y: at.y + 4), class: "legend")
        at.x += 170
        plot.line(
            from: Point(x: at.x + 4, y: at.y - 8), to: Point(x: at.x + 4, y: at.y + 8),
            class: "median")
        plot.text("median", at: Point(x: at.x + 14, y: at.y + 4), class: "legend")
    }

    /// What the drawing shows, in words.
    private var summary: String {
        rows.map { "\($0.hint), root mean square \($0.words)" }.joined(separator: "; ") + "."
    }
}

extension LevelStatistics.ProbabilityChange {
    /// All quantiles in rising order.
    var all: [Double] {
        [
            minimum, quantile001, quantile01, quantile05, quantile10, median, quantile90,
            quantile95, quantile99, quantile999, maximum,
        ]
    }
}
