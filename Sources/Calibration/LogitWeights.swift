import Inference
import Quantization

/// How much errors of a token's logits weigh in the KL divergence: Σ p (1 − p) over the vocabulary,
/// which is 1 − Σ p².
///
/// To second order a row δ of errors of logits adds ½ δᵀ (diag p − p pᵀ) δ. Where the model is sure of
/// the next token, errors change nothing; the output matrix need not be exact for what it takes in
/// there.
///
/// `@unchecked Sendable`: a decoder gives each row to one thread at a time.
final class LogitWeights: @unchecked Sendable {
    private let rowCount: Int
    /// The sums of exponentials of the logits, and of twice the logits.
    private let sums: UnsafeMutablePointer<(once: LogitsSum, twice: LogitsSum)>

    /// Least weight: a text of which the model is sure throughout still counts.
    private static let least = 0.01

    init(rowCount: Int) {
        self.rowCount = rowCount
        sums = .allocate(capacity: max(1, rowCount))
        sums.initialize(repeating: (LogitsSum(), LogitsSum()), count: rowCount)
    }

    deinit { sums.deallocate() }

    func add(_ tile: LogitsTile) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: tile.tokens.count) { doubled in
            for row in tile.rows {
                let logits = tile.logits(row: row, model: 0)
                for index in logits.indices { doubled[index] = 2 * logits[index] }
                sums[row].once.add(logits, first: tile.tokens.lowerBound)
                sums[row].twice.add(
                    UnsafeBufferPointer(doubled), first: tile.tokens.lowerBound)
            }
        }
    }

    /// The weights of the rows, in their order.
    var weights: [Float] {
        (0..<rowCount).map { row in
            // Relative to the largest logit both: Σ p² is the quotient.
            let (once, twice) = (sums[row].once.sum, sums[row].twice.sum)
            return Float(max(Self.least, 1 - twice / (once * once)))
        }
    }
}
