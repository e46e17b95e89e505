internal import CKernels

extension FeedbackPanels {
    /// Goes through all columns again, each to the level that is best for what all others are now,
    /// those behind it too: coordinate descent on ΔW H ΔWᵀ with scales and minimums as they are.
    func descend(_ passCount: Int) {
        let matrix = factor.hessian
        matrix.withUnsafeBufferPointer { hessian in
            guard let hessian = hessian.baseAddress else { return }
            makeGradients(hessian)
            for pass in 0..<passCount {
                for start in stride(from: 0, to: columnCount, by: Self.stretchLength) {
                    let end = min(start + Self.stretchLength, columnCount)
                    for panel in 0..<panelCount { descend(panel, start..<end, hessian) }
                    let rows = hessian + start * columnCount
                    subtract(errors, rows: end - start, of: rows, from: end..<columnCount)
                    // Nobody comes back to them after the last pass.
                    guard pass + 1 < passCount else { continue }
                    subtract(errors, rows: end - start, of: rows, from: 0..<start)
                }
            }
        }
    }

    /// Puts (weights - rounded) · H where the weights were, which are not needed any more.
    private func makeGradients(_ hessian: UnsafePointer<Float>) {
        for panel in 0..<panelCount {
            for column in 0..<columnCount {
                let group = group(panel, of: column)
                let place = self.column(panel, column)
                for lane in 0..<Self.width {
                    let value = scales[group + lane] * levels[place + lane] - minimums[group + lane]
                    originals[place + lane] = value - originals[place + lane]
                }
            }
        }
        weights.update(repeating: 0, count: panelCount * columnCount * Self.width)
        subtract(
            originals, rows: columnCount, changesCount: columnCount, of: hessian,
            from: 0..<columnCount)
    }

    private func descend(_ panel: Int, _ columns: Range<Int>, _ hessian: UnsafePointer<Float>) {
        let start = columns.lowerBound
        _ = ingot_feedback_descend(
            isa, &form, hessian + start * columnCount + start, columnCount, columns.count,
            scales + group(panel, of: start), minimums + group(panel, of: start),
            levels + column(panel, start), weights + column(panel, start),
            errors + part(panel, Self.stretchLength))
    }
}
