/// The 64 bytes in which Q2_K keeps its codes and Q3_K the low two bits of its codes: byte
/// `32h + i` has codes `128h + i`, `+ 32`, `+ 64` and `+ 96`, lowest bits first.
enum TwoBitCodes {
    static func store(_ codes: UnsafePointer<UInt8>, _ bytes: UnsafeMutableRawPointer) {
        for half in 0..<2 {
            for index in 0..<32 {
                let codes = codes + 128 * half + index
                let low = codes[0] & 3 | (codes[32] & 3) << 2
                bytes.setByte(32 * half + index, low | (codes[64] & 3) << 4 | codes[96] << 6)
            }
        }
    }

    @inline(__always)
    static func load(_ bytes: UnsafeRawPointer, _ index: Int) -> UInt8 {
        bytes.byte(32 * (index >> 7) + (index & 31)) >> UInt8(2 * (index >> 5 & 3)) & 3
    }
}
