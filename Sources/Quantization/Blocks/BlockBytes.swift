import TensorCore

// Reading and writing the fields of blocks, which are little-endian and have no alignment.

extension UnsafeRawPointer {
    /// The binary16 number at `offset`.
    @inline(__always)
    func f16(_ offset: Int) -> Float {
        let bits = loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        return HalfFloat.float(fromF16: UInt16(littleEndian: bits))
    }

    /// The byte at `offset`.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }

    /// The 32-bit word at `offset`.
    @inline(__always)
    func word(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

extension UnsafeMutableRawPointer {
    /// Stores `value` as binary16 at `offset` and returns the number that was stored: codes are
    /// chosen for the rounded scale.
    @inline(__always)
    @discardableResult
    func setF16(_ offset: Int, _ value: Float) -> Float {
        let bits = HalfFloat.f16(from: value)
        storeBytes(of: bits.littleEndian, toByteOffset: offset, as: UInt16.self)
        return HalfFloat.float(fromF16: bits)
    }

    /// Stores a byte at `offset`.
    @inline(__always)
    func setByte(_ offset: Int, _ value: UInt8) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Stores a 32-bit word at `offset`.
    @inline(__always)
    func setWord(_ offset: Int, _ value: UInt32) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
}

/// Runs `body` with room for `count` values.
@inline(__always)
func withScratch<Element: BitwiseCopyable>(
    _ count: Int, of type: Element.Type = Element.self,
    _ body: (UnsafeMutablePointer<Element>) -> Void
) {
    withUnsafeTemporaryAllocation(of: type, capacity: count) { buffer in
        guard let base = buffer.baseAddress else { return }
        body(base)
    }
}
