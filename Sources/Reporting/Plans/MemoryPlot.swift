import Planning

/// Memory against context, with a line for what each device has.
struct MemoryPlot {
    let plan: ServingPlan

    /// The memories worth a line: those near the curve, each once, the smallest first.
    private var memories: [(name: String, bytes: Double)] {
        let most = Double(plan.memoryByContext.last?.total ?? 1)
        let least = Double(plan.memoryByContext.first?.total ?? 1)
        var names: [Int: [String]] = [:]
        for device in plan.devices
        where device.usableBytes > 0 && Double(device.usableBytes) > least / 8
            && Double(device.usableBytes) < most * 8
        {
            names[device.usableBytes, default: []].append(device.device.name)
        }
        return names.sorted { $0.key < $1.key }.map { bytes, names in
            (names[0] + (names.count > 1 ? " and \(names.count - 1) more" : ""), Double(bytes))
        }
    }

    /// The `svg` element for one layout; `nil` when there are no two points.
    func svg(_ layout: PlotLayout) -> String? {
        let points = plan.memoryByContext
        guard points.count > 1, let first = points.first, let last = points.last else {
            return nil
        }
        let lines = memories
        let bytes = points.map { Double($0.total) } + lines.map(\.bytes)
        let bottom = layout == .wide ? 360.0 : 300.0
        let y = Axis.logarithmic(
            max(1, bytes.min() ?? 1) / 1e9...max(2, bytes.max() ?? 2) / 1e9, from: bottom, to: 34)
        let x = Axis.logarithmic(
            Double(first.context)...Double(last.context), from: 56,
            to: layout.width - (layout == .wide ? 130 : 8))
        var plot = SVGPlot(
            width: layout.width, height: bottom + 46, identifier: "memory-\(layout.rawValue)",
            title: "Memory against context",
            summary: points.map { "\($0.context): \(NumberFormat.bytes($0.total))" }
                .joined(separator: "; ") + ".")
        plot.frame(
            x, y, up: "memory of \(plan.slots) slots, GB (log scale)",
            across: "context of each, tokens (log scale)")
        var lastName = Double.infinity
        for (name, bytes) in lines {
            let height = y.position(bytes / 1e9)
            plot.line(
                from: Point(x: x.start, y: height), to: Point(x: x.end, y: height),
                class: "bar tail-bar")
            // Names that would lie on one another are left out.
            guard lastName - height >= 13 else { continue }
            lastName = height
            plot.text(
                name, at: Point(x: layout == .wide ? x.end + 6 : x.end, y: height + 4),
                class: "legend", anchor: layout == .wide ? .start : .end)
        }
        let places = points.map {
            Point(x: x.position(Double($0.context)), y: y.position(Double($0.total) / 1e9))
        }
        plot.polyline(places, class: "front")
        for (point, place) in zip(points, places) {
            plot.disc(
                at: place, radius: 4, class: "mean",
                hint: "\(point.context) tokens: \(NumberFormat.bytes(point.total))")
        }
        return plot.element
    }
}
