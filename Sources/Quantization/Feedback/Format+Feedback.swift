extension Format {
    /// Whether rows can be rounded with error feedback.
    public var supportsFeedback: Bool { feedback != nil && InstructionSet.supported.count > 1 }

    /// Rounds rows with error feedback (GPTQ), in the layout of `encode`.
    ///
    /// The error of a column is made up for by the columns behind it. A row's bytes depend on nothing
    /// but the row, the factor and the importance: not on the rows beside it, the thread or the
    /// instruction set. A format without support encodes plainly.
    ///
    /// - Parameters:
    ///   - rows: `rowCount` rows of `factor.columnCount` finite values, whole blocks.
    ///   - importance: The diagonal of the Hessian, one number per column; weighs the plain
    ///     encoder's search for scales. Without it the factor's diagonal does.
    ///   - destination: Room for `byteCount(rowLength:rowCount:)`.
    /// - Complexity: `rowCount * columnCount²` products, thrice that with descent; any number of
    ///   threads may work with one factor.
    /// - Source: Frantar et al., GPTQ, arXiv 2210.17323.
    public func encode(
        rows: UnsafePointer<Float>, rowCount: Int, factor: FeedbackFactor,
        importance: UnsafePointer<Float>?, effort: RoundingEffort,
        into destination: UnsafeMutableRawPointer
    ) {
        let columnCount = factor.columnCount
        precondition(fits(rowLength: columnCount))
        guard supportsFeedback, let feedback, columnCount > 0 else {
            encode?(rows, rowCount, columnCount, importance, destination)
            return
        }
        factor.withWeights(importance) { weights in
            for first in stride(from: 0, to: rowCount, by: FeedbackPanels.largestRowCount) {
                let panels = FeedbackPanels(
                    self, feedback, factor, weights, effort,
                    rowCount: min(FeedbackPanels.largestRowCount, rowCount - first))
                panels.load(rows + first * columnCount)
                panels.round()
                panels.store(
                    destination + first * (columnCount / blockElementCount) * blockByteCount)
            }
        }
    }
}
