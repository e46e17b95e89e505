/// A set of Unicode scalars as a character class of a pattern means it.
struct ScalarSet: Hashable, Sendable {
    /// ASCII members, one bit each.
    private(set) var low: UInt64 = 0
    private(set) var high: UInt64 = 0
    /// General categories that belong to the set, for scalars beyond ASCII.
    private(set) var categories: UInt32 = 0
    /// Further members beyond ASCII, sorted, neither overlapping nor touching.
    private(set) var ranges: [ClosedRange<UInt32>] = []
    /// Sets whose members are taken out (`&&[^…]`).
    private(set) var excluded: [ScalarSet] = []
    /// Whether everything but the above is meant.
    private(set) var isNegated = false

    /// The white space beyond ASCII: separators (by category) and U+0085.
    private static let separators = GeneralCategory.mask(.zs, .zl, .zp)

    /// `\s`: Unicode's property White_Space.
    static let whitespace: ScalarSet = {
        var set = ScalarSet()
        for byte: UInt32 in [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85] { set.insert(byte...byte) }
        set.categories |= separators
        return set
    }()

    /// Every scalar of some general categories.
    init(categories mask: UInt32) {
        for scalar: UInt32 in 0..<0x80
        where mask >> UInt32(GeneralCategory.number(of: scalar)) & 1 == 1 {
            insert(scalar...scalar)
        }
        categories = mask
    }

    init(_ ranges: ClosedRange<UInt32>...) {
        for range in ranges { insert(range) }
    }

    mutating func insert(_ range: ClosedRange<UInt32>) {
        if range.lowerBound < 0x80 {
            for scalar in range.lowerBound...min(range.upperBound, 0x7F) {
                if scalar < 64 {
                    low |= 1 << UInt64(scalar)
                } else {
                    high |= 1 << UInt64(scalar - 64)
                }
            }
        }
        guard range.upperBound >= 0x80 else { return }
        ranges.append(max(range.lowerBound, 0x80)...range.upperBound)
        ranges.sort { $0.lowerBound < $1.lowerBound }
        var merged: [ClosedRange<UInt32>] = []
        for next in ranges {
            if let last = merged.last, next.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] =
                    last.lowerBound...max(last.upperBound, next.upperBound)
            } else {
                merged.append(next)
            }
        }
        ranges = merged
    }

    /// Adds the members of another set; `nil` when the union cannot be written down.
    func union(_ other: ScalarSet) -> ScalarSet? {
        guard !isNegated, !other.isNegated, excluded.isEmpty, other.excluded.isEmpty else {
            return nil
        }
        var result = self
        result.low |= other.low
        result.high |= other.high
        result.categories |= other.categories
        for range in other.ranges { result.insert(range) }
        return result
    }

    /// The scalars that are not in the set.
    var inverted: ScalarSet {
        var result = self
        result.isNegated.toggle()
        return result
    }

    /// The members that are not in `other`.
    func subtracting(_ other: ScalarSet) -> ScalarSet {
        var result = self
        result.excluded.append(other)
        return result
    }

    /// ASCII letters get their other case too.
    var ignoringCase: ScalarSet {
        var result = self
        let upper: UInt64 = 0x07FF_FFFE
        result.high |= (high & upper) << 32 | (high >> 32) & upper
        return result
    }

    @inline(__always)
    func containsASCII(_ byte: UInt8) -> Bool {
        let bit = byte < 64 ? low >> UInt64(byte) & 1 : high >> UInt64(byte & 63) & 1
        return (bit == 1) != isNegated && (excluded.isEmpty || !isExcluded(UInt32(byte)))
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return containsASCII(UInt8(truncatingIfNeeded: scalar)) }
        return containsBeyondASCII(scalar)
    }

    private func containsBeyondASCII(_ scalar: UInt32) -> Bool {
        var found = categories >> UInt32(GeneralCategory.number(of: scalar)) & 1 == 1
        if !found, !ranges.isEmpty { found = isInRanges(scalar) }
        return found != isNegated && !isExcluded(scalar)
    }

    private func isExcluded(_ scalar: UInt32) -> Bool { excluded.contains { $0.contains(scalar) } }

    private func isInRanges(_ scalar: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }

    /// Whether any scalar beyond ASCII can be a member (an estimate that errs towards yes).
    var reachesBeyondASCII: Bool { isNegated || categories != 0 || !ranges.isEmpty }

    /// Whether the set cannot have a member.
    var isEmpty: Bool { !isNegated && low == 0 && high == 0 && categories == 0 && ranges.isEmpty }
}
