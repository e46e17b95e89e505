import Quantization

/// Makes the factor that error feedback works with out of a Hessian.
struct HessianFactor {
    /// How the Hessian is made sure of.
    struct Regularization: Sendable, Hashable {
        /// How far the Hessian is moved to its diagonal: 0 not at all, 1 the diagonal alone.
        var shrink: Double
        /// What is added to the diagonal, as a share of its mean.
        var damping: Double
    }

    /// The factor.
    let factor: FeedbackFactor
    /// How often the damping was raised tenfold before there was one.
    let retryCount: Int

    /// The most often that the damping is raised.
    private static let retryLimit = 4

    /// Factors a Hessian; `nil` where damping does not help.
    ///
    /// - Complexity: O(columns³).
    init?(_ hessian: Hessian, _ regularization: Regularization) {
        let count = hessian.columnCount
        let diagonal = hessian.diagonal
        let live = diagonal.filter { $0 > 0 }
        guard !live.isEmpty, live.allSatisfy(\.isFinite) else { return nil }
        let mean = live.reduce(0) { $0 + Double($1) } / Double(live.count)
        var damping = regularization.damping
        for retry in 0...HessianFactor.retryLimit {
            var work = HessianFactor.matrix(
                hessian, shrink: regularization.shrink, added: damping * mean)
            if HessianFactor.invert(&work, count) {
                factor = FeedbackFactor(columnCount: count, values: work.map { Float($0) })
                retryCount = retry
                return
            }
            damping *= 10
        }
        return nil
    }

    private static func matrix(_ hessian: Hessian, shrink: Double, added: Double) -> [Double] {
        let count = hessian.columnCount
        let scale = hessian.weight > 0 ? 1 / hessian.weight : 0
        var work = [Double](repeating: 0, count: count * count)
        for row in 0..<count {
            for column in row..<count {
                let value = Double(hessian.values[row * count + column]) * scale
                work[row * count + column] =
                    row == column ? value + added : value * (1 - shrink)
            }
        }
        return work
    }

    /// Turns the upper triangle of A into the upper triangular U with A⁻¹ = UᵀU; false where A is not
    /// positive definite.
    private static func invert(_ work: inout [Double], _ count: Int) -> Bool {
        work.withUnsafeMutableBufferPointer { buffer in
            guard let a = buffer.baseAddress else { return true }
            // A = R Rᵀ with R upper triangular, from the last column to the first.
            for column in stride(from: count - 1, through: 0, by: -1) {
                let line = a + column * count
                let tail = column + 1
                let pivot = line[column] - dot(line + tail, line + tail, count - tail)
                guard pivot > 0, pivot.isFinite else { return false }
                let root = pivot.squareRoot()
                line[column] = root
                for row in 0..<column {
                    let other = a + row * count
                    other[column] =
                        (other[column] - dot(other + tail, line + tail, count - tail)) / root
                }
            }
            // U = R⁻¹, from the last row to the first.
            for row in stride(from: count - 1, through: 0, by: -1) {
                let line = a + row * count
                let inverse = 1 / line[row]
                var sums = [Double](repeating: 0, count: count - row)
                for inner in row + 1..<max(row + 1, count) {
                    let factor = line[inner]
                    let other = a + inner * count
                    for column in inner..<count { sums[column - row] += factor * other[column] }
                }
                line[row] = inverse
                for column in row + 1..<max(row + 1, count) {
                    line[column] = -sums[column - row] * inverse
                }
            }
            return true
        }
    }

    private static func dot(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
    ) -> Double {
        var lanes = (SIMD8<Double>(), SIMD8<Double>())
        var index = 0
        while index + 16 <= count {
            let (x, y) = (UnsafeRawPointer(a + index), UnsafeRawPointer(b + index))
            lanes.0 +=
                x.loadUnaligned(as: SIMD8<Double>.self) * y.loadUnaligned(as: SIMD8<Double>.self)
            lanes.1 +=
                (x + 64).loadUnaligned(as: SIMD8<Double>.self)
                * (y + 64).loadUnaligned(as: SIMD8<Double>.self)
            index += 16
        }
        var sum = (lanes.0 + lanes.1).sum()
        while index < count {
            sum += a[index] * b[index]
            index += 1
        }
        return sum
    }
}
