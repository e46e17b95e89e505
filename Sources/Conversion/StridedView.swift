import Architectures
import TensorCore

/// A `TensorView` with numbers: for every element of the result, where it is stored.
///
/// Element `(i, j, …)` of the result is element `offset + i·stride₀ + j·stride₁ + …` of the stored
/// tensor. Neighbouring axes that can be one are one, so that a plain copy has a single axis.
struct StridedView: Sendable, Hashable {
    struct Axis: Sendable, Hashable {
        let count: Int
        let stride: Int
    }

    /// The sides of the result, outermost first.
    let axes: [Axis]
    /// The stored element that comes first.
    let offset: Int
    /// The number of elements of the result.
    let elementCount: Int

    /// All elements as they are stored.
    init(elementCount: Int) {
        axes = [Axis(count: elementCount, stride: 1)]
        offset = 0
        self.elementCount = elementCount
    }

    /// Axes of the result, outermost first, and the stored element that comes first.
    init(axes: [Axis], offset: Int) {
        self.axes = axes
        self.offset = offset
        elementCount = axes.reduce(1) { $0 * $1.count }
    }

    /// Puts a configuration's numbers into a view; `nil` when they do not go with `shape`: another
    /// number of elements, a cut that sticks out.
    init?(
        _ view: TensorView, of shape: Shape, in configuration: ModelConfiguration
    ) throws(ArchitectureError) {
        var sizes: [Int] = []
        for axis in view.axes { sizes.append(try axis.size(in: configuration)) }
        guard let box = Shape(sizes), box.elementCount == shape.elementCount else { return nil }
        var stride = 1
        var stored: [Axis] = []
        for size in sizes.reversed() {
            stored.insert(Axis(count: size, stride: stride), at: 0)
            stride *= size
        }
        var offset = 0
        if let cut = view.cut {
            guard stored.indices.contains(cut.axis) else { return nil }
            let (start, count) = (
                try cut.start.size(in: configuration), try cut.count.size(in: configuration)
            )
            let axis = stored[cut.axis]
            guard let end = start.adding(checked: count), end <= axis.count else { return nil }
            offset = start * axis.stride
            stored[cut.axis] = Axis(count: count, stride: axis.stride)
            if let dimensions = cut.sides {
                var sides: [Int] = []
                for side in dimensions { sides.append(try side.size(in: configuration)) }
                guard Shape(sides)?.elementCount == count else { return nil }
                var inner = axis.stride
                var split: [Axis] = []
                for size in sides.reversed() {
                    split.insert(Axis(count: size, stride: inner), at: 0)
                    inner *= size
                }
                stored.replaceSubrange(cut.axis...cut.axis, with: split)
            }
        }
        guard view.order.sorted() == Array(stored.indices) else { return nil }
        var axes: [Axis] = []
        for axis in view.order.map({ stored[$0] }) where axis.count != 1 {
            if let last = axes.last, last.stride == axis.count * axis.stride {
                axes[axes.count - 1] = Axis(count: last.count * axis.count, stride: axis.stride)
            } else {
                axes.append(axis)
            }
        }
        self.axes = axes.isEmpty ? [Axis(count: 1, stride: 1)] : axes
        self.offset = offset
        elementCount = axes.reduce(1) { $0 * $1.count }
    }

    /// Whether runs of `count` elements of the result, from a multiple of it on, are stored
    /// together.
    func keeps(runsOf count: Int) -> Bool {
        guard let last = axes.last, last.stride == 1 else { return false }
        return last.count % max(1, count) == 0
    }
}

extension StridedView {
    /// Elements of the result that are read with one piece of the stored tensor.
    struct Piece {
        /// A side of the box that the elements form.
        struct Axis {
            let count: Int
            /// The step in the stored tensor.
            let stride: Int
            /// The step in the result.
            let step: Int
        }

        /// The stored elements, from the first to the last that is needed.
        let stored: Range<Int>
        /// Where the first element goes, counted from the result's first.
        let start: Int
        /// The box, the longest stored steps first.
        let axes: [Axis]

        /// Whether the elements go into the result as they are stored.
        var isCopy: Bool { axes.allSatisfy { $0.stride == 1 && $0.step == 1 } && axes.count <= 1 }

