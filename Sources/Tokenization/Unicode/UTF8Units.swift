/// Steps through bytes that should be UTF-8 but need not be.
///
/// Every byte that is not part of a well-formed sequence counts as one unit of its own, so that any
/// input can be cut into units, forwards and backwards, and no byte is lost.
@safe
struct UTF8Units {
    let bytes: UnsafeBufferPointer<UInt8>

    /// What an ill-formed byte counts as: U+FFFD, a symbol.
    static let illFormed: UInt32 = 0xFFFD

    /// The unit that begins at `position` (which must be below `end`).
    @inline(__always)
    func unit(at position: Int, end: Int) -> (scalar: UInt32, byteCount: Int) {
        let first = unsafe bytes[position]
        if first < 0x80 { return (UInt32(first), 1) }
        return longUnit(first, at: position, end: end)
    }

    private func longUnit(
        _ first: UInt8, at position: Int, end: Int
    ) -> (scalar: UInt32, byteCount: Int) {
        let (byteCount, least): (Int, UInt32)
        switch first {
        case 0xC2...0xDF: (byteCount, least) = (2, 0x80)
        case 0xE0...0xEF: (byteCount, least) = (3, 0x800)
        case 0xF0...0xF4: (byteCount, least) = (4, 0x10000)
        default: return (UTF8Units.illFormed, 1)
        }
        guard byteCount <= end - position else { return (UTF8Units.illFormed, 1) }
        var scalar = UInt32(first) & (0x7F >> UInt32(byteCount))
        for offset in 1..<byteCount {
            let byte = unsafe bytes[position + offset]
            guard byte & 0xC0 == 0x80 else { return (UTF8Units.illFormed, 1) }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
        }
        guard scalar >= least, scalar < 0x110000, !(0xD800..<0xE000).contains(scalar) else {
            return (UTF8Units.illFormed, 1)
        }
        return (scalar, byteCount)
    }

    /// Where the unit that ends at `position` begins; `start` is the first byte there is.
    ///
    /// A lead byte never stands inside a unit: looking at the sequence that the nearest one before
    /// begins tells whether it reaches to `position`.
    @inline(__always)
    func start(ofUnitEndingAt position: Int, start: Int) -> Int {
        if unsafe bytes[position - 1] < 0x80 { return position - 1 }
        var candidate = position - 1
        while candidate > start, position - candidate < 4, unsafe bytes[candidate] & 0xC0 == 0x80 {
            candidate -= 1
        }
        let byteCount = unit(at: candidate, end: position).byteCount
        return candidate + byteCount == position ? candidate : position - 1
    }
}
