internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale and 5-bit codes around zero; 5.5 bits per weight.
    public static let Q5_0 = Format(
        name: "Q5_0", typeID: 6, blockElementCount: 32, blockByteCount: 22,
        codes: CodeForm(group: 32, block: 32, offset: 16, highest: 31) {
            ingot_unpack_Q5_0(InstructionSet.current.isa, $0, $1, $2, $3, $4)
        },
        encode: { rows, rowCount, rowLength, importance, destination in
            let done = ingot_encode_Q5_0(
                InstructionSet.current.isa, rows, rowCount, rowLength, importance, destination
            ) { values, importance, variance, block in
                blocksQ5_0.encode(block: values, importance, variance: variance, block)
            }
            if done { return }
            blocksQ5_0.encode(rows, rowCount, rowLength, importance, destination)
        },
        decode: { source, elementCount, destination in
            let isa = InstructionSet.current.isa
            if ingot_decode_Q5_0(isa, source, elementCount, destination) { return }
            blocksQ5_0.decode(source, elementCount, destination)
        })

    private static let blocksQ5_0 = SmallBlock(bits: 5, hasMinimum: false)
}
