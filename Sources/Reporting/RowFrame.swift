/// What plots with a row per level have in common: where rows lie, their names and figures, and the
/// grid of the axis below them.
///
/// On a narrow screen name and figure stand above their bar, on a wide one beside it.
package struct RowFrame {
    private let names: [String]
    private let figures: [String]
    private let layout: PlotLayout
    private let top: Double
    /// The ends of the axis.
    package let left, right: Double

    private var isWide: Bool { layout == .wide }
    private var rowHeight: Double { isWide ? 30 : 46 }
    private var bottom: Double { top + Double(names.count) * rowHeight }
    /// The height of the plot, tick labels included.
    package var height: Double { bottom + 28 }

    /// Lays out rows below `top`.
    package init(_ rows: [(name: String, figure: String)], layout: PlotLayout, top: Double) {
        // The labels' fixed-width font: 0.61 em, 12 px.
        func width(_ texts: [String]) -> Double {
            Double(texts.map(columnCount).max() ?? 0) * 7.4
        }
        names = rows.map { shortened(visible($0.name), to: layout == .wide ? 20 : 24) }
        figures = rows.map(\.figure)
        left = layout == .wide ? width(names) + 14 : 14
        right = layout.width - (layout == .wide ? width(figures) + 16 : 18)
        self.layout = layout
        self.top = top
    }

    /// The height at which a row's bar lies.
    package func middle(of row: Int) -> Double {
        top + Double(row) * rowHeight + (isWide ? rowHeight / 2 : 31)
    }

    /// Draws the grid and the tick labels.
    package func draw(_ axis: Axis, in plot: inout SVGPlot) {
        // Between names and bars a long line would cross the names: one piece per bar then.
        let pieces =
            isWide
            ? [(top, bottom)]
            : names.indices.map { (middle(of: $0) - 10, middle(of: $0) + 10) }
        for tick in axis.ticks {
            let place = axis.position(tick.value)
            let name = tick.value == 0 ? "zero" : tick.label == nil ? "grid minor" : "grid"
            for (start, end) in pieces {
                plot.line(from: Point(x: place, y: start), to: Point(x: place, y: end), class: name)
            }
            if let label = tick.label {
                plot.text(
                    label, at: Point(x: place, y: bottom + 18), class: "tick", anchor: .middle)
            }
        }
    }

    /// Draws the names, and the figures after `prefix`.
    package func drawNames(in plot: inout SVGPlot, prefix: String = "") {
        for (index, name) in names.enumerated() {
            let base = middle(of: index) + (isWide ? 4 : -16)
            plot.text(name, at: Point(x: 0, y: base), class: "label")
            plot.text(
                prefix + figures[index], at: Point(x: layout.width, y: base), class: "label",
                anchor: .end)
        }
    }
}
