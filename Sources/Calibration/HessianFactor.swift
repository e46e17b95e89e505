package import Quantization
package import TensorCore

/// Makes the factor that error feedback works with out of a Hessian.
package struct HessianFactor {
    /// How the Hessian is made sure of.
    package struct Regularization: Sendable, Hashable {
        /// How far the Hessian is moved to its diagonal: 0 not at all, 1 the diagonal alone.
        var shrink: Double
        /// What is added to the diagonal, as a share of its mean.
        var damping: Double

        package init(shrink: Double, damping: Double) {
            self.shrink = shrink
            self.damping = damping
        }
    }

    /// The factor.
    package let factor: FeedbackFactor
    /// How often the damping was raised tenfold before there was one.
    package let retryCount: Int

    /// The most often that the damping is raised.
    private static let retryLimit = 4

    /// Factors a Hessian; `nil` where damping does not help.
    ///
    /// - Throws: `LinearAlgebraError` when there is no memory.
    /// - Complexity: O(columns³).
    package init?(_ hessian: Hessian, _ regularization: Regularization, pool: WorkerPool) throws {
        let count = hessian.columnCount
        let live = hessian.diagonal.filter { $0 > 0 }
        guard !live.isEmpty, live.allSatisfy(\.isFinite) else { return nil }
        let mean = live.reduce(0) { $0 + Double($1) } / Double(live.count)
        let work = try SquareMatrix(count: count)
        var damping = regularization.damping
        for retry in 0...HessianFactor.retryLimit {
            HessianFactor.copy(
                hessian, shrink: regularization.shrink, added: damping * mean, into: work)
            let regularized = work.symmetric()
            do {
                try InverseFactor.invert(work, pool: pool)
                factor = FeedbackFactor(
                    columnCount: count, values: InverseFactor.values(work), hessian: regularized)
                retryCount = retry
                return
            } catch LinearAlgebraError.notPositiveDefinite {
                damping *= 10
            }
        }
        return nil
    }

    private static func copy(
        _ hessian: Hessian, shrink: Double, added: Double, into work: SquareMatrix
    ) {
        let scale = hessian.weight > 0 ? 1 / hessian.weight : 0
        let kept = scale * (1 - shrink)
        for row in 0..<hessian.columnCount {
            let (line, source) = (work.row(row), hessian.sums.row(row))
            line[row] = source[row] * scale + added
            for column in row + 1..<max(row + 1, hessian.columnCount) {
                line[column] = source[column] * kept
            }
        }
    }
}
