import Evaluation

/// How much higher than the base's a level's perplexity is, a row per level.
struct PerplexityPlot {
    private struct Row {
        let name: String
        /// The ratio less one, its error paired; `nil` when it cannot be drawn.
        let excess: Estimate?
        let words: String
    }

    private let rows: [Row]
    private let values: [Double]

    init(_ report: QualityReport) {
        rows = report.sortedLevels.map { level in
            let ratio = level.perplexityRatio
            let excess = Estimate(ratio.value - 1, standardError: ratio.standardError)
            let canDraw = excess.value.isFinite && abs(excess.value) < 1e9
            let number = NumberText(excess, scale: 100)
            let sign = excess.value > 0 ? "+" : ""
            let signed =
                number.power.isEmpty && number.error != nil
                ? "\(sign)\(number.text) %"
                : "\(number.error == nil ? sign : "")\(number.text) %"
            return Row(
                name: report.displayName(of: level), excess: canDraw ? excess : nil,
                words: excess.value.isFinite ? signed : "not finite")
        }
        values = rows.compactMap(\.excess).flatMap { estimate in
            let reach = PerplexityPlot.reach(estimate)
            return [estimate.value - reach, estimate.value + reach]
        }
    }

    /// Half the length of an error bar: two standard errors.
    private static func reach(_ estimate: Estimate) -> Double {
        guard let error = estimate.standardError, error.isFinite, error < 1e9 else { return 0 }
        return 2 * abs(error)
    }

    /// Beyond an excess of 1 % the axis is logarithmic, when there is anything far beyond.
    private static let threshold = 0.01

    /// Whether the axis is linear throughout.
    var isLinear: Bool { values.allSatisfy { abs($0) <= 5 * PerplexityPlot.threshold } }

    /// The `svg` element for one layout; `nil` when no level can be drawn.
    func svg(_ layout: PlotLayout) -> String? {
        guard let least = values.min(), let most = values.max() else { return nil }
        let frame = RowFrame(rows.map { ($0.name, $0.words) }, layout: layout, top: 28)
        let axis =
            isLinear
            ? Axis.linear(
                min(least, 0)...max(most, 0), from: frame.left, to: frame.right,
                count: layout == .wide ? 8 : 4
            ) { PerplexityPlot.percent($0, decimals: max(0, $1 - 2)) }
            : Axis.symmetricLogarithmic(
                least...most, threshold: PerplexityPlot.threshold, from: frame.left,
                to: frame.right
            ) { PerplexityPlot.percent($0, decimals: 0) }

        var plot = SVGPlot(
            width: layout.width, height: frame.height, identifier: "perplexity-\(layout.rawValue)",
            title: "Perplexity above the base's",
            summary: rows.map { "\($0.name): \($0.words)" }.joined(separator: "; ") + ".")
        plot.text("Perplexity above the base's", at: Point(x: 0, y: 14), class: "axis-title")
        frame.draw(axis, in: &plot)
        frame.drawNames(in: &plot)
        for (index, row) in rows.enumerated() {
            let height = frame.middle(of: index)
            guard let excess = row.excess else { continue }
            let reach = PerplexityPlot.reach(excess)
            if reach > 0 {
                let ends = [excess.value - reach, excess.value + reach].map(axis.position)
                plot.line(
                    from: Point(x: ends[0], y: height), to: Point(x: ends[1], y: height),
                    class: "bar mean-bar")
                for end in ends {
                    plot.line(
                        from: Point(x: end, y: height - 4), to: Point(x: end, y: height + 4),
                        class: "bar mean-bar")
                }
            }
            plot.disc(
                at: Point(x: axis.position(excess.value), y: height), radius: 4, class: "mean",
                hint: "\(row.name): \(row.words)")
        }
        return plot.element
    }

    /// A fraction as a signed percentage: `+10 %`, `0`, `−1 %`.
    private static func percent(_ value: Double, decimals: Int) -> String {
        guard abs(value) > 1e-12 else { return "0" }
        let text = NumberText.fixed(value * 100, decimals)
        return "\(value > 0 ? "+" : "")\(text) %"
    }
}
