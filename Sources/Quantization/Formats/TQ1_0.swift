internal import CKernels

extension Format {
    /// Super-blocks of 256 ternary values, five to a byte; 1.6875 bits per weight.
    public static let TQ1_0 = Format(
        name: "TQ1_0", typeID: 34, blockElementCount: 256, blockByteCount: TQ1_0Block.byteCount,
        fallbacks: [.Q4_0, .F16], importance: .ignored,
        codes: .init(group: 32, block: 256, offset: 1, highest: 2),
        kernels: .init(ingot_kernels_TQ1_0),
        encodeBlock: { values, _, _, block in
            TQ1_0Block.encode(values, block)
        },
        decodeBlock: TQ1_0Block.decode)
}

/// ```
/// qs u8[32]  byte i: values i, i + 32, … i + 128
/// qs u8[16]  byte i: values 160 + i, 176 + i, … 224 + i
/// qh u8[4]   byte i: values 240 + i, 244 + i, 248 + i, 252 + i
/// d  f16     value = d * (digit - 1)
/// ```
/// A byte holds a number of five ternary digits, the first value's the highest, as a fraction of
/// 256: multiplying by 3 carries the next digit out of the byte.
enum TQ1_0Block {
    static let byteCount = 54

    /// Runs of bytes: the first byte, how many, the first value, how many values to a byte.
    private static let runs = [
        (byte: 0, count: 32, value: 0, digits: 5), (byte: 32, count: 16, value: 160, digits: 5),
        (byte: 48, count: 4, value: 240, digits: 4),
    ]

    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let d = abs(ScaleSearch.peak(values, 256))
        let inverse: Float = d != 0 ? 1 / d : 0
        for run in runs {
            for index in 0..<run.count {
                var number: Int32 = 0
                for digit in 0..<5 {
                    number *= 3
                    guard digit < run.digits else { continue }
                    let value = values[run.value + digit * run.count + index]
                    number += TernaryCode.nearest(value * inverse)
                }
                // Rounded up, so that the digits come out exactly.
                let byte = (UInt32(truncatingIfNeeded: number) & 0xFF) * 256 + 242
                block.setByte(run.byte + index, UInt8(truncatingIfNeeded: byte / 243))
            }
        }
        block.setF16(52, d)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(52)
        for run in runs {
            for index in 0..<run.count {
                var fraction = block.byte(run.byte + index)
                for digit in 0..<run.digits {
                    let product = UInt16(fraction) * 3
                    values[run.value + digit * run.count + index] =
                        Float(Int32(product >> 8) - 1) * d
                    fraction = UInt8(truncatingIfNeeded: product)
                }
            }
        }
    }
}
