/// How the keys or values of a sequence's tokens are kept (the KV cache).
public enum CacheType: String, Sendable, CaseIterable {
    /// As they are made.
    case f32
    /// Rounded to F16; numbers beyond its range become its largest.
    case f16
    /// In 8 bits, with an F16 scale for up to 32 numbers of a head.
    case q8_0
}

/// How both are kept.
struct CacheTypes: Sendable, Hashable {
    var keys: CacheType
    var values: CacheType

    init(_ keys: CacheType, _ values: CacheType) {
        (self.keys, self.values) = (keys, values)
    }
}
