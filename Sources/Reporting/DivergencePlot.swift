import Evaluation

/// Divergence against size: the mean and the 99.9 % quantile of every level, on a logarithmic
/// axis, and for each of the two the front of the levels that no other level beats.
struct DivergencePlot {
    /// What a level's size is.
    enum Size {
        case bitsPerWeight
        case fileBytes
    }

    /// A level that can be drawn: its size is a number and its mean a positive one.
    private struct Mark {
        let name: String
        /// In the axis' unit.
        let size: Double
        let mean: Estimate
        /// `nil` when it is not a positive number.
        let quantile: Double?
    }

    private let marks: [Mark]
    /// The size in words, and its unit where it is part of a sentence.
    private let title: String
    private let unit: String
    private let front: [Int]
    private let tailFront: [Int]
    /// The names of the levels that a logarithmic axis cannot show.
    let omitted: [String]

    init(_ report: QualityReport, against kind: Size = .bitsPerWeight) {
        let largest = report.levels.map(\.fileByteCount).max() ?? 0
        let bytes = largest >= 1_000_000_000 ? (1e9, "GB") : (1e6, "MB")
        (title, unit) =
            kind == .fileBytes
            ? ("size of the file, \(bytes.1)", bytes.1) : ("bits per weight", "bits per weight")
        var marks: [Mark] = []
        var omitted: [String] = []
        for level in report.sortedLevels {
            let (mean, quantile) = (level.divergence.mean, level.divergence.quantile999.value)
            let name = report.displayName(of: level)
            let size =
                kind == .fileBytes ? Double(level.fileByteCount) / bytes.0 : level.bitsPerWeight
            if DivergencePlot.drawable.contains(mean.value),
                kind == .fileBytes || (0...1000).contains(size)
            {
                let drawn = DivergencePlot.drawable.contains(quantile) ? quantile : nil
                marks.append(
                    Mark(name: name, size: size, mean: mean, quantile: drawn))
            } else {
                omitted.append(name)
            }
        }
        self.marks = marks
        self.omitted = omitted
        front = paretoFront(marks.map { ($0.size, $0.mean.value) })
        tailFront = paretoFront(marks.map { ($0.size, $0.quantile ?? .nan) })
    }

    private static let drawable = 1e-200...1e200

    /// The `svg` element for one layout; `nil` when no level can be drawn.
    func svg(_ layout: PlotLayout) -> String? { plot(layout)?.element }

    /// The drawing for a page of its own; `nil` when no level can be drawn.
    var drawing: SVGPlot? { plot(.wide) }

    private func plot(_ layout: PlotLayout) -> SVGPlot? {
        guard let axes = axes(layout) else { return nil }
        let (x, y) = axes
        var plot = SVGPlot(
            width: layout.width, height: y.start + 46,
            identifier: "divergence-\(layout.rawValue)",
            title: "KL divergence against \(title)", summary: summary)

        plot.frame(x, y, up: "KL divergence from the base, nat (log scale)", across: title)
        legend(in: &plot, layout)
        draw(in: &plot, x, y)
        return plot
    }

    private func axes(_ layout: PlotLayout) -> (x: Axis, y: Axis)? {
        var values = marks.compactMap(\.quantile)
        for mark in marks {
            values.append(mark.mean.value)
            values += ends(of: mark.mean)
        }
        let sizes = marks.map(\.size)
        guard let least = values.min(), let most = values.max(), let low = sizes.min(),
            let high = sizes.max()
        else { return nil }
        let top = layout == .wide ? 58.0 : 76.0
        let height = layout == .wide ? 340.0 : 300.0
        let y = Axis.logarithmic(least...most, from: top + height, to: top)
        // Room for the longest label.
        let columns = y.ticks.compactMap(\.label).map(columnCount).max() ?? 0
        let left = max(46, Double(columns) * 7.4 + 10)
        let count = layout == .wide ? 8 : 5
        return (.linear(low...high, from: left, to: layout.width - 10, count: count), y)
    }

    /// The ends of an error bar of two standard errors that the axis can show.
    private func ends(of estimate: Estimate) -> [Double] {
        guard let error = estimate.standardError, error.isFinite, error > 0 else { return [] }
        let (low, high) = (estimate.value - 2 * error, estimate.value + 2 * error)
        // A bar that reaches zero has no lower end on this axis; it is drawn to a tenth.
        return [max(low, estimate.value / 10), high].filter(DivergencePlot.drawable.contains)
    }

