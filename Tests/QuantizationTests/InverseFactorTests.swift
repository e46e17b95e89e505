import Quantization
import TensorCore
import TestSupport
import Testing

/// Second moments of rows, and factors of their inverses.
@Suite("Gram matrices and inverse factors")
struct InverseFactorTests {
    private static func rows(_ count: Int, _ length: Int, seed: UInt64) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count * length).map { _ in random.normal() }
    }

    /// The moments of rows that come in pieces.
    private static func moments(
        _ rows: [Float], _ length: Int, pieces: [Int], threads: Int = 1
    ) throws -> SquareMatrix {
        let (gram, pool) = (try GramMatrix(count: length), WorkerPool(threadCount: threads))
        var first = 0
        for piece in pieces {
            rows.withUnsafeBufferPointer {
                guard let base = $0.baseAddress else { return }
                gram.add(base + first * length, rowCount: piece, stride: length, pool: pool)
            }
            first += piece
        }
        #expect(gram.rowCount == rows.count / length)
        return gram.finish(pool: pool)
    }

    private static func upperBits(_ matrix: SquareMatrix) -> [UInt64] {
        (0..<matrix.count).flatMap { row in
            (row..<matrix.count).map { matrix.row(row)[$0].bitPattern }
        }
    }

    /// A matrix with a known condition: moments with something on the diagonal.
    private static func positive(_ count: Int, seed: UInt64) throws -> SquareMatrix {
        let rows = Self.rows(count / 2 + 1, count, seed: seed)
        let matrix = try moments(rows, count, pieces: [count / 2 + 1])
        for index in 0..<count { matrix.row(index)[index] += Double(count) * 0.05 }
        return matrix
    }

    @Test("Moments are sums of products", arguments: [1, 13, 70])
    func sums(length: Int) throws {
        let count = 530
        let rows = Self.rows(count, length, seed: 1)
        let matrix = try Self.moments(rows, length, pieces: [count])
        for row in 0..<length {
            for column in row..<length {
                var sum = 0.0
                for index in 0..<count {
                    sum +=
                        Double(rows[index * length + row]) * Double(rows[index * length + column])
                }
                #expect(abs(matrix.row(row)[column] - sum) < 1e-3, "\(row), \(column)")
            }
        }
    }

    @Test("Moments do not depend on pieces, threads or instruction sets")
    func sameMoments() throws {
        let (count, length) = (1100, 50)
        let rows = Self.rows(count, length, seed: 2)
        let expected = Self.upperBits(try Self.moments(rows, length, pieces: [count]))
        for set in InstructionSet.supported {
            try InstructionSet.$current.withValue(set) {
                let pieces = try Self.moments(
                    rows, length, pieces: [1, 511, 100, 0, 488], threads: 3)
                #expect(Self.upperBits(pieces) == expected, "\(set)")
            }
        }
    }

    @Test("The factor's product is the inverse", arguments: [1, 2, 127, 128, 129, 300])
    func inverse(count: Int) throws {
        let matrix = try Self.positive(count, seed: 3)
        let factor = try Self.positive(count, seed: 3)
        try InverseFactor.invert(factor, pool: WorkerPool(threadCount: 2))
        // A UᵀU must be the identity.
        func a(_ row: Int, _ column: Int) -> Double {
            matrix.row(min(row, column))[max(row, column)]
        }
        let values = InverseFactor.values(factor)
        for row in stride(from: 0, to: count, by: max(1, count / 7)) {
            var product = [Double](repeating: 0, count: count)
            for inner in 0..<count {
                var sum = 0.0
                for column in inner..<count { sum += a(row, column) * factor.row(inner)[column] }
                for column in inner..<count { product[column] += sum * factor.row(inner)[column] }
            }
            for column in 0..<count {
                #expect(abs(product[column] - (row == column ? 1 : 0)) < 1e-9, "\(row), \(column)")
                let value = column < row ? 0 : Float(factor.row(row)[column])
                #expect(values[row * count + column] == value)
            }
            #expect(factor.row(row)[row] > 0)
        }
    }

    @Test("Every instruction set and thread count gives the same factor")
    func sameFactor() throws {
        let count = 300
        let expected = try Self.positive(count, seed: 4)
        try InverseFactor.invert(expected, pool: WorkerPool(threadCount: 1))
        for set in InstructionSet.supported {
            try InstructionSet.$current.withValue(set) {
                let factor = try Self.positive(count, seed: 4)
                try InverseFactor.invert(factor, pool: WorkerPool(threadCount: 3))
                #expect(Self.upperBits(factor) == Self.upperBits(expected), "\(set)")
            }
        }
    }

    @Test("A matrix that is not positive definite is told by its pivot", arguments: [3, 140, 299])
    func failure(pivot: Int) throws {
        for value in [-1, 0, Double.nan, .infinity] {
            let matrix = try Self.positive(300, seed: 5)
            for index in 0..<300 {
                matrix.row(min(index, pivot))[max(index, pivot)] = 0
            }
            matrix.row(pivot)[pivot] = value
            #expect(throws: LinearAlgebraError.notPositiveDefinite(pivot: pivot)) {
                try InverseFactor.invert(matrix, pool: WorkerPool(threadCount: 2))
            }
        }
    }

    @Test("A matrix beyond memory is an error")
    func memory() {
        #expect(throws: LinearAlgebraError.outOfMemory(count: 1 << 40)) {
            try SquareMatrix(count: 1 << 40)
        }
    }
}
