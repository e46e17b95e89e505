// Sizes come from files, and files are hostile: products and sums that could overflow go through
// these, which return nil instead of trapping.

extension Int {
    /// The product, or `nil` when it does not fit.
    @inlinable
    public func multiplied(checkedBy other: Int) -> Int? {
        let (value, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? nil : value
    }

    /// The sum, or `nil` when it does not fit.
    @inlinable
    public func adding(checked other: Int) -> Int? {
        let (value, overflow) = addingReportingOverflow(other)
        return overflow ? nil : value
    }

    /// The quotient by a positive divisor, rounded up; for numbers that are not negative.
    @inlinable
    public func dividedRoundingUp(by divisor: Int) -> Int {
        self / divisor + (self % divisor == 0 ? 0 : 1)
    }

    /// The smallest multiple of `alignment` (a power of two) that is not below this number,
    /// or `nil` when it does not fit.
    @inlinable
    public func aligned(to alignment: Int) -> Int? {
        guard let sum = adding(checked: alignment - 1) else { return nil }
        return sum & ~(alignment - 1)
    }
}
