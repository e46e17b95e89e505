import Quantization
import TensorCore
import TestSupport
import Testing

/// Products whose bits depend on neither instruction set nor threads nor what is computed together.
@Suite("Ordered products")
struct OrderedProductTests {
    /// Sizes below, at and beyond panels, vectors and stretches.
    private static let sizes: [(rows: Int, columns: Int, depth: Int)] = [
        (1, 1, 1), (12, 32, 256), (13, 33, 257), (5, 7, 3), (25, 70, 300), (3, 40, 513), (4, 9, 0),
    ]

    private static func numbers<Element: OrderedElement>(_ count: Int, _ seed: UInt64) -> [Element]
    {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Element(random.normal()) }
    }

    /// A product, with rows of `a`, `b` and `c` further apart than they are long.
    private static func product<Element: OrderedElement>(
        _ size: (rows: Int, columns: Int, depth: Int), transposed: Bool, scale: Element, keep: Bool,
        pool: WorkerPool? = nil, _: Element.Type
    ) -> (result: [Element], expected: [Double]) {
        let (rows, columns, depth) = size
        let (bRows, bColumns) = transposed ? (columns, depth) : (depth, columns)
        let a: [Element] = numbers(rows * (depth + 3), 1)
        let b: [Element] = numbers(bRows * (bColumns + 1), 2)
        var c: [Element] = numbers(rows * (columns + 2), 3)
        var expected = c.map { Double($0) }
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = 0.0
                for term in 0..<depth {
                    let right =
                        transposed
                        ? b[column * (bColumns + 1) + term] : b[term * (bColumns + 1) + column]
                    sum += Double(a[row * (depth + 3) + term]) * Double(right)
                }
                let place = row * (columns + 2) + column
                expected[place] = (keep ? expected[place] : 0) + Double(scale) * sum
            }
        }
        withPointers(a, b, &c) { a, b, base in
            let left = MatrixView(a, rows: rows, columns: depth, stride: depth + 3)
            let stored = MatrixView(b, rows: bRows, columns: bColumns, stride: bColumns + 1)
            let right = transposed ? stored.transposed : stored
            let result = MutableMatrixView(base, rows: rows, columns: columns, stride: columns + 2)
            if let pool {
                OrderedProduct.multiply(
                    left, right, into: result, scale: scale, keep: keep, pool: pool)
            } else {
                OrderedProduct.multiply(
                    left, right, into: result, scale: scale, keep: keep, scratch: ScratchBuffer())
            }
        }
        return (c, expected)
    }

    /// Calls with pointers to the numbers, which live as long.
    private static func withPointers<Element>(
        _ a: [Element], _ b: [Element], _ c: inout [Element],
        _ body: (UnsafePointer<Element>, UnsafePointer<Element>, UnsafeMutablePointer<Element>)
            -> Void
    ) {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress
                    else { return }
                    body(a, b, c)
                }
            }
        }
    }

    private static func check<Element: OrderedElement>(_ type: Element.Type, within: Double) {
        for size in sizes {
            for (scale, keep) in [(1, false), (-1, true), (0.5, true), (2, false)] {
                for transposed in [false, true] {
                    let (result, expected) = product(
                        size, transposed: transposed, scale: Element(scale), keep: keep, type)
                    let worst = zip(result, expected).map { abs(Double($0) - $1) }.max() ?? 0
                    #expect(
                        worst < within * Double(max(1, size.depth)),
                        "\(size), transposed \(transposed), scale \(scale), keep \(keep)")
                }
            }
        }
    }

    @Test("F32 products are those of F64 but for rounding")
    func singlePrecision() { Self.check(Float.self, within: 1e-6) }

    @Test("F64 products are right")
    func doublePrecision() { Self.check(Double.self, within: 1e-14) }

    @Test("Every instruction set and thread count gives the same bits")
    func sameBits() {
        for size in Self.sizes {
            for transposed in [false, true] {
                let single = Self.product(
                    size, transposed: transposed, scale: -1, keep: true, Float.self
                ).result.map(\.bitPattern)
                let double = Self.product(
                    size, transposed: transposed, scale: -1, keep: true, Double.self
                ).result.map(\.bitPattern)
                for set in InstructionSet.supported {
                    InstructionSet.$current.withValue(set) {
                        for pool in [nil, WorkerPool(threadCount: 3)] {
                            let one = Self.product(
                                size, transposed: transposed, scale: -1, keep: true, pool: pool,
                                Float.self)
                            #expect(one.result.map(\.bitPattern) == single, "\(set), \(size)")
                            let two = Self.product(
                                size, transposed: transposed, scale: -1, keep: true, pool: pool,
                                Double.self)
                            #expect(two.result.map(\.bitPattern) == double, "\(set), \(size)")
                        }
                    }
                }
            }
        }
    }

    @Test("An output does not depend on what is computed beside it")
    func parts() {
        let (rows, columns, depth) = (31, 70, 300)
        let a: [Float] = Self.numbers(rows * depth, 4)
        let b: [Float] = Self.numbers(depth * columns, 5)
        func product(_ rowRange: Range<Int>, _ columnRange: Range<Int>) -> [Float] {
            var result = [Float](repeating: .nan, count: rowRange.count * columnRange.count)
            Self.withPointers(a, b, &result) { a, b, base in
                OrderedProduct.multiply(
                    MatrixView(a, rows: rows, columns: depth)
                        .part(rows: rowRange, columns: 0..<depth),
                    MatrixView(b, rows: depth, columns: columns)
                        .part(rows: 0..<depth, columns: columnRange),
                    into: MutableMatrixView(
                        base, rows: rowRange.count, columns: columnRange.count),
                    scratch: ScratchBuffer())
            }
            return result
        }
        let whole = product(0..<rows, 0..<columns)
        let part = product(5..<24, 3..<60)
        for row in 5..<24 {
            for column in 3..<60 {
                let own = part[(row - 5) * 57 + column - 3]
                #expect(own.bitPattern == whole[row * columns + column].bitPattern)
            }
        }
    }
}
