internal import CKernels
import TensorCore

extension Format {
    /// IEEE 754 binary16, little-endian, one value to a block; rounds to nearest, ties to even.
    public static let F16 = Format(
        name: "F16", typeID: 1, blockElementCount: 1, blockByteCount: 2,
        encode: { rows, rowCount, rowLength, _, destination in
            let isa = InstructionSet.current.isa
            if ingot_f32_to_f16(isa, rows, rowCount * rowLength, destination) { return }
            for index in 0..<rowCount * rowLength {
                destination.storeBytes(
                    of: HalfFloat.f16(from: rows[index]).littleEndian, toByteOffset: index * 2,
                    as: UInt16.self)
            }
        },
        decode: { source, elementCount, destination in
            let isa = InstructionSet.current.isa
            if ingot_f16_to_f32(isa, source, elementCount, destination) { return }
            for index in 0..<elementCount {
                let bits = source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                destination[index] = HalfFloat.float(fromF16: UInt16(littleEndian: bits))
            }
        })
}
