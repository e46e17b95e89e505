package import Inference
package import TensorCore

/// Mean KL divergences of models from a base, window by window.
///
/// All windows are one batch, so that every weight is decoded once (and, where a source rounds what
/// it is asked for, rounded once). The figures do not depend on the number of threads.
package struct WindowDivergences {
    /// Tokens, and the positions whose predictions are compared.
    package struct Window: Sendable, Hashable {
        package var tokens: [Int32]
        package var scored: Range<Int>

        package init(tokens: [Int32], scored: Range<Int>) {
            self.tokens = tokens
            self.scored = scored
        }
    }

    /// A model to compare with the base.
    package struct Variant: Sendable {
        package var model: Model
        /// The first block that is not the base's; see `Decoder`.
        package var firstOwnBlock: Int

        package init(_ model: Model, firstOwnBlock: Int = 0) {
            self.model = model
            self.firstOwnBlock = firstOwnBlock
        }
    }

    private let base: Model
    private let pool: WorkerPool
    private let state = ForwardState()

    /// Prepares to compare with a base.
    package init(base: Model, pool: WorkerPool) {
        self.base = base
        self.pool = pool
    }

    /// The divergences in nats of the scored positions of every window, for each variant.
    ///
    /// - Throws: `InferenceError` when a model gives no numbers.
    package func measure(_ variants: [Variant], windows: [Window]) throws -> [[Moments]] {
        let decoder = try Decoder(
            models: [base] + variants.map(\.model),
            firstOwnBlocks: [0] + variants.map(\.firstOwnBlock), products: .ordered, pool: pool)
        let batch = Batch(windows.map { Stretch(tokens: $0.tokens, scored: $0.scored) })
        let rows = PairedRows(
            targets: [Int32](repeating: -1, count: batch.scoredCount),
            modelCount: variants.count + 1)
        try decoder.forward(batch, in: state) { rows.add($0) }
        return variants.indices.map { variant in
            var row = 0
            return windows.map { window in
                var moments = Moments()
                for _ in window.scored {
                    moments.add(rows.comparison(row: row, model: variant + 1).divergence)
                    row += 1
                }
                return moments
            }
        }
    }

    /// About how many bytes a measurement of so many variants takes; see `Decoder`.
    package func memoryByteCount(variantCount: Int, tokenCount: Int) throws(InferenceError) -> Int {
        try Decoder(models: [base], products: .ordered, pool: pool)
            .memoryByteCount(modelCount: variantCount + 1, tokenCount: tokenCount)
    }
}
