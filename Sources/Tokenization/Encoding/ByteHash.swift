/// A hash of bytes for tables that are looked up many times per word.
///
/// The seed is random in every process: a vocabulary cannot be made to collide on purpose.
enum ByteHash {
    static let seed = UInt64.random(in: 1...UInt64.max)

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return high ^ low
    }

    /// The hash of `count` bytes from `base` on.
    @inline(__always)
    static func hash(_ base: UnsafePointer<UInt8>, _ count: Int, _ seed: UInt64) -> UInt64 {
        var state = seed ^ UInt64(truncatingIfNeeded: count)
        let raw = unsafe UnsafeRawPointer(base)
        var offset = 0
        while offset + 8 <= count {
            state = unsafe mix(state ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < count {
            rest = unsafe rest << 8 | UInt64(base[offset])
            offset += 1
        }
        return mix(state ^ rest ^ seed)
    }
}
