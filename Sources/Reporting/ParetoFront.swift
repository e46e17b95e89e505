/// The indices of the points that no other point beats, by increasing `x`.
///
/// A point is beaten when another is no worse in both coordinates and better in one; less is
/// better. Points with a coordinate that is not a number are never on the front.
/// - Complexity: O(n log n).
package func paretoFront(_ points: [(x: Double, y: Double)]) -> [Int] {
    let order = points.indices
        .filter { !points[$0].x.isNaN && !points[$0].y.isNaN }
        .sorted { first, second in
            let (a, b) = (points[first], points[second])
            return a.x != b.x ? a.x < b.x : a.y != b.y ? a.y < b.y : first < second
        }
    var front: [Int] = []
    for index in order {
        guard let last = front.last else {
            front.append(index)
            continue
        }
        let (point, best) = (points[index], points[last])
        if point.y < best.y || (point.y == best.y && point.x == best.x) { front.append(index) }
    }
    return front
}