        /// Calls `body` for every element with its place in the piece and its place in the result.
        @inline(__always)
        func forEach(_ body: (_ stored: Int, _ result: Int) -> Void) {
            guard let inner = axes.last else {
                body(0, start)
                return
            }
            let outer = axes.dropLast()
            var index = [Int](repeating: 0, count: outer.count)
            while true {
                var (source, result) = (0, start)
                for (position, axis) in outer.enumerated() {
                    source += index[position] * axis.stride
                    result += index[position] * axis.step
                }
                for _ in 0..<inner.count {
                    body(source, result)
                    source += inner.stride
                    result += inner.step
                }
                var position = outer.count - 1
                while position >= 0 {
                    index[position] += 1
                    if index[position] < outer[position].count { break }
                    index[position] = 0
                    position -= 1
                }
                if position < 0 { return }
            }
        }
    }

    /// The longest piece that is read although not all of it is needed, in elements.
    private static let pieceLimit = 1 << 16

    /// Cuts a range of the result into pieces of the stored tensor.
    ///
    /// A piece is as long as it can be while at least a quarter of it is needed.
    func forEachPiece(
        of range: Range<Int>, _ body: (Piece) throws -> Void
    ) rethrows {
        guard !range.isEmpty else { return }
        try visit(
            axis: 0, range, first: offset, result: range.lowerBound, origin: range.lowerBound, body)
    }

    /// Cuts a range of the result into runs that are stored together.
    func forEachRun(
        of range: Range<Int>, _ body: (_ stored: Range<Int>, _ start: Int) throws -> Void
    ) rethrows {
        guard let run = axes.last, run.stride == 1, run.count > 0 else { return }
        var position = range.lowerBound
        while position < range.upperBound {
            let (number, inRun) = position.quotientAndRemainder(dividingBy: run.count)
            var rest = number
            let count = min(run.count - inRun, range.upperBound - position)
            var stored = offset + inRun
            for axis in axes.dropLast().reversed() {
                let (quotient, index) = rest.quotientAndRemainder(dividingBy: axis.count)
                stored += index * axis.stride
                rest = quotient
            }
            try body(stored..<stored + count, position - range.lowerBound)
            position += count
        }
    }

    /// Cuts `range` of the elements that axes `axis` and inner ones have, into boxes.
    ///
    /// - Parameters:
    ///   - first: The stored element of the first of these elements.
    ///   - result: Where the range starts in the whole result.
    private func visit(
        axis: Int, _ range: Range<Int>, first: Int, result: Int, origin: Int,
        _ body: (Piece) throws -> Void
    ) rethrows {
        let side = axes[axis]
        let inner = axes[(axis + 1)...].reduce(1) { $0 * $1.count }
        var position = range.lowerBound
        while position < range.upperBound {
            let index = position / inner
            let inIndex = position - index * inner
            let place = result + position - range.lowerBound
            if inIndex != 0 || range.upperBound - position < inner {
                let end = min(inner, inIndex + range.upperBound - position)
                try visit(
                    axis: axis + 1, inIndex..<end, first: first + index * side.stride,
                    result: place, origin: origin, body)
                position += end - inIndex
                continue
            }
            let count = (range.upperBound - position) / inner
            var steps: [Piece.Axis] = []
            var step = 1
            for (number, other) in axes.enumerated().reversed() where number >= axis {
                let used = number == axis ? count : other.count
                if used > 1 { steps.append(.init(count: used, stride: other.stride, step: step)) }
                step *= other.count
            }
            try box(
                steps.sorted { $0.stride > $1.stride }, first: first + index * side.stride,
                start: place - origin, body)
            position += count * inner
        }
    }

    /// Cuts a box into pieces: the inner axes (by stored steps) together, the outer ones one by one.
    private func box(
        _ axes: [Piece.Axis], first: Int, start: Int, _ body: (Piece) throws -> Void
    ) rethrows {
        var inner = axes.count
        var (span, needed) = (1, 1)
        while inner > 0 {
            let axis = axes[inner - 1]
            let longer = span + (axis.count - 1) * axis.stride
            let more = needed * axis.count
            guard longer == more || longer <= min(StridedView.pieceLimit, 4 * more) else { break }
            (span, needed) = (longer, more)
            inner -= 1
        }
        let outer = axes[..<inner]
        let count = outer.reduce(1) { $0 * $1.count }
        for number in 0..<count {
            var rest = number
            var (stored, result) = (first, start)
            for axis in outer.reversed() {
                let (quotient, index) = rest.quotientAndRemainder(dividingBy: axis.count)
                stored += index * axis.stride
                result += index * axis.step
                rest = quotient
            }
            try body(
                Piece(stored: stored..<stored + span, start: result, axes: Array(axes[inner...])))
        }
    }
}
