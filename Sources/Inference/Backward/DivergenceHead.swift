import Architectures
import CKernels
import Quantization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The mean KL divergence of a model's tokens from a base model's, over rows of both, and what it says
/// of the model's rows.
///
/// Memory: the logits of both models for some rows at a time, at most 256 MiB where a row allows it.
struct DivergenceHead {
    let model: Model
    let base: Model
    let pool: WorkerPool

    /// Tokens whose rows of the output matrices are decoded at a time.
    private static let panelTokens = 4096

    /// Rows whose logits are in memory at a time.
    private static func rowCount(_ count: Int, vocabulary: Int) -> Int {
        min(count, max(32, (1 << 25) / vocabulary))
    }

    /// The bytes of the logits and a panel of the output matrix.
    static func byteCount(_ model: Model, rows: Int) -> Int {
        let vocabulary = model.vocabularyCount
        return 4
            * (2 * rowCount(rows, vocabulary: vocabulary) * vocabulary
                + panelTokens * model.description.embeddingLength)
    }

    /// - Parameters:
    ///   - hidden: The model's rows after its output norm; with `wantsGradient` their gradient takes
    ///     their place.
    ///   - baseHidden: The base model's rows of the same tokens.
    /// - Returns: The mean over rows.
    func divergence(
        _ hidden: Rows, from baseHidden: Rows, wantsGradient: Bool
    ) throws -> Double {
        let vocabulary = model.vocabularyCount
        let step = DivergenceHead.rowCount(hidden.count, vocabulary: vocabulary)
        var sum = 0.0
        for first in stride(from: 0, to: hidden.count, by: step) {
            let rows = first..<min(hidden.count, first + step)
            let logits = try Rows(rows.count, length: vocabulary)
            let expected = try Rows(rows.count, length: vocabulary)
            try fill(logits, of: model, hidden, rows)
            try fill(expected, of: base, baseHidden, rows)
            sum += compare(logits, expected, total: wantsGradient ? hidden.count : nil)
            if wantsGradient { try backward(logits, hidden, rows) }
        }
        return sum / Double(max(1, hidden.count))
    }

    /// Calls `body` with some rows of a model's output matrix after the other.
    private func eachPanel(
        of model: Model, _ body: (_ panel: MatrixView<Float>, _ tokens: Range<Int>) throws -> Void
    ) throws {
        let width = model.description.embeddingLength
        let buffer = try Rows(DivergenceHead.panelTokens, length: width)
        for first in stride(
            from: 0, to: model.vocabularyCount, by: DivergenceHead.panelTokens)
        {
            let tokens =
                first..<min(model.vocabularyCount, first + DivergenceHead.panelTokens)
            try model.decode(
                model.output, rows: tokens, rowLength: width, into: buffer.base, pool)
            try body(MatrixView(buffer.base, rows: tokens.count, columns: width), tokens)
        }
    }

    /// The logits of some rows.
    private func fill(
        _ logits: Rows, of model: Model, _ hidden: Rows, _ rows: Range<Int>
    ) throws {
        let all = MatrixView(hidden.base, rows: hidden.count, columns: hidden.length)
        let result = MutableMatrixView(logits.base, rows: logits.count, columns: logits.length)
        try eachPanel(of: model) { panel, tokens in
            OrderedProduct.multiply(
                all.part(rows: rows, columns: 0..<hidden.length), panel.transposed,
                into: result.part(rows: 0..<logits.count, columns: tokens), pool: pool)
            pool.runAll(jobCount: logits.count) { _, row in
                OutputHead.finish(
                    logits.row(row) + tokens.lowerBound, count: tokens.count, tokens: tokens,
                    model: model)
            }
        }
        guard ingot_all_finite(logits.base, logits.elementCount) else {
            throw InferenceError(
                .notFinite(what: "the logits"), path: model.path, place: model.description.output)
        }
    }

    /// The sum of the rows' divergences; with `total` the gradients of the mean over so many rows take
    /// the place of the logits.
    private func compare(_ logits: Rows, _ expected: Rows, total: Int?) -> Double {
        let count = logits.length
        let sums = MutableMatrixView(
            UnsafeMutablePointer<Double>.allocate(capacity: max(1, logits.count)),
            rows: logits.count, columns: 1)
        defer { sums.base.deallocate() }
        pool.runAll(jobCount: logits.count) { _, row in
            let (own, other) = (logits.row(row), expected.row(row))
            let ownLogits = UnsafeBufferPointer(start: own, count: count)
            let otherLogits = UnsafeBufferPointer(start: other, count: count)
            var (ownSum, otherSum) = (LogitsSum(), LogitsSum())
            ownSum.add(ownLogits, first: 0)
            otherSum.add(otherLogits, first: 0)
            sums.base[row] =
                LogitsSum.cross(otherLogits, ownLogits, maximum: otherSum.maximum) / otherSum.sum
                + ownSum.logSumExp - otherSum.logSumExp
            guard let total else { return }
            slope(own, other, count, scale: 1 / Float(total))
        }
        return (0..<logits.count).reduce(0) { $0 + sums.base[$1] }
    }

    /// Turns a row's logits into the divergence's gradient before scale and soft cap.
    private func slope(
        _ own: UnsafeMutablePointer<Float>, _ other: UnsafeMutablePointer<Float>, _ count: Int,
        scale: Float
    ) {
        let factor = scale * model.description.logitScale
        ingot_softmax(other, count, -.infinity)
        guard let cap = model.description.logitSoftCap else {
            ingot_softmax(own, count, -.infinity)
            for token in 0..<count { own[token] = (own[token] - other[token]) * factor }
            return
        }
        // The soft cap's slope is 1 − (logit / cap)², of the logits that softmax overwrites.
        let shares = UnsafeMutablePointer<Float>.allocate(capacity: count)
        defer { shares.deallocate() }
        shares.update(from: own, count: count)
        ingot_softmax(shares, count, -.infinity)
        for token in 0..<count {
            let part = own[token] / cap
            own[token] = (shares[token] - other[token]) * factor * (1 - part * part)
        }
    }

    /// The gradient of some hidden rows, of that of their logits.
    private func backward(_ logits: Rows, _ hidden: Rows, _ rows: Range<Int>) throws {
        let gradient = MatrixView(logits.base, rows: logits.count, columns: logits.length)
        let result = MutableMatrixView(
            hidden.row(rows.lowerBound), rows: rows.count, columns: hidden.length)
        try eachPanel(of: model) { panel, tokens in
            OrderedProduct.multiply(
                gradient.part(rows: 0..<logits.count, columns: tokens), panel, into: result,
                keep: tokens.lowerBound > 0, pool: pool)
        }
    }
}

extension LogitsSum {
    /// The logarithm of the sum of all exponentials.
    fileprivate var logSumExp: Double { Double(maximum) + log(sum) }
}
