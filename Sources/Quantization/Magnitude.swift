internal import CKernels

/// The largest magnitude of some values: infinite when one of them is, NaN when one is NaN.
///
/// - Complexity: O(`count`), several values at a time.
public func largestMagnitude(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
    var largest: UInt32 = 0
    if ingot_largest_magnitude(InstructionSet.current.isa, values, count, &largest) {
        return Float(bitPattern: largest)
    }
    // The order of bit patterns without their sign is that of magnitudes, NaN last.
    for index in 0..<count { largest = max(largest, values[index].bitPattern & 0x7FFF_FFFF) }
    return Float(bitPattern: largest)
}
