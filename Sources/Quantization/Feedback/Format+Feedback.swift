extension Format {
    /// Whether rows can be rounded with error feedback.
    public var supportsFeedback: Bool { encode != nil && blockElementCount > 1 }

    /// Rounds rows with error feedback (GPTQ): the error of a column is made up for by the columns
    /// behind it. The bytes have the layout of `encode`.
    ///
    /// A row's bytes depend on nothing but the row, the factor and the importance: not on the rows
    /// beside it, the thread or the instruction set. Sources: Frantar et al., GPTQ,
    /// arXiv 2210.17323.
    ///
    /// - Parameters:
    ///   - rows: `rowCount` rows of `factor.columnCount` finite values, whole blocks.
    ///   - importance: The diagonal of the Hessian, one number per column; weighs the plain
    ///     encoder's search for scales.
    ///   - destination: Room for `byteCount(rowLength:rowCount:)`.
    public func encode(
        rows: UnsafePointer<Float>, rowCount: Int, factor: FeedbackFactor,
        importance: UnsafePointer<Float>?, effort: RoundingEffort,
        into destination: UnsafeMutableRawPointer
    ) {
        encode?(rows, rowCount, factor.columnCount, importance, destination)
    }
}
