package import GGUF
package import Inference
package import TensorCore

/// Mean KL divergences of models from a base, as `WindowDivergences` has them, of models whose weights
/// become known block by block and are not kept.
///
/// Memory: the residual rows of all models and two blocks.
package final class BlockwiseDivergences {
    private let decoder: Decoder
    private let windows: [WindowDivergences.Window]
    private let batch: Batch
    private let pool: WorkerPool
    /// The base's rows and those of the variants.
    private var rows: [[Float]] = []
    private var states: [ForwardState]

    private var base: Model { decoder.models[0] }

    /// Embeds the windows' tokens.
    ///
    /// - Parameter embeddings: For each variant where its embeddings are; `nil` for the base's.
    package init(
        base: Model, embeddings: [(any TensorSource)?], windows: [WindowDivergences.Window],
        pool: WorkerPool
    ) throws {
        decoder = try Decoder(models: [base], products: .ordered, pool: pool)
        self.windows = windows
        self.pool = pool
        batch = Batch(windows.map { Stretch(tokens: $0.tokens, scored: $0.scored) })
        // Blocks that take the rows of others find them in the state of their model.
        states = (0..<(base.sharesRows ? embeddings.count + 1 : 1)).map { _ in ForwardState() }
        let first = try decoder.embed(batch, in: states[0])
        rows = [first]
        for source in embeddings {
            guard let source else {
                rows.append(first)
                continue
            }
            let own = try Decoder(
                models: [Model(source: source, description: base.description)], products: .ordered,
                pool: pool)
            rows.append(try own.embed(batch))
        }
    }

    /// Takes all models through a block, the base with its own weights.
    ///
    /// - Parameter weights: Where the block's tensors of each variant are.
    package func apply(block: Int, weights: [any TensorSource]) throws {
        for model in rows.indices {
            try decoder.apply(
                block: block, to: &rows[model], of: batch,
                in: states.count == 1 ? states[0] : states[model],
                weights: model == 0 ? nil : weights[model - 1])
        }
    }

    /// The divergences of the scored positions of every window of one variant, behind all blocks.
    ///
    /// - Parameter output: Where the variant's output matrix is.
    package func divergences(ofVariant variant: Int, output: any TensorSource) throws -> [Moments] {
        let models = [base, try Model(source: output, description: base.description)]
        let own = try Decoder(models: models, products: .ordered, pool: pool)
        let paired = PairedRows(
            targets: [Int32](repeating: -1, count: batch.scoredCount), modelCount: 2)
        try own.output(
            of: [scored(0), scored(variant + 1)], rowCount: batch.scoredCount, in: states[0],
            after: batch
        ) { paired.add($0) }
        var row = 0
        return windows.map { window in
            var moments = Moments()
            for _ in window.scored {
                moments.add(paired.comparison(row: row, model: 1).divergence)
                row += 1
            }
            return moments
        }
    }

    /// The rows that a model's output matrix takes in.
    private func scored(_ model: Int) -> [Float] {
        let width = base.width
        var (found, first): ([Float], Int) = ([], 0)
        for window in windows {
            found +=
                rows[model][
                    (first + window.scored.lowerBound) * width..<(first + window.scored.upperBound)
                        * width]
            first += window.tokens.count
        }
        decoder.normalizeOutput(&found)
        return found
    }
}
