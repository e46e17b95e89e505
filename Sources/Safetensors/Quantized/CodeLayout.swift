import TensorCore

/// Unsigned codes of 1 to 8 bits in little-endian words of 32 bits, the first code in the lowest
/// bits.
struct CodeLayout: Sendable, Hashable {
    /// The bits of a code.
    let bits: Int
    /// Whether a code may begin in one word and end in the next, so that 32 codes take exactly
    /// `bits` words; otherwise each word holds `32 / bits` codes and the rest of it is unused.
    let isDense: Bool

    /// The words that `count` codes take.
    func wordCount(_ count: Int) -> Int {
        isDense
            ? count / 32 * bits + (count % 32 * bits + 31) / 32
            : count.dividedRoundingUp(by: 32 / bits)
    }

    /// The words that hold the codes `range`, which is not empty.
    func words(of range: Range<Int>) -> Range<Int> {
        guard isDense else {
            let perWord = 32 / bits
            return range.lowerBound / perWord..<(range.upperBound - 1) / perWord + 1
        }
        return firstBit(of: range.lowerBound) / 32..<(firstBit(of: range.upperBound) + 31) / 32
    }

    /// The code number `index`.
    ///
    /// - Parameters:
    ///   - words: The words from number `first` on.
    ///   - stride: From one word to the next.
    @inline(__always)
    func code(
        _ index: Int, in words: UnsafePointer<UInt32>, from first: Int, stride: Int = 1
    ) -> UInt32 {
        let mask: UInt32 = 1 << UInt32(bits) - 1
        guard isDense else {
            let (word, place) = index.quotientAndRemainder(dividingBy: 32 / bits)
            let value = unsafe UInt32(littleEndian: words[(word - first) * stride])
            return value >> UInt32(place * bits) & mask
        }
        let bit = firstBit(of: index)
        let word = bit / 32 - first
        let shift = UInt32(bit % 32)
        var value = unsafe UInt32(littleEndian: words[word * stride]) >> shift
        if shift + UInt32(bits) > 32 {
            unsafe value |= UInt32(littleEndian: words[(word + 1) * stride]) << (32 - shift)
        }
        return value & mask
    }

    @inline(__always)
    private func firstBit(of index: Int) -> Int {
        // A tensor has fewer than 2^63 bits: its bytes fit a file.
        index &* bits
    }
}
