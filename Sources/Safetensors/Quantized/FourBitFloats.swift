import TensorCore

/// A tensor of 4-bit floats (E2M1), two to a byte, with a scale for each group of columns:
/// compressed-tensors' `nvfp4-pack-quantized` and `mxfp4-pack-quantized`, ModelOpt's NVFP4.
///
/// The even column is in the lower half of its byte. `value = code · scale`, where the scale of
/// NVFP4 is the stored E4M3 scale (one for 16 columns) and the tensor's global scale in F32, by
/// which compressed-tensors divides and ModelOpt multiplies, that of MXFP4 the power of two whose
/// biased exponent is stored (one for 32 columns). Codes are 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their
/// negatives, so the product with a power of two is exact.
/// Source: `compressors/nvfp4` and `compressors/mxfp4` of
/// <https://github.com/vllm-project/compressed-tensors>.
struct FourBitFloats: DequantizedTensor {
    let shape: Shape
    private let codes: TensorPool.Part
    private let scales: ScaleGrid
    private let globalScale: GlobalScale
    private let global: Float

    /// A scale of the whole tensor, and what is done with it.
    enum GlobalScale {
        case none
        case divides(by: TensorPool.Part)
        case multiplies(by: TensorPool.Part)

        var part: TensorPool.Part? {
            switch self {
            case .none: nil
            case .divides(let part), .multiplies(let part): part
            }
        }

        /// More than any weight of a model. (The largest code times the largest scale of a group is
        /// 2688.)
        private static let weightLimit: Float = 1e6

        /// Reads the scale, 1 where there is none.
        ///
        /// - Throws: `SafetensorsError` when it is not a single number, or would make weights that
        ///   no model has: then it is one of the other kind, the inverse.
        func value() throws -> Float {
            guard let part else { return 1 }
            try part.requireFloats()
            guard part.tensor.shape.elementCount == 1 else {
                throw part.fault(
                    .wrongShape(found: part.tensor.shape, expected: "a single scale"))
            }
            var value: Float = 1
            try unsafe part.shard.readElements(
                0..<1, of: part.tensor, into: &value, scratch: ScratchBuffer())
            let isDivisor = if case .divides = self { true } else { false }
            let largest = isDivisor ? 2688 / value : 2688 * value
            guard largest >= 0, largest <= GlobalScale.weightLimit else {
                throw part.fault(
                    .inverseScale(found: "\(value)", isDivisor: isDivisor))
            }
            return value
        }
    }

    private static let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    private static let values: [Float] = magnitudes + magnitudes.map { -$0 }

    /// Puts a tensor together.
    init(
        codes: TensorPool.Part, scale: TensorPool.Part, globalScale: GlobalScale,
        groupSize: Int, isExponent: Bool
    ) throws {
        try codes.require(.U8, expected: "pairs of 4-bit floats in U8")
        let dimensions = codes.tensor.shape.dimensions
        guard dimensions.count >= 2, let width = dimensions.last?.multiplied(checkedBy: 2),
            let shape = Shape(dimensions.dropLast() + [width])
        else { throw codes.fault(.wrongShape(found: codes.tensor.shape, expected: "a matrix")) }
        guard width % groupSize == 0 else {
            throw codes.fault(
                .wrongShape(
                    found: codes.tensor.shape, expected: "rows of whole groups of \(groupSize)"))
        }
        scales = try ScaleGrid(
            scale, of: shape, block: .rows(1, columns: groupSize), isExponent: isExponent)
        self.shape = shape
        self.codes = codes
        self.globalScale = globalScale
        global = try globalScale.value()
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let first = elements.lowerBound / 2
        let bytes = unsafe scratch.bytes((elements.upperBound + 1) / 2 - first)
        try unsafe codes.shard.file.read(at: codes.tensor.offset + first, into: bytes)
        var scaleRow = [Float](repeating: 0, count: scales.gridColumns)
        let scaleScratch = ScratchBuffer()
        try forEachRow(of: elements) { row, columns, place in
            try unsafe scaleRow.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try unsafe scales.read(
                    gridRow: scales.gridRow(of: row), into: base, scratch: scaleScratch)
                switch globalScale {
                case .none: break
                case .divides: for index in buffer.indices { unsafe buffer[index] /= global }
                case .multiplies: for index in buffer.indices { unsafe buffer[index] *= global }
                }
            }
            for column in columns {
                let element = row * shape.rowLength + column
                let code = unsafe Int(bytes[element / 2 - first] >> UInt8(element % 2 * 4) & 15)
                unsafe destination[place + column - columns.lowerBound] =
                    FourBitFloats.values[code] * scaleRow[column / scales.blockColumns]
            }
        }
    }
}
