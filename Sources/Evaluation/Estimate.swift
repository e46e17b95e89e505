/// A measured value and its standard error: the one form that figures have, from where they are
/// summed up to the JSON of a report.
public struct Estimate: Codable, Sendable, Hashable {
    /// The value.
    public var value: Double
    /// One standard error, `nil` when it is not known.
    public var standardError: Double?

    /// Creates an estimate.
    public init(_ value: Double, standardError: Double? = nil) {
        self.value = value
        self.standardError = standardError
    }

    /// A mean with its standard error.
    public init(_ moments: Moments) {
        self.init(moments.mean, standardError: moments.standardError)
    }

    /// A share of `count` independent trials, with its binomial standard error
    /// `sqrt(p (1 − p) / (n − 1))`.
    public init(share: Double, of count: Int) {
        let others = Double(max(1, count - 1))
        self.init(share, standardError: (share * (1 - share) / others).squareRoot())
    }
}
