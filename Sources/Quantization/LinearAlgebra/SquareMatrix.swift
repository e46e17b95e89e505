package import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A symmetric or upper triangular matrix in F64, row after row; what is below the diagonal does not
/// count.
///
/// `@unchecked Sendable`: whoever hands it to several threads gives each its own part to write.
package final class SquareMatrix: @unchecked Sendable {
    /// The number of rows and columns.
    package let count: Int
    /// Row 0, column 0; `count` × `count` numbers.
    package let base: UnsafeMutablePointer<Double>

    /// A matrix of zeros.
    ///
    /// - Throws: `LinearAlgebraError` when there is no memory for 8 · `count`² bytes.
    package init(count: Int) throws(LinearAlgebraError) {
        precondition(count >= 0, "no such size")
        let elements = max(1, count).multiplied(checkedBy: max(1, count))
        guard let elements, let bytes = elements.multiplied(checkedBy: MemoryLayout<Double>.stride),
            let memory = calloc(bytes, 1)
        else { throw LinearAlgebraError.outOfMemory(count: count) }
        self.count = count
        base = memory.bindMemory(to: Double.self, capacity: elements)
    }

    deinit { free(base) }

    /// Row `row`, from column 0 on.
    package func row(_ row: Int) -> UnsafeMutablePointer<Double> { base + row * count }

    /// All of it.
    var view: MutableMatrixView<Double> {
        MutableMatrixView(base, rows: count, columns: count)
    }

    /// The numbers on the diagonal.
    package var diagonal: [Double] { (0..<count).map { base[$0 * count + $0] } }
}

/// Why a matrix was not made, or has no factor.
package enum LinearAlgebraError: IngotError, Hashable {
    /// There is no memory for a matrix of so many rows and columns.
    case outOfMemory(count: Int)
    /// A matrix is not positive definite: this pivot is not a positive number.
    case notPositiveDefinite(pivot: Int)

    /// No file is involved.
    package var file: String? { nil }
    /// The caller knows what the matrix is of.
    package var place: String? { nil }
    /// What was found and what was expected.
    package var problem: String {
        switch self {
        case .outOfMemory(let count):
            "found no memory for a matrix of \(count) × \(count) numbers, expected 8 bytes for each"
        case .notPositiveDefinite(let pivot):
            "found a matrix whose pivot \(pivot) is not positive, expected a positive definite one"
        }
    }
    /// What to do about it.
    package var remedy: String? {
        switch self {
        case .outOfMemory: "A machine with more memory, or other programs ended, helps."
        case .notPositiveDefinite: "A larger number added to the diagonal helps."
        }
    }
    /// Memory is the system's, numbers are the input's.
    package var exitCode: ExitCode {
        switch self {
        case .outOfMemory: .inputOutput
        case .notPositiveDefinite: .badData
        }
    }
}
