import TensorCore

/// A matrix of 4-bit integers, two rows to a row of bytes: ModelOpt's `W4A16_AWQ`.
///
/// `weight` is `[outputs / 2, inputs]`: the lower half of a byte is the code of the even output, the
/// upper half that of the odd one, both in two's complement. `weight_scale` has a scale for each
/// group of inputs, `[outputs, groups]`. `value = code · scale`, rounded once. Source:
/// `pack_int4_in_uint8` in `torch/export/quant_utils.py` of
/// <https://github.com/NVIDIA/Model-Optimizer>.
struct RowPairs: DequantizedTensor {
    let shape: Shape
    private let codes: TensorPool.Part
    private let scales: ScaleGrid

    /// Puts a matrix together; the number of scales tells the group's size.
    init(codes: TensorPool.Part, scale: TensorPool.Part) throws {
        try codes.require(.U8, expected: "pairs of 4-bit integers in U8")
        try scale.requireFloats()
        let dimensions = codes.tensor.shape.dimensions
        guard dimensions.count == 2, let rows = dimensions[0].multiplied(checkedBy: 2),
            let shape = Shape([rows, dimensions[1]])
        else { throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "a matrix")) }
        guard let groups = scale.tensor.shape.dimensions.last, groups > 0,
            dimensions[1] % groups == 0, dimensions[1] > 0
        else {
            throw scale.fault(
                .wrongShape(
                    found: scale.tensor.shape,
                    expected: "scales for equal groups of \(dimensions[1]) columns"))
        }
        scales = try ScaleGrid(
            scale, of: shape, block: .rows(1, columns: dimensions[1] / groups))
        self.shape = shape
        self.codes = codes
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let scaleBuffer = ScratchBuffer()
        let scaleRow = unsafe scaleBuffer.floats(scales.gridColumns)
        guard let scale = scaleRow.baseAddress else { return }
        try forEachRow(of: elements) { row, columns, place in
            try unsafe scales.read(gridRow: scales.gridRow(of: row), into: scale, scratch: scratch)
            let bytes = unsafe scratch.bytes(columns.count)
            try unsafe codes.shard.file.read(
                at: codes.tensor.offset + row / 2 * shape.rowLength + columns.lowerBound,
                into: bytes)
            let shift = UInt8(row % 2 * 4)
            for (index, column) in columns.enumerated() {
                let code = unsafe Int8(bitPattern: (bytes[index] >> shift) << 4) >> 4
                unsafe destination[place + index] =
                    unsafe Float(code) * scale[column / scales.blockColumns]
            }
        }
    }
}
