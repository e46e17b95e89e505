import Foundation

/// A label that looks for a place near its point.
package struct LabelRequest {
    package let anchor: Point
    let width: Double
    let height: Double

    package init(anchor: Point, width: Double, height: Double) {
        self.anchor = anchor
        self.width = width
        self.height = height
    }
}

/// The place that a label got.
package struct LabelPlace: Hashable {
    package let box: Box
    /// Whether a line must lead to its point: it is far away, or another mark is as near.
    let needsLeader: Bool
    /// Where that line starts: the label's own point.
    let anchor: Point
    /// Where that line ends: the point of the box that is nearest to `anchor`.
    let nearest: Point
}

/// Places labels near their points so that none covers another label or a mark.
///
/// Each label, in turn, takes the cheapest of the free places on growing rings around its point:
/// near is cheap, crossing one of `lines` is dear. A label that finds none gets `nil`; the plot
/// then does without it.
/// - Complexity: O(labels × (labels + marks + lines)) with a constant number of places tried.
package func placeLabels(
    _ requests: [LabelRequest], marks: [Box], lines: [(Point, Point)], frame: Box
) -> [LabelPlace?] {
    var taken: [LabelPlace] = []
    return requests.map { request in
        var best: (place: LabelPlace, cost: Double)?
        for distance in [8.0, 12, 18, 26, 36, 50, 70, 95, 130] {
            for step in 0..<24 {
                let angle = Double(step) * .pi / 12
                let (across, down) = (cos(angle), -sin(angle))
                let center = Point(
                    x: request.anchor.x + across * (distance + request.width / 2),
                    y: request.anchor.y + down * (distance + request.height / 2))
                let box = Box.around(center, width: request.width, height: request.height)
                guard frame.contains(box), !marks.contains(where: box.intersects) else { continue }
                let nearest = box.nearest(to: request.anchor)
                let own = distanceSquared(request.anchor, nearest)
                let isAmbiguous = marks.contains { mark in
                    let center = Point(x: mark.x + mark.width / 2, y: mark.y + mark.height / 2)
                    return distanceSquared(center, request.anchor) > 1
                        && distanceSquared(center, box.nearest(to: center)) < 1.7 * own
                }
                let place = LabelPlace(
                    box: box, needsLeader: distance > 18 || isAmbiguous, anchor: request.anchor,
                    nearest: nearest)
                let isFree = taken.allSatisfy { other in
                    !other.box.intersects(box)
                        && !(place.needsLeader
                            && other.box.intersects(from: request.anchor, to: nearest))
                        && !(other.needsLeader
                            && box.intersects(from: other.nearest, to: other.anchor))
                }
                guard isFree else { continue }
                let crossings = lines.filter { box.intersects(from: $0.0, to: $0.1) }.count
                // Right of the point reads best, then left; below costs a little more.
                let side = across > 0.9 ? 0.0 : across < -0.9 ? 2 : down < 0 ? 3 : 4
                let cost =
                    distance + side + 14 * Double(crossings) + (isAmbiguous ? 10 : 0)
                if cost < best?.cost ?? .infinity {
                    best = (place, cost)
                }
            }
        }
        if let best { taken.append(best.place) }
        return best?.place
    }
}

private func distanceSquared(_ first: Point, _ second: Point) -> Double {
    let (dx, dy) = (first.x - second.x, first.y - second.y)
    return dx * dx + dy * dy
}
