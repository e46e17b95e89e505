import Inference

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The scored positions of one batch while their logits arrive, tile by tile.
///
/// For a position with base logits b, quantized logits q and log-sum-exps L_b, L_q:
/// `−ln p(t) = L − logit(t)`, and
/// `KL(P‖Q) = Σ P (ln P − ln Q) = Σ P (b − q) − L_b + L_q`,
/// whose sums need each logit once: nothing as long as the vocabulary is kept.
///
/// The base's logits are those of the tile's first model, or come from a file.
///
/// `@unchecked Sendable`: a decoder gives each position to one thread at a time.
final class PairedRows: @unchecked Sendable {
    private struct Row {
        var sum = LogitsSum()
        var target: Float = .nan
        /// The numerator of `Σ P (b − q)`, relative to the base's maximum so far.
        var cross: Double = 0
    }

    private let rowCount: Int
    private let modelCount: Int
    private let targets: [Int32]
    private let stored: StoredLogits?
    private let rows: UnsafeMutablePointer<Row>

    /// Awaits the logits of `modelCount` models, the base included, for positions followed by the
    /// tokens `targets` (−1 where none is of interest).
    init(targets: [Int32], modelCount: Int, stored: StoredLogits? = nil) {
        self.targets = targets
        self.modelCount = modelCount
        self.stored = stored
        rowCount = targets.count
        rows = .allocate(capacity: rowCount * modelCount)
        rows.initialize(repeating: Row(), count: rowCount * modelCount)
    }

    deinit { rows.deallocate() }

    /// Takes a tile.
    func add(_ tile: LogitsTile) {
        guard let stored else {
            for row in tile.rows { add(tile, row: row, base: tile.logits(row: row, model: 0)) }
            return
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: tile.tokens.count) { buffer in
            guard let base = buffer.baseAddress else { return }
            for row in tile.rows {
                stored.decode(row: row, tokens: tile.tokens, into: base)
                add(tile, row: row, base: UnsafeBufferPointer(buffer))
            }
        }
    }

    private func add(_ tile: LogitsTile, row: Int, base: UnsafeBufferPointer<Float>) {
        let target = Int(targets[row])
        let place = tile.tokens.contains(target) ? target - tile.tokens.lowerBound : nil
        let states = rows + row * modelCount
        let before = states[0].sum.maximum
        for model in 0..<modelCount {
            let logits =
                model == 0
                ? base : tile.logits(row: row, model: stored == nil ? model : model - 1)
            states[model].sum.add(logits, first: tile.tokens.lowerBound)
            if let place { states[model].target = logits[place] }
            guard model > 0 else { continue }
            let maximum = states[0].sum.maximum
            if maximum > before { states[model].cross *= exp(Double(before) - Double(maximum)) }
            states[model].cross += LogitsSum.cross(base, logits, maximum: maximum)
        }
    }

    /// `−ln p` of the token after position `row`.
    func negativeLogLikelihood(row: Int, model: Int) -> Double {
        if model == 0, let stored { return Double(stored.heads[row].negativeLogLikelihood) }
        let state = rows[row * modelCount + model]
        // L − logit, the maximum taken off both first: it may be large.
        return log(state.sum.sum) + (Double(state.sum.maximum) - Double(state.target))
    }

    /// How `model` compares with the base at position `row`.
    func comparison(row: Int, model: Int) -> TokenComparison {
        let (base, other) = (rows[row * modelCount], rows[row * modelCount + model])
        return TokenComparison(
            baseNegativeLogLikelihood: negativeLogLikelihood(row: row, model: 0),
            negativeLogLikelihood: negativeLogLikelihood(row: row, model: model),
            divergence: divergence(base, other),
            sameTop: (stored.map { Int($0.heads[row].top) } ?? base.sum.top) == other.sum.top)
    }

    private func divergence(_ base: Row, _ other: Row) -> Double {
        if stored?.floor != nil {
            // What lies below the floor is missing from the base's sum, which is not one, nor is
            // it made one: the sum over what is there is nearer to the divergence. L_b is 0.
            let shift = exp(Double(base.sum.maximum))
            return shift
                * (other.cross + base.sum.sum * (log(other.sum.sum) + Double(other.sum.maximum)))
        }
        let divergence =
            other.cross / base.sum.sum
            + (log(other.sum.sum) - log(base.sum.sum))
            + (Double(other.sum.maximum) - Double(base.sum.maximum))
        // It cannot be negative; rounding of F32 logits can make it so by about 1e-7.
        return max(0, divergence)
    }
}
