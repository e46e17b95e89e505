/// The rows of tokens that a calibration runs over, by what they are for.
public struct CalibrationWindows: Sendable {
    /// What rows are for.
    enum Purpose: Sendable, Hashable {
        /// Hessians are made of them.
        case fitting
        /// How far Hessians are shrunk is chosen by them.
        case validation
    }

    /// The rows that Hessians are made of.
    public let fitting: [[Int32]]
    /// The rows that shrinkage is chosen by.
    public let validation: [[Int32]]
    /// Whether those are of texts of their own.
    public let hasOtherTexts: Bool

    /// The number of tokens of all rows.
    public var tokenCount: Int { (fitting + validation).reduce(0) { $0 + $1.count } }

    /// Takes rows to fit to and rows to validate by; without those, every fourth row of the first
    /// validates.
    public init(fitting: CalibrationTokens, validation: CalibrationTokens?) {
        let rows = fitting.rows.map(\.tokens)
        hasOtherTexts = validation != nil
        if let validation {
            self.fitting = rows
            self.validation = validation.rows.map(\.tokens)
        } else {
            self.fitting = rows.indices.filter { $0 % 4 != 3 }.map { rows[$0] }
            self.validation = rows.indices.filter { $0 % 4 == 3 }.map { rows[$0] }
        }
    }

    /// Rows from all over the texts, of about so many tokens at the most, in the same proportions.
    package func thinned(to limit: Int) -> CalibrationWindows {
        let share = Double(limit) / Double(max(1, tokenCount))
        guard share < 1 else { return self }
        func some(_ rows: [[Int32]]) -> [[Int32]] {
            let count = min(rows.count, max(1, Int(Double(rows.count) * share)))
            return (0..<count).map { rows[$0 * rows.count / count] }
        }
        return CalibrationWindows(fitting: some(fitting), validation: some(validation))
    }

    /// Takes rows as they are.
    package init(fitting: [[Int32]], validation: [[Int32]], hasOtherTexts: Bool = true) {
        self.fitting = fitting
        self.validation = validation
        self.hasOtherTexts = hasOtherTexts
    }
}
