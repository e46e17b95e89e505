/// Codes of formats whose values are -1, 0 and 1 times a scale.
enum TernaryCode {
    /// 1 plus the nearest integer, halves away from zero.
    ///
    /// What no integer is near (the inverse of a tiny scale overflows) counts as 0.
    @inline(__always)
    static func nearest(_ value: Float) -> Int32 {
        let rounded = value.rounded(.toNearestOrAwayFromZero)
        return abs(rounded) < 0x1p30 ? Int32(rounded) + 1 : 1
    }
}
