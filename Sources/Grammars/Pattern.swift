/// A set of texts.
indirect enum Pattern: Sendable, Hashable {
    case literal([UInt8])
    /// One scalar of these ranges, in order and apart.
    case scalars([ClosedRange<UInt32>])
    case sequence([Pattern])
    case choice([Pattern])
    /// Without a `maximum`, any number.
    case repetition(Pattern, minimum: Int, maximum: Int?)
    case rule(String)

    static let empty = Pattern.sequence([])
    /// No text at all.
    static let nothing = Pattern.choice([])

    static func text(_ text: String) -> Pattern { .literal(Array(text.utf8)) }
    static func any(_ pattern: Pattern) -> Pattern {
        .repetition(pattern, minimum: 0, maximum: nil)
    }
    static func optional(_ pattern: Pattern) -> Pattern {
        .repetition(pattern, minimum: 0, maximum: 1)
    }
}

/// Sets of scalars.
enum ScalarSet {
    /// All scalars; half surrogates are none.
    static let all: [ClosedRange<UInt32>] = [0...0xD7FF, 0xE000...0x10FFFF]

    /// Ranges in order and apart.
    static func normalized(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound &+ 1 {
                result[result.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return intersection(result, all)
    }

    static func intersection(
        _ left: [ClosedRange<UInt32>], _ right: [ClosedRange<UInt32>]
    ) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        for first in left {
            for second in right where first.overlaps(second) {
                result.append(first.clamped(to: second))
            }
        }
        return result
    }

    /// All scalars that are not in normalized `ranges`.
    static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if next < range.lowerBound { result.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { result.append(next...0x10FFFF) }
        return intersection(result, all)
    }

    /// The sequences of byte ranges that are the UTF-8 of a range of scalars.
    static func utf8(_ range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
        // Cut where the number of bytes changes.
        for limit: UInt32 in [0x7F, 0x7FF, 0xFFFF]
        where range.lowerBound <= limit && limit < range.upperBound {
            return utf8(range.lowerBound...limit) + utf8((limit + 1)...range.upperBound)
        }
        // Cut until the later bytes go through all their values.
        for count in 1...3 {
            let mask: UInt32 = (1 << (6 * UInt32(count))) - 1
            guard range.upperBound > 0x7F, range.lowerBound & ~mask != range.upperBound & ~mask
            else { continue }
            if range.lowerBound & mask != 0 {
                let end = range.lowerBound | mask
                return utf8(range.lowerBound...end) + utf8((end + 1)...range.upperBound)
            }
            if range.upperBound & mask != mask {
                let start = range.upperBound & ~mask
                return utf8(range.lowerBound...(start - 1)) + utf8(start...range.upperBound)
            }
        }
        let (low, high) = (encoded(range.lowerBound), encoded(range.upperBound))
        return [zip(low, high).map { $0...$1 }]
    }

    private static func encoded(_ value: UInt32) -> [UInt8] {
        Unicode.Scalar(value).flatMap { UTF8.encode($0) }.map(Array.init) ?? []
    }
}
