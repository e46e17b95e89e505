internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale, a minimum and 5-bit codes; 6 bits per weight.
    public static let Q5_1 = Format(
        name: "Q5_1", typeID: 7, blockElementCount: 32, blockByteCount: 24,
        codes: CodeForm(group: 32, block: 32, offset: 0, highest: 31, hasMinimum: true) {
            ingot_unpack_Q5_1(InstructionSet.current.isa, $0, $1, $2, $3, $4)
        },
        encode: { rows, rowCount, rowLength, importance, destination in
            let done = ingot_encode_Q5_1(
                InstructionSet.current.isa, rows, rowCount, rowLength, importance, destination
            ) { values, importance, variance, block in
                blocksQ5_1.encode(block: values, importance, variance: variance, block)
            }
            if done { return }
            blocksQ5_1.encode(rows, rowCount, rowLength, importance, destination)
        },
        decode: { source, elementCount, destination in
            let isa = InstructionSet.current.isa
            if ingot_decode_Q5_1(isa, source, elementCount, destination) { return }
            blocksQ5_1.decode(source, elementCount, destination)
        })

    private static let blocksQ5_1 = SmallBlock(bits: 5, hasMinimum: true)
}
