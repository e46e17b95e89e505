import TensorCore

/// A matrix of integer codes packed along its rows: compressed-tensors' `pack-quantized`.
///
/// `weight_packed` holds, for each row, the codes of its columns in words of 32 bits (`CodeLayout`);
/// `weight_scale` a scale for each group of columns, for the row or for the tensor;
/// `weight_zero_point` (asymmetric) the zero points as codes packed along the first dimension;
/// `weight_g_idx` (activation order) the group of each column.
///
/// `value = (code − zero) · scale`, where `zero` is `2^(bits − 1)` in symmetric quantization. The
/// difference is exact in F32, and so is the product with a scale of 16 bits. Source:
/// `compressors/pack_quantized` of <https://github.com/vllm-project/compressed-tensors>, which
/// rounds the product to the scale's type; that rounding is not done here.
struct PackedMatrix: DequantizedTensor {
    let shape: Shape
    private let codes: TensorPool.Part
    private let layout: CodeLayout
    private let wordsPerRow: Int
    private let scales: ScaleGrid
    private let groups: GroupIndex
    private let zeroPoints: TensorPool.Part?

    /// Puts a matrix together.
    ///
    /// - Parameters:
    ///   - groupSize: The columns of a group; the row's length when a row has one scale.
    ///   - block: How many values share a scale.
    init(
        codes: TensorPool.Part, shape: Shape, bits: Int, scale: TensorPool.Part,
        block: ScaleGrid.Block, groupSize: Int, zeroPoints: TensorPool.Part?,
        groupIndex: TensorPool.Part?
    ) throws {
        try codes.require(.I32, .U32, expected: "packed codes in I32")
        let (rows, columns) = (shape.dimensions[0], shape.dimensions[1])
        let dense = CodeLayout(bits: bits, isDense: true)
        let aligned = CodeLayout(bits: bits, isDense: false)
        let found = codes.tensor.shape.dimensions
        // Before version 0.13 of the library, codes of 3, 5, 6 and 7 bits did not cross words.
        let layout =
            found == [rows, aligned.wordCount(columns)] && found.last != dense.wordCount(columns)
            ? aligned : dense
        try codes.require(
            shape: [rows, layout.wordCount(columns)], "\(columns) codes of \(bits) bits in a row")
        scales = try ScaleGrid(scale, of: shape, block: block)
        try scale.requireFloats()
        let groupCount = scales.gridColumns
        if let zeroPoints {
            try zeroPoints.require(.I32, .U32, expected: "packed zero points in I32")
            guard block != .tensor else {
                throw zeroPoints.fault(
                    .wrongShape(
                        found: zeroPoints.tensor.shape, expected: "none for a single scale"))
            }
            try zeroPoints.require(
                shape: [layout.wordCount(rows), groupCount], "zero points packed by row")
        }
        self.shape = shape
        self.codes = codes
        self.layout = layout
        wordsPerRow = layout.wordCount(columns)
        groups = try GroupIndex(
            groupIndex, columnCount: columns, groupSize: groupSize, groupCount: groupCount)
        self.zeroPoints = zeroPoints
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let (rows, columns) = rowsAndColumns(of: elements)
        let groups = try groups.groups(of: columns)
        let words = layout.words(of: columns)
        let scaleScratch = ScratchBuffer()
        var scaleRow = [Float](repeating: 0, count: scales.gridColumns)
        var zeros = [Float](
            repeating: Float(1 << (layout.bits - 1)), count: scales.gridColumns)
        // Whole rows stand together in the file and are read at once.
        let bytes = unsafe scratch.bytes(
            (rows.count == 1 ? words.count : rows.count * wordsPerRow) * 4)
        try unsafe codes.shard.file.read(
            at: codes.tensor.offset + (rows.lowerBound * wordsPerRow + words.lowerBound) * 4,
            into: bytes)
        guard let base = bytes.baseAddress else { return }
        try forEachRow(of: elements) { row, part, place in
            try unsafe scaleRow.withUnsafeMutableBufferPointer { buffer in
                guard let scale = buffer.baseAddress else { return }
                try unsafe scales.read(
                    gridRow: scales.gridRow(of: row), into: scale, scratch: scaleScratch)
            }
            try readZeros(of: row, into: &zeros)
            let start = unsafe (base + (row - rows.lowerBound) * wordsPerRow * 4)
                .assumingMemoryBound(to: UInt32.self)
            for column in part {
                let group = groups[column - columns.lowerBound]
                let code = unsafe layout.code(column, in: start, from: words.lowerBound)
                unsafe destination[place + column - part.lowerBound] =
                    (Float(code) - zeros[group]) * scaleRow[group]
            }
        }
    }

    /// Reads a row's zero points, when there are any.
    private func readZeros(of row: Int, into zeros: inout [Float]) throws {
        guard let zeroPoints else { return }
        let rowWords = layout.words(of: row..<row + 1)
        let count = zeros.count
        let bytes = try zeroPoints.shard.file.read(
            at: zeroPoints.tensor.offset + rowWords.lowerBound * count * 4,
            count: rowWords.count * count * 4)
        unsafe bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return }
            let words = unsafe base.assumingMemoryBound(to: UInt32.self)
            for group in zeros.indices {
                zeros[group] = unsafe Float(
                    layout.code(row, in: words + group, from: rowWords.lowerBound, stride: count))
            }
        }
    }
}