    private func legend(in plot: inout SVGPlot, _ layout: PlotLayout) {
        var at = Point(x: 6, y: 36)
        plot.disc(at: at, radius: 4, class: "mean")
        plot.text("mean", at: Point(x: at.x + 10, y: at.y + 4), class: "legend")
        at.x += 62
        plot.diamond(at: at, radius: 5, class: "tail")
        plot.text("99.9 % quantile", at: Point(x: at.x + 10, y: at.y + 4), class: "legend")
        at = layout == .wide ? Point(x: at.x + 130, y: at.y) : Point(x: 0, y: at.y + 20)
        plot.line(from: Point(x: at.x, y: at.y), to: Point(x: at.x + 20, y: at.y), class: "front")
        plot.line(
            from: Point(x: at.x + 26, y: at.y), to: Point(x: at.x + 46, y: at.y),
            class: "front tail-front")
        plot.text("Pareto fronts", at: Point(x: at.x + 54, y: at.y + 4), class: "legend")
    }

    private func draw(in plot: inout SVGPlot, _ x: Axis, _ y: Axis) {
        let means = marks.map { Point(x: x.position($0.size), y: y.position($0.mean.value)) }
        let tails = marks.map { mark in
            mark.quantile.map { Point(x: x.position(mark.size), y: y.position($0)) }
        }
        let path = front.map { means[$0] }
        let tailPath = tailFront.compactMap { tails[$0] }
        for (mean, tail) in zip(means, tails) {
            if let tail { plot.line(from: mean, to: tail, class: "stem") }
        }
        plot.polyline(tailPath, class: "front tail-front")
        plot.polyline(path, class: "front")

        let size = 12.0
        var boxes: [Box] = []
        for (mean, tail) in zip(means, tails) {
            boxes.append(.around(mean, width: size, height: size))
            if let tail { boxes.append(.around(tail, width: size, height: size)) }
        }
        var lines = Array(zip(path, path.dropFirst())) + zip(tailPath, tailPath.dropFirst())
        for (mean, tail) in zip(means, tails) {
            if let tail { lines.append((mean, tail)) }
        }
        let names = marks.map { shortened(visible($0.name), to: 24) }
        let places = placeLabels(
            zip(names, means).map { name, point in
                // The labels' fixed-width font: 0.61 em, 12 px.
                LabelRequest(
                    anchor: point, width: Double(columnCount(name)) * 7.4 + 2, height: 15)
            }, marks: boxes, lines: lines,
            frame: Box(x: x.start, y: y.end, width: x.end - x.start, height: y.start - y.end))
        for place in places.compactMap({ $0 }) where place.needsLeader {
            plot.line(from: place.anchor, to: place.nearest, class: "leader")
        }
        for index in marks.indices { point(index, means[index], tails[index], in: &plot, x, y) }
        for (name, place) in zip(names, places) {
            guard let box = place?.box else { continue }
            plot.text(
                name, at: Point(x: box.x + box.width / 2, y: box.y + 11.5), class: "label",
                anchor: .middle)
        }
    }

    private func point(
        _ index: Int, _ mean: Point, _ tail: Point?, in plot: inout SVGPlot, _ x: Axis, _ y: Axis
    ) {
        let mark = marks[index]
        let bar = ends(of: mark.mean).map { Point(x: mean.x, y: y.position($0)) }
        if bar.count == 2 { plot.line(from: bar[0], to: bar[1], class: "bar mean-bar") }
        let size = "\(NumberText.fixed(mark.size, 2)) \(unit)"
        if let tail, let quantile = mark.quantile {
            plot.diamond(
                at: tail, radius: 5, class: tailFront.contains(index) ? "tail" : "tail beaten",
                hint: "\(mark.name): 99.9 % quantile \(NumberText(quantile, digits: 3).text) nat, "
                    + "\(size)")
        }
        plot.disc(
            at: mean, radius: 4, class: front.contains(index) ? "mean" : "mean beaten",
            hint: "\(mark.name): mean \(NumberText(mark.mean).text) nat, \(size)")
    }

    /// What the drawing shows, in words.
    private var summary: String {
        let points = marks.map { mark in
            "\(mark.name) at \(NumberText.fixed(mark.size, 2)) \(unit): mean "
                + "\(NumberText(mark.mean).text)"
                + (mark.quantile.map { ", 99.9 % quantile \(NumberText($0, digits: 3).text)" } ?? "")
        }
        return points.joined(separator: "; ") + "."
    }
}
