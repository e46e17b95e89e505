import TensorCore

/// A matrix of integer codes that is stored transposed: GPTQ and AWQ.
///
/// `qweight` holds the codes, `scales` a scale for each group of inputs and each output
/// (`[groups, outputs]`), `qzeros` the zero points as codes packed along the outputs, `g_idx` (GPTQ)
/// the group of each input. The weight that a model multiplies with is `[outputs, inputs]`.
///
/// `value = (code − zero) · scale`; the difference is exact in F32, and so is the product with a
/// scale of 16 bits.
///
/// - GPTQ: the codes of `32` inputs take `bits` words in a column of `qweight`
///   (`[inputs · bits / 32, outputs]`), the first input in the lowest bits, codes of 3 bits across
///   words. `zero` is the stored zero point plus one, as the format's first version subtracts one;
///   plus nothing when `checkpoint_format` is `gptq_v2`. Source: <https://github.com/AutoGPTQ/AutoGPTQ>,
///   <https://github.com/ModelCloud/GPTQModel>.
/// - AWQ (`gemm`): a word holds the codes of eight outputs of one input (`[inputs, outputs / 8]`),
///   the four bits from `4i` on those of output `order[i]`, with `order` 0, 2, 4, 6, 1, 3, 5, 7; zero
///   points likewise, as they are. Source: <https://github.com/casper-hansen/AutoAWQ>.
struct TransposedMatrix: DequantizedTensor {
    /// How codes are packed.
    enum Packing: Sendable, Hashable {
        /// Along the inputs, zero points along the outputs, with `zeroOffset` to be added.
        case inputs(CodeLayout, zeroOffset: Float)
        /// Eight outputs in a word, in AWQ's order.
        case outputs
    }

    let shape: Shape
    private let packing: Packing
    private let codes: TensorPool.Part
    private let zeros: TensorPool.Part
    private let scales: TensorPool.Part
    private let groupCount: Int
    private let groups: GroupIndex
    private let cache: StripCache

    /// Puts a matrix together.
    ///
    /// - Throws: `SafetensorsError` when the parts do not go together.
    init(
        codes: TensorPool.Part, zeros: TensorPool.Part, scales: TensorPool.Part,
        groupIndex: TensorPool.Part?, packing: Packing, inputCount: Int, outputCount: Int,
        groupSize: Int, cache: StripCache
    ) throws {
        try codes.require(.I32, .U32, expected: "packed codes in I32")
        try zeros.require(.I32, .U32, expected: "packed zero points in I32")
        try scales.requireFloats()
        let groupCount = inputCount.dividedRoundingUp(by: groupSize)
        switch packing {
        case .inputs(let layout, _):
            try codes.require(
                shape: [layout.wordCount(inputCount), outputCount],
                "\(inputCount) inputs of \(layout.bits) bits, \(outputCount) outputs")
            try zeros.require(
                shape: [groupCount, layout.wordCount(outputCount)],
                "groups of \(groupSize) inputs, \(outputCount) outputs of \(layout.bits) bits")
        case .outputs:
            try codes.require(
                shape: [inputCount, outputCount / 8], "inputs, eight outputs in a word")
            try zeros.require(
                shape: [groupCount, outputCount / 8],
                "groups of \(groupSize) inputs, eight outputs in a word")
        }
        try scales.require(
            shape: [groupCount, outputCount], "groups of \(groupSize) inputs, outputs")
        guard let shape = Shape([outputCount, inputCount]) else {
            throw codes.fault(.invalidShape("[\(outputCount), \(inputCount)]"))
        }
        self.shape = shape
        self.packing = packing
        self.codes = codes
        self.zeros = zeros
        self.scales = scales
        self.groupCount = groupCount
        groups = try GroupIndex(
            groupIndex, columnCount: inputCount, groupSize: groupSize, groupCount: groupCount)
        self.cache = cache
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let (outputs, inputs) = rowsAndColumns(of: elements)
        let groups = try groups.groups(of: inputs)
        let (scales, zeros) = try affine(of: outputs, scratch: scratch)
        let strip = try cache.strip(words(of: outputs), of: codes)
        let width = strip.columns.count
        unsafe strip.words.withUnsafeBufferPointer { words in
            guard let base = words.baseAddress else { return }
            forEachRow(of: elements) { output, part, place in
                let local = (output - outputs.lowerBound) * groupCount
                let word = wordColumn(of: output) - strip.columns.lowerBound
                let shift = TransposedMatrix.shift(of: output)
                for input in part {
                    let code: UInt32 =
                        switch packing {
                        case .inputs(let layout, _):
                            unsafe layout.code(input, in: base + word, from: 0, stride: width)
                        case .outputs:
                            unsafe UInt32(littleEndian: base[input * width + word]) >> shift & 15
                        }
                    let group = local + groups[input - inputs.lowerBound]
                    unsafe destination[place + input - part.lowerBound] =
                        (Float(code) - zeros[group]) * scales[group]
                }
            }
        }
    }

    /// The column of `qweight` that an output's codes are in.
    private func wordColumn(of output: Int) -> Int {
        packing == .outputs ? output / 8 : output
    }

    private func words(of outputs: Range<Int>) -> Range<Int> {
        wordColumn(of: outputs.lowerBound)..<wordColumn(of: outputs.upperBound - 1) + 1
    }

    /// Where AWQ puts an output in its word.
    private static func shift(of output: Int) -> UInt32 {
        let place = output % 8
        return UInt32(place % 2 * 4 + place / 2) * 4
    }

    /// Scales and zero points of some outputs: for each output those of all groups.
    private func affine(
        of outputs: Range<Int>, scratch: ScratchBuffer
    ) throws -> (scales: [Float], zeros: [Float]) {
        var scaleTable = [Float](repeating: 0, count: outputs.count * groupCount)
        var zeroTable = scaleTable
        var values = [Float](repeating: 0, count: outputs.count)
        let zeroWords: Range<Int> =
            switch packing {
            case .inputs(let layout, _): layout.words(of: outputs)
            case .outputs: words(of: outputs)
            }
        let wordCount = zeros.tensor.shape.rowLength
        for group in 0..<groupCount {
            try unsafe values.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                let start = group * shape.dimensions[0]
                try unsafe scales.shard.readElements(
                    start + outputs.lowerBound..<start + outputs.upperBound, of: scales.tensor,
                    into: base, scratch: scratch)
            }
            let bytes = unsafe scratch.bytes(zeroWords.count * 4)
            try unsafe zeros.shard.file.read(
                at: zeros.tensor.offset + (group * wordCount + zeroWords.lowerBound) * 4,
                into: bytes)
            guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt32.self) else {
                continue
            }
            for output in outputs {
                let index = (output - outputs.lowerBound) * groupCount + group
                scaleTable[index] = values[output - outputs.lowerBound]
                switch packing {
                case .inputs(let layout, let offset):
                    zeroTable[index] =
                        unsafe Float(layout.code(output, in: base, from: zeroWords.lowerBound))
                        + offset
                case .outputs:
                    let word = unsafe UInt32(littleEndian: base[output / 8 - zeroWords.lowerBound])
                    zeroTable[index] = Float(word >> TransposedMatrix.shift(of: output) & 15)
                }
            }
        }
        return (scaleTable, zeroTable)
    }
}
