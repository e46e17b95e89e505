import Evaluation
import Foundation

/// A heat map for each format.
///
/// It shows how far the predictions move when one part alone is quantized to
/// it. A row is a kind of tensor, a column a layer; all formats share one scale of colour.
struct SensitivityPlot {
    private let grids: [Sensitivity.Grid]
    private let least: Double
    private let most: Double

    /// `nil` when there is nothing to draw.
    init?(_ sensitivity: Sensitivity) {
        grids = sensitivity.grids.filter { grid in
            grid.rows.contains { $0.whole != nil || $0.values.contains { $0 != nil } }
        }
        let values = grids.flatMap { grid in
            grid.rows.flatMap { row in row.values.compactMap { $0 } + [row.whole].compactMap { $0 }
            }
        }.filter { $0 > 0 && $0.isFinite }
        guard let low = values.min(), let high = values.max() else { return nil }
        // Four decades are what shades can tell apart.
        most = high
        least = max(low, high / 1e4)
    }

    /// How dark a divergence is: 0 is the page, 1 the full colour.
    private func shade(_ value: Double) -> Double {
        guard value > 0 else { return 0.04 }
        guard value.isFinite else { return 1 }
        let span = log(most / least)
        let place = span > 0 ? log(max(value, least) / least) / span : 1
        return 0.06 + 0.94 * min(place, 1)
    }

    /// The `svg` element for one layout.
    func svg(_ layout: PlotLayout) -> String? {
        let isWide = layout == .wide
        let limit = isWide ? 20 : 12
        let names = grids.flatMap { $0.rows.map { shortened(visible($0.kind), to: limit) } }
        let left = Double(names.map(columnCount).max() ?? 0) * 7.4 + 10
        let rowHeight = isWide ? 20.0 : 18
        let body = grids.reduce(0.0) { $0 + 46 + Double($1.rows.count) * rowHeight }
        var plot = SVGPlot(
            width: layout.width, height: 52 + body, identifier: "sensitivity-\(layout.rawValue)",
            title: "Sensitivity of the layers", summary: summary)
        plot.text(
            "KL divergence when this alone is quantized, nat", at: Point(x: 0, y: 14),
            class: "axis-title")
        legend(in: &plot, width: isWide ? 300 : layout.width)
        var top = 60.0
        for grid in grids {
            plot.text(
                shortened(visible(grid.format), to: 30), at: Point(x: 0, y: top + 12),
                class: "label")
            layers(grid, in: &plot, at: top + 14, left: left, right: layout.width - 4)
            top += 20
            for row in grid.rows {
                plot.text(
                    shortened(visible(row.kind), to: limit),
                    at: Point(x: 0, y: top + rowHeight / 2 + 4), class: "tick")
                let frame = Box(
                    x: left, y: top, width: layout.width - 4 - left, height: rowHeight)
                cells(row, of: grid, in: &plot, frame)
                top += rowHeight
            }
            top += 26
        }
        return plot.element
    }

    private func cells(
        _ row: Sensitivity.Grid.Row, of grid: Sensitivity.Grid, in plot: inout SVGPlot, _ frame: Box
    ) {
        func hint(_ place: String, _ value: Double) -> String {
            "\(place), \(grid.format): \(NumberText(value, digits: 3).text) nat"
        }
        if let whole = row.whole {
            plot.rectangle(
                Box(x: frame.x, y: frame.y + 1, width: frame.width, height: frame.height - 2),
                class: "heat", opacity: shade(whole), hint: hint(row.kind, whole))
        }
        guard !grid.layers.isEmpty else { return }
        let width = frame.width / Double(grid.layers.count)
        let gap = width > 6 ? 1.0 : 0
        for (column, value) in row.values.enumerated() {
            guard let value else { continue }
            plot.rectangle(
                Box(
                    x: frame.x + Double(column) * width, y: frame.y + 1, width: width - gap,
                    height: frame.height - 2),
                class: "heat", opacity: shade(value),
                hint: hint("\(row.kind) of layer \(grid.layers[column])", value))
        }
    }

    /// The numbers of the layers above their columns, as many as there is room for.
    private func layers(
        _ grid: Sensitivity.Grid, in plot: inout SVGPlot, at y: Double, left: Double, right: Double
    ) {
        guard !grid.layers.isEmpty else { return }
        let width = (right - left) / Double(grid.layers.count)
        let step = max(1, Int(Axis.niceStep(34 / width).rounded(.up)))
        for (column, layer) in grid.layers.enumerated() where column.isMultiple(of: step) {
            plot.text(
                "\(layer)", at: Point(x: left + (Double(column) + 0.5) * width, y: y),
                class: "tick", anchor: .middle)
        }
    }

    private func legend(in plot: inout SVGPlot, width: Double) {
        let steps = 24
        let (low, high) = (NumberText(least, digits: 2).text, NumberText(most, digits: 2).text)
        let left = Double(columnCount(low) + 2) * 7 + 8
        let bar = width - left - Double(columnCount(high)) * 7 - 12
        plot.text("≤ \(low)", at: Point(x: 0, y: 40), class: "legend")
        for step in 0..<steps {
            let value = least * pow(most / least, Double(step) / Double(steps - 1))
            plot.rectangle(
                Box(
                    x: left + Double(step) * bar / Double(steps), y: 30,
                    width: bar / Double(steps) + 0.2, height: 12),
                class: "heat", opacity: shade(value))
        }
        plot.text(high, at: Point(x: left + bar + 8, y: 40), class: "legend")
    }

    /// What the drawing shows, in words.
    private var summary: String {
        grids.map { grid in
            let kinds = grid.rows.map { row in
                let values = row.values.compactMap { $0 } + [row.whole].compactMap { $0 }
                let mean = values.reduce(0, +) / Double(max(1, values.count))
                return "\(row.kind) \(NumberText(mean, digits: 2).text)"
            }
            return "\(grid.format), mean over the layers: \(kinds.joined(separator: ", "))"
        }.joined(separator: "; ") + "."
    }
}
