extension SVGPlot {
    /// Draws the frame of a plot of two axes: lines across at the upright one's ticks, marks at the other's, and
    /// what both count.
    package mutating func frame(_ x: Axis, _ y: Axis, up: String, across: String) {
        for tick in y.ticks {
            let height = y.position(tick.value)
            line(
                from: Point(x: x.start, y: height), to: Point(x: x.end, y: height),
                class: tick.label == nil ? "grid minor" : "grid")
            if let label = tick.label {
                text(label, at: Point(x: x.start - 8, y: height + 4), class: "tick", anchor: .end)
            }
        }
        for tick in x.ticks {
            let place = x.position(tick.value)
            line(
                from: Point(x: place, y: y.start), to: Point(x: place, y: y.start + 5),
                class: "axis")
            text(
                tick.label ?? "", at: Point(x: place, y: y.start + 20), class: "tick",
                anchor: .middle)
        }
        line(from: Point(x: x.start, y: y.start), to: Point(x: x.end, y: y.start), class: "axis")
        text(up, at: Point(x: 0, y: 14), class: "axis-title")
        text(across, at: Point(x: x.end, y: y.start + 40), class: "axis-title", anchor: .end)
    }
}
