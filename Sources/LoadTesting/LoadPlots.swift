import Reporting

/// The percentiles of one measure, a row a level.
struct LatencyPlot {
    private let name: String
    private let rows: [(level: String, summary: DurationSummary)]

    init(
        _ name: String, levels: [LevelResult], summary: (LevelResult) -> DurationSummary?
    ) {
        self.name = name
        rows = levels.compactMap { level in summary(level).map { (level.level, $0) } }
    }

    /// The `svg` element; `nil` when nothing was measured.
    func svg(_ layout: PlotLayout) -> String? {
        // A logarithmic axis has no zero; a microsecond is the finest that is kept.
        func milliseconds(_ seconds: Double) -> Double { max(seconds * 1000, 0.001) }
        let values = rows.flatMap { [milliseconds($0.summary.p50), milliseconds($0.summary.p99)] }
        guard let least = values.min(), let most = values.max() else { return nil }
        func words(_ summary: DurationSummary) -> String {
            "\(LoadReport.milliseconds(summary.p50)) … \(LoadReport.milliseconds(summary.p99)) ms"
        }
        let frame = RowFrame(
            rows.map { ($0.level, words($0.summary)) }, layout: layout, top: 28)
        let axis = Axis.logarithmic(least...most, from: frame.left, to: frame.right)
        let title = "\(name) in milliseconds"
        var plot = SVGPlot(
            width: layout.width, height: frame.height,
            identifier: "\(name.lowercased())-\(layout.rawValue)", title: title,
            summary: rows.map { "\($0.level): \(words($0.summary))" }.joined(separator: "; "))
        plot.text(title, at: Point(x: 0, y: 14), class: "axis-title")
        frame.draw(axis, in: &plot)
        frame.drawNames(in: &plot)
        for (index, row) in rows.enumerated() {
            let height = frame.middle(of: index)
            func point(_ seconds: Double) -> Point {
                Point(x: axis.position(milliseconds(seconds)), y: height)
            }
            let summary = row.summary
            plot.line(from: point(summary.p50), to: point(summary.p99), class: "bar mean-bar")
            for seconds in [summary.p90, summary.p95] {
                let place = point(seconds)
                plot.line(
                    from: Point(x: place.x, y: height - 5), to: Point(x: place.x, y: height + 5),
                    class: "bar mean-bar")
            }
            plot.disc(
                at: point(summary.p50), radius: 4, class: "mean",
                hint: "P50 \(LoadReport.milliseconds(summary.p50)) ms")
            plot.diamond(
                at: point(summary.p99), radius: 5, class: "tail",
                hint: "P99 \(LoadReport.milliseconds(summary.p99)) ms")
        }
        return plot.element
    }
}

/// Output tokens a second against what the levels differ in.
struct ThroughputPlot {
    private let points: [(level: String, x: Double, y: Double)]
    private let isOpen: Bool

    init(_ report: LoadReport) {
        isOpen = report.levels.contains { $0.rate != nil }
        points = report.levels.filter { $0.completed > 0 }.compactMap { level in
            (level.rate ?? level.concurrency.map(Double.init)).map {
                (level.level, $0, level.outputTokensPerSecond)
            }
        }
        .sorted { $0.x < $1.x }
    }

    /// The `svg` element; `nil` for fewer than two levels.
    func svg(_ layout: PlotLayout) -> String? {
        guard points.count > 1, let first = points.first, let last = points.last,
            let most = points.map(\.y).max(), most > 0
        else { return nil }
        let height = 260.0
        let (left, right, top, bottom) = (56.0, layout.width - 16, 32.0, height - 46)
        let across = Axis.logarithmic(first.x...last.x, from: left, to: right)
        let up = Axis.linear(0...most, from: bottom, to: top, count: 5)
        var plot = SVGPlot(
            width: layout.width, height: height, identifier: "throughput-\(layout.rawValue)",
            title: "Output tokens a second",
            summary: points.map { "\($0.level): \(LoadReport.figure($0.y))" }
                .joined(separator: "; "))
        plot.frame(
            across, up, up: "Output tokens a second",
            across: isOpen ? "requests sent a second" : "clients")
        let places = points.map { Point(x: across.position($0.x), y: up.position($0.y)) }
        plot.polyline(places, class: "front")
        for (place, point) in zip(places, points) {
            plot.disc(
                at: place, radius: 4, class: "mean",
                hint: "\(point.level): \(LoadReport.figure(point.y)) tokens a second")
        }
        return plot.element
    }
}
