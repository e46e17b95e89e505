import TensorCore

extension QuantizationMethod {
    /// Apple's MLX: `weight` in words of 32 bits, `scales` and `biases` for each group of columns.
    ///
    /// transformers writes the same on Apple's processors (`metal`) and calls the third `qbiases`.
    /// The configuration says bits and group size of all modules, and under a module's name what
    /// it has of its own.
    static let mlx = QuantizationMethod(names: ["mlx", "metal"]) { pool, configuration in
        for name in pool.names(endingIn: ".scales") {
            guard let codes = pool.part(name + ".weight"), let scales = pool.part(name + ".scales")
            else { continue }
            let own = configuration.json[name]?.members == nil
            let module = own ? configuration : try configuration.object(name)
            let mode = try module.text(
                "mode", otherwise: configuration.text("mode", otherwise: "affine"))
            guard mode == "affine" else {
                throw module.fault("mode", found: "MLX's \(mode)", expected: "affine")
            }
            let suffix = pool.part(name + ".qbiases") == nil ? ".biases" : ".qbiases"
            let weight = try AffineTensor(
                codes: codes, scales: scales, biases: pool.part(name + suffix, neededBy: codes),
                bits: module.integer("bits", in: 2...8),
                groupSize: module.integer("group_size", in: 1...1 << 20))
            pool.replace(name + ".weight", of: codes.shard, by: weight)
            pool.remove(name + ".scales", name + suffix)
        }
    }
}

/// Integer codes with a scale and an offset for each group of columns: `value = code · scale + bias`.
///
/// The codes of a row follow each other in little-endian words without a gap, the first in the
/// lowest bits. The product with a scale of 16 bits is exact in F32, the sum is rounded once.
/// Source: `affine_dequantize` of <https://github.com/ml-explore/mlx>, which calculates in the
/// scale's type; that rounding is not done here.
struct AffineTensor: DequantizedTensor {
    let shape: Shape
    private let codes: TensorPool.Part
    private let layout: CodeLayout
    private let wordsPerRow: Int
    private let scales: ScaleGrid
    private let biases: ScaleGrid

    /// Puts a tensor together.
    init(
        codes: TensorPool.Part, scales: TensorPool.Part, biases: TensorPool.Part, bits: Int,
        groupSize: Int
    ) throws {
        try codes.require(.U32, .I32, expected: "packed codes in U32")
        try scales.requireFloats()
        try biases.requireFloats()
        let stored = codes.tensor.shape.dimensions
        layout = CodeLayout(bits: bits, isDense: true)
        guard stored.count >= 2, let groupCount = scales.tensor.shape.dimensions.last,
            let columns = groupCount.multiplied(checkedBy: groupSize), columns > 0,
            columns.multiplied(checkedBy: bits) != nil, layout.wordCount(columns) == stored.last,
            let shape = Shape(stored.dropLast() + [columns])
        else {
            throw codes.fault(
                .wrongShape(
                    found: codes.tensor.shape,
                    expected: "codes of \(bits) bits for groups of \(groupSize) with scales of "
                        + "\(scales.tensor.shape)"))
        }
        let block = ScaleGrid.Block.rows(1, columns: groupSize)
        self.scales = try ScaleGrid(scales, of: shape, block: block)
        self.biases = try ScaleGrid(biases, of: shape, block: block)
        self.shape = shape
        self.codes = codes
        wordsPerRow = layout.wordCount(columns)
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let (rows, columns) = rowsAndColumns(of: elements)
        let words = layout.words(of: columns)
        let bytes = unsafe scratch.bytes(
            (rows.count == 1 ? words.count : rows.count * wordsPerRow) * 4)
        try unsafe codes.shard.file.read(
            at: codes.tensor.offset + (rows.lowerBound * wordsPerRow + words.lowerBound) * 4,
            into: bytes)
        let (scaleBuffer, biasBuffer, rowScratch) = (
            ScratchBuffer(), ScratchBuffer(), ScratchBuffer()
        )
        let scaleRow = unsafe scaleBuffer.floats(scales.gridColumns)
        let biasRow = unsafe biasBuffer.floats(scales.gridColumns)
        guard let base = bytes.baseAddress, let scale = scaleRow.baseAddress,
            let bias = biasRow.baseAddress
        else { return }
        try forEachRow(of: elements) { row, part, place in
            let gridRow = scales.gridRow(of: row)
            try unsafe scales.read(gridRow: gridRow, into: scale, scratch: rowScratch)
            try unsafe biases.read(gridRow: gridRow, into: bias, scratch: rowScratch)
            let start = unsafe (base + (row - rows.lowerBound) * wordsPerRow * 4)
                .assumingMemoryBound(to: UInt32.self)
            for column in part {
                let group = column / scales.blockColumns
                let code = unsafe layout.code(column, in: start, from: words.lowerBound)
                unsafe destination[place + column - part.lowerBound] =
                    unsafe Float(code) * scale[group] + bias[group]
            }
        }
    }
}
