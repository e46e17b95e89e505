import Foundation

/// A point of a drawing; y grows downwards.
package struct Point: Hashable {
    package var x: Double
    package var y: Double

    package init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// An upright rectangle of a drawing.
package struct Box: Hashable {
    var x: Double
    var y: Double
    var width: Double
    var height: Double

    package init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The box of this size around `center`.
    package static func around(_ center: Point, width: Double, height: Double) -> Box {
        Box(x: center.x - width / 2, y: center.y - height / 2, width: width, height: height)
    }

    package func intersects(_ other: Box) -> Bool {
        x < other.x + other.width && other.x < x + width && y < other.y + other.height
            && other.y < y + height
    }

    package func contains(_ other: Box) -> Bool {
        other.x >= x && other.y >= y && other.x + other.width <= x + width
            && other.y + other.height <= y + height
    }

    /// The point of the box that is nearest to `point`.
    func nearest(to point: Point) -> Point {
        Point(x: min(max(point.x, x), x + width), y: min(max(point.y, y), y + height))
    }

    /// Whether the straight line between two points passes through the box.
    package func intersects(from first: Point, to second: Point) -> Bool {
        // Cuts the line at each side in turn; something is left when it passes through.
        var (entry, exit) = (0.0, 1.0)
        let (dx, dy) = (second.x - first.x, second.y - first.y)
        let cuts = [
            (-dx, first.x - x), (dx, x + width - first.x), (-dy, first.y - y),
            (dy, y + height - first.y),
        ]
        for (slope, distance) in cuts {
            if slope == 0 {
                if distance < 0 { return false }
            } else if slope < 0 {
                entry = max(entry, distance / slope)
            } else {
                exit = min(exit, distance / slope)
            }
        }
        return entry < exit
    }
}

/// For which width a plot is drawn: the page holds both and shows the one that fits.
package enum PlotLayout: String, CaseIterable {
    case wide, narrow

    /// The width of the drawing, in the pixels of a screen of that kind.
    package var width: Double { self == .wide ? 760 : 360 }
}

/// An SVG drawing that is being made, for use inside an HTML page that styles its classes.
package struct SVGPlot {
    let width: Double
    let height: Double
    /// The drawing's name in the page; its title and description derive theirs from it.
    let identifier: String
    let title: String
    let summary: String
    private var body = ""

    package init(
        width: Double, height: Double, identifier: String, title: String, summary: String
    ) {
        self.width = width
        self.height = height
        self.identifier = identifier
        self.title = title
        self.summary = summary
    }

    /// Where a text is anchored.
    package enum Anchor: String {
        case start, middle, end
    }

    package mutating func line(from first: Point, to second: Point, class name: String) {
        body += "<line class=\"\(name)\" x1=\"\(number(first.x))\" y1=\"\(number(first.y))\" "
        body += "x2=\"\(number(second.x))\" y2=\"\(number(second.y))\"/>\n"
    }

    package mutating func polyline(_ points: [Point], class name: String) {
        guard points.count > 1 else { return }
        let list = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        body += "<polyline class=\"\(name)\" points=\"\(list)\"/>\n"
    }

    /// A disc with a text that appears on hovering.
    package mutating func disc(
        at center: Point, radius: Double, class name: String, hint: String = ""
    ) {
        body += "<circle class=\"\(name)\" cx=\"\(number(center.x))\" cy=\"\(number(center.y))\" "
        body += "r=\"\(number(radius))\">\(hintElement(hint))</circle>\n"
    }

    /// A square on its corner, with a text that appears on hovering.
    package mutating func diamond(
        at center: Point, radius: Double, class name: String, hint: String = ""
    ) {
        let corners = [(0.0, -radius), (radius, 0), (0, radius), (-radius, 0)]
            .map { "\(number(center.x + $0.0)),\(number(center.y + $0.1))" }
        body += "<polygon class=\"\(name)\" points=\"\(corners.joined(separator: " "))\">"
        body += "\(hintElement(hint))</polygon>\n"
    }

    /// An upright rectangle, with a text that appears on hovering; `opacity` is its fill's.
    package mutating func rectangle(
        _ box: Box, class name: String, opacity: Double? = nil, hint: String = ""
    ) {
        body += "<rect class=\"\(name)\" x=\"\(number(box.x))\" y=\"\(number(box.y))\" "
        body += "width=\"\(number(max(0, box.width)))\" height=\"\(number(max(0, box.height)))\""
        if let opacity { body += " fill-opacity=\"\(NumberText.fixed(opacity, 3))\"" }
        body += hint.isEmpty ? "/>\n" : ">\(hintElement(hint))</rect>\n"
    }

    package mutating func text(
        _ content: String, at point: Point, class name: String, anchor: Anchor = .start
    ) {
        body += "<text class=\"\(name)\" x=\"\(number(point.x))\" y=\"\(number(point.y))\" "
        body += "text-anchor=\"\(anchor.rawValue)\">\(markupEscaped(content))</text>\n"
    }

    /// The finished `svg` element.
    package var element: String {
        """
        <svg class="\(identifier.hasSuffix("-narrow") ? "plot narrow" : "plot wide")" \
        viewBox="0 0 \(number(width)) \(number(height))" role="img" \
        aria-labelledby="\(identifier)-title \(identifier)-desc">
        <title id="\(identifier)-title">\(markupEscaped(title))</title>
        <desc id="\(identifier)-desc">\(markupEscaped(summary))</desc>
        \(body)</svg>

        """
    }

    /// The drawing as a file of its own, with a style sheet in it.
    func document(style: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" \
        height="\(number(height))" viewBox="0 0 \(number(width)) \(number(height))" \
        class="plot" role="img" aria-labelledby="\(identifier)-title \(identifier)-desc">
        <style>
        \(style)
        svg { background: var(--page); font-family: system-ui, sans-serif; }
        </style>
        <title id="\(identifier)-title">\(markupEscaped(title))</title>
        <desc id="\(identifier)-desc">\(markupEscaped(summary))</desc>
        \(body)</svg>

        """
    }

    private func hintElement(_ hint: String) -> String {
        hint.isEmpty ? "" : "<title>\(markupEscaped(hint))</title>"
    }

    /// A coordinate with at most one decimal.
    private func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e6 else { return "0" }
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }
}
