import TensorCore

/// Values that a table of 16 floats stands for, with a scale for each block of consecutive values:
/// the 4-bit types of bitsandbytes.
///
/// The codes follow one another over the whole tensor, two to a byte, the first in the upper half,
/// whatever type of element they are kept in. `value = table[code] · absmax[block]`, rounded once to
/// F32. With double quantization `absmax` holds codes itself: `table[code] · nested[block] + offset`,
/// each step rounded. The package rounds the value to the model's type; that is not done here.
struct CodebookTensor: DequantizedTensor {
    /// What bitsandbytes keeps as text: sizes of blocks, and the shape.
    struct State {
        let shape: Shape
        let blockSize: Int
        /// Scales that share a scale.
        let nestedBlockSize: Int
        /// What is added to scales that are put together from codes.
        let nestedOffset: Float

        /// Reads the JSON that a tensor of bytes holds.
        init(_ part: TensorPool.Part) throws {
            try part.require(.U8, expected: "text in U8")
            let count = part.tensor.shape.elementCount
            guard count <= 1 << 16 else {
                throw part.fault(.wrongShape(found: part.tensor.shape, expected: "a short text"))
            }
            let bytes = try part.shard.file.read(at: part.tensor.offset, count: count)
            let configuration = QuantizationConfiguration(
                json: try JSON.parse(bytes, file: part.shard.file.path),
                path: part.shard.file.path, place: part.tensor.name)
            let limit = 1...1 << 30
            blockSize = try configuration.integer("blocksize", in: limit)
            nestedBlockSize = try configuration.integer(
                "nested_blocksize", in: limit, otherwise: 256)
            nestedOffset = Float(configuration.json["nested_offset"]?.double ?? 0)
            let dimensions = configuration.json["shape"]?.array ?? []
            guard let shape = Shape(dimensions.compactMap(\.integer)), !dimensions.isEmpty,
                shape.rank == dimensions.count
            else {
                throw configuration.fault(
                    "shape", found: configuration.json["shape"]?.kindName ?? "nothing",
                    expected: "the dimensions of the weight")
            }
            self.shape = shape
        }
    }

    let shape: Shape
    private let codes: TensorPool.Part
    private let state: State
    private let absmax: TensorPool.Part
    private let values: [Float]
    private let nested: (absmax: TensorPool.Part, values: [Float])?

    /// Puts a tensor together.
    ///
    /// - Throws: `SafetensorsError` when the parts do not go together.
    init(
        codes: TensorPool.Part, state: State, absmax: TensorPool.Part,
        codebook: TensorPool.Part, nested: (absmax: TensorPool.Part, codebook: TensorPool.Part)?
    ) throws {
        let count = state.shape.elementCount
        let byteCount = codes.tensor.shape.elementCount.multiplied(
            checkedBy: codes.tensor.dataType.bitCount / 8)
        guard byteCount == count / 2 + count % 2 else {
            throw codes.fault(
                .wrongShape(
                    found: codes.tensor.shape,
                    expected: "\(count / 2 + count % 2) bytes for \(state.shape)"))
        }
        let blockCount = count.dividedRoundingUp(by: state.blockSize)
        try absmax.require(shape: [blockCount], "a scale for \(state.blockSize) values each")
        if let nested {
            try nested.absmax.requireFloats()
            try nested.absmax.require(
                shape: [blockCount.dividedRoundingUp(by: state.nestedBlockSize)],
                "a scale for \(state.nestedBlockSize) scales each")
            self.nested = (nested.absmax, try nested.codebook.table(of: 256))
        } else {
            try absmax.requireFloats()
            self.nested = nil
        }
        values = try codebook.table(of: 16)
        shape = state.shape
        self.codes = codes
        self.state = state
        self.absmax = absmax
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let blocks =
            elements.lowerBound / state.blockSize..<(elements.upperBound - 1) / state.blockSize + 1
        let buffer = ScratchBuffer()
        let scales = unsafe buffer.floats(blocks.count)
        try unsafe readScales(blocks, into: scales, scratch: scratch)
        let first = elements.lowerBound / 2
        let bytes = unsafe scratch.bytes((elements.upperBound + 1) / 2 - first)
        try unsafe codes.shard.file.read(at: codes.tensor.offset + first, into: bytes)
        for element in elements {
            let code = unsafe Int(bytes[element / 2 - first] >> UInt8((1 - element % 2) * 4) & 15)
            unsafe destination[element - elements.lowerBound] =
                unsafe values[code] * scales[element / state.blockSize - blocks.lowerBound]
        }
    }

    private func readScales(
        _ blocks: Range<Int>, into scales: UnsafeMutableBufferPointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        guard let start = scales.baseAddress else { return }
        guard let nested else {
            try unsafe absmax.shard.readElements(
                blocks, of: absmax.tensor, into: start, scratch: scratch)
            return
        }
        let groups =
            blocks.lowerBound / state.nestedBlockSize..<(blocks.upperBound - 1)
            / state.nestedBlockSize + 1
        let buffer = ScratchBuffer()
        let factors = unsafe buffer.floats(groups.count)
        guard let base = factors.baseAddress else { return }
        try unsafe nested.absmax.shard.readElements(
            groups, of: nested.absmax.tensor, into: base, scratch: scratch)
        let bytes = unsafe scratch.bytes(blocks.count)
        try unsafe absmax.shard.file.read(at: absmax.tensor.offset + blocks.lowerBound, into: bytes)
        for block in blocks {
            let index = block - blocks.lowerBound
            let factor = unsafe factors[block / state.nestedBlockSize - groups.lowerBound]
            unsafe scales[index] =
                unsafe nested.values[Int(bytes[index])] * factor + state.nestedOffset
        }
    }
}

extension TensorPool.Part {
    /// Reads the values that codes stand for.
    fileprivate func table(of count: Int) throws -> [Float] {
        try requireFloats()
        try require(shape: [count], "a value for each code")
        var values = [Float](repeating: 0, count: count)
        try unsafe values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try unsafe shard.readElements(
                0..<count, of: tensor, into: base, scratch: ScratchBuffer())
        }
        return values
    }
}
