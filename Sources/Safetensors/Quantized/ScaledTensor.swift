import TensorCore

/// Values stored in 8 bits (FP8 or integers), with scales for the tensor, its rows or blocks.
///
/// `value = (stored − zero point) · scale`, computed in F32: the stored value and the zero point
/// are exact there, the product rounds once, to nearest even. That is how DeepSeek's own
/// `weight_dequant` defines block-scaled FP8 (<https://github.com/deepseek-ai/DeepSeek-V3>,
/// `inference/kernel.py`), and compressed-tensors `float-quantized` and `int-quantized` (which,
/// given scales of 16 bits, rounds the product to them once more; that rounding is not done here).
struct ScaledTensor: DequantizedTensor {
    private let weight: TensorPool.Part
    private let scales: ScaleGrid
    private let zeroPoints: ScaleGrid?
    private let unit: Float?

    var shape: Shape { weight.tensor.shape }

    /// Puts a tensor together.
    ///
    /// - Parameter unit: What products are multiplied with, and rounded once more: the value of one
    ///   step where scales are those of the largest code.
    init(
        weight: TensorPool.Part, scales: ScaleGrid, zeroPoints: ScaleGrid? = nil,
        unit: Float? = nil
    ) {
        self.weight = weight
        self.scales = scales
        self.zeroPoints = zeroPoints
        self.unit = unit
    }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try unsafe weight.shard.readElements(
            elements, of: weight.tensor, into: destination, scratch: scratch)
        let (scale, zero) = (ScratchBuffer(), ScratchBuffer())
        let scaleRow = unsafe scale.floats(scales.gridColumns)
        let zeroRow = unsafe zero.floats(zeroPoints?.gridColumns ?? 0)
        var current = -1
        try forEachRow(of: elements) { row, columns, place in
            let gridRow = scales.gridRow(of: row)
            if gridRow != current, let base = scaleRow.baseAddress {
                try unsafe scales.read(gridRow: gridRow, into: base, scratch: scratch)
                if let zeroPoints, let base = zeroRow.baseAddress {
                    try unsafe zeroPoints.read(gridRow: gridRow, into: base, scratch: scratch)
                }
                current = gridRow
            }
            var column = columns.lowerBound
            while column < columns.upperBound {
                let block = column / scales.blockColumns
                let end = min(columns.upperBound, (block + 1) * scales.blockColumns)
                let values = unsafe UnsafeMutableBufferPointer(
                    start: destination + place + column - columns.lowerBound, count: end - column)
                let factor = unsafe scaleRow[block]
                let offset = unsafe zeroPoints == nil ? 0 : zeroRow[block]
                for index in values.indices {
                    unsafe values[index] = unsafe (values[index] - offset) * factor
                }
                if let unit { for index in values.indices { unsafe values[index] *= unit } }
                column = end
            }
        }
    }
}
