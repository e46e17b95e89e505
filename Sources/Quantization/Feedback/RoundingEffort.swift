/// How much work rounding with feedback may be.
public enum RoundingEffort: String, Sendable, CaseIterable {
    /// Error feedback alone; scales as the plain encoder finds them.
    case fast
    /// Scales and minimums found again in the metric of the feedback, where that pays for its time.
    case normal
    /// Everything that lowers the error.
    case best
}
