internal import CKernels

extension Format {
    /// Super-blocks of 256 ternary values on a grid, each 32 shifted up or down; 1.5625 bits per weight.
    public static let IQ1_S = Format(
        name: "IQ1_S", typeID: 19, blockElementCount: 256, blockByteCount: IQ1_SBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .required,
        codes: .init(group: 32, block: 256, offset: 9, highest: 18),
        kernels: .init(ingot_kernels_IQ1_S, grid: .IQ1),
        encodeBlock: { values, importance, _, block in
            IQ1_SBlock.encode(values, importance, block)
        },
        decodeBlock: IQ1_SBlock.decode)
}

/// ```
/// d   f16        value = d * (2 * scale + 1) * (code - 1 ± 1/8)
/// qs  u8[32]     low eight bits of the grid points
/// qh  u16[8]     for 32 values: four times three high bits | scale << 12 | shift down << 15
/// ```
enum IQ1_SBlock {
    static let byteCount = 50

    /// A sub-block's codes, before the scale is stored.
    private struct Split {
        var scale: Float
        var isDown: Bool
        var first: Int
        var second: Int
    }

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = 2 * ScaleSearch.sumOfSquares(values, 256) / 256
        var (largest, downs): (Float, UInt8) = (0, 0)
        withScratch(40, of: Float.self) { scratch in
            let (weights, scales) = (scratch, scratch + 32)
            for j in 0..<8 {
                let part = values + 32 * j
                if let importance {
                    ScaleSearch.weights(
                        part, importance + 32 * j, 32, variance: variance, into: weights)
                } else {
                    for index in 0..<32 { weights[index] = part[index] * part[index] }
                }
                scales[j] = 0
                guard let (scale, isDown) = encode(part, weights, j, block) else { continue }
                scales[j] = scale
                if isDown { downs |= 1 << UInt8(j) }
                largest = max(largest, scale)
            }
            guard largest > 0 else { return }
            let d = largest / 15
            block.setF16(0, d * 1.125)
            for j in 0..<8 {
                let stored = ScaleSearch.nearest(0.5 * (1 / d * scales[j] - 1), in: 0...7)
                let bits = UInt8(stored) | (downs >> UInt8(j) & 1) << 3
                let place = 35 + 2 * j
                block.setByte(place, UnsafeRawPointer(block).byte(place) | bits << 4)
            }
        }
    }

    /// Finds the grid points of 32 values and stores them.
    ///
    /// Returns the scale and the shift, or `nil` when the values are stored as zeros.
    private static func encode(
        _ values: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ j: Int,
        _ block: UnsafeMutableRawPointer
    ) -> (scale: Float, isDown: Bool)? {
        guard abs(ScaleSearch.peak(values, 32)) >= 1e-12 else { return nil }
        var result: (scale: Float, isDown: Bool)?
        withScratch(32, of: Int.self) { order in
            TernaryGrid.sort(values, 32, into: order)
            guard var split = split(values, weights, order) else { return }
            withScratch(32, of: UInt8.self) { codes in
                for place in 0..<32 {
                    codes[order[place]] = place < split.first ? 0 : place < split.second ? 1 : 2
                }
                if split.scale < 0 {
                    for index in 0..<32 { codes[index] = 2 - codes[index] }
                    split.scale = -split.scale
                    split.isDown.toggle()
                }
                let numbers = split.isDown ? TernaryGrid.down : TernaryGrid.up
                var (high, isOnGrid): (UInt32, Bool) = (0, true)
                var sums: (xq: Float, q2: Float) = (0, 0)
                for k in 0..<4 {
                    let (point, wasOnGrid) = TernaryGrid.point(
                        codes + 8 * k, values + 8 * k, weights + 8 * k, scale: split.scale,
                        numbers: numbers)
                    isOnGrid = isOnGrid && wasOnGrid
                    TernaryGrid.add(
                        point, values + 8 * k, weights + 8 * k, numbers: numbers, to: &sums)
                    block.setByte(2 + 4 * j + k, UInt8(truncatingIfNeeded: point))
                    high |= UInt32(point >> 8) << UInt32(3 * k)
                }
                if !isOnGrid, sums.xq > 0, sums.q2 > 0 { split.scale = sums.xq / sums.q2 }
                block.setByte(34 + 2 * j, UInt8(truncatingIfNeeded: high))
                block.setByte(35 + 2 * j, UInt8(truncatingIfNeeded: high >> 8))
            }
            result = (split.scale, split.isDown)
        }
        return result
    }

    /// With three codes the best rounding without grid can be found exactly: sorted values are cut
    /// in three runs, so all pairs of cuts are tried, with both shifts, by means of prefix sums.
    private static func split(
        _ values: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
        _ order: UnsafePointer<Int>
    ) -> Split? {
        var best: Split?
        var bestScore = -Float.greatestFiniteMagnitude
        withScratch(66, of: Float.self) { sums in
            let (sumX, sumW) = (sums, sums + 33)
            (sumX[0], sumW[0]) = (0, 0)
            for place in 0..<32 {
                let index = order[place]
                sumX[place + 1] = sumX[place] + weights[index] * values[index]
                sumW[place + 1] = sumW[place] + weights[index]
            }
            for first in 0...32 {
                for second in first...32 {
                    for (isDown, n) in [(false, TernaryGrid.up), (true, TernaryGrid.down)] {
                        let xq =
                            (sumX[first] - sumX[0]) * n[0] + (sumX[second] - sumX[first]) * n[1]
                            + (sumX[32] - sumX[second]) * n[2]
                        let q2 =
                            (sumW[first] - sumW[0]) * n[0] * n[0]
                            + (sumW[second] - sumW[first]) * n[1] * n[1]
                            + (sumW[32] - sumW[second]) * n[2] * n[2]
                        if q2 > 0, xq * xq > bestScore * q2 {
                            let scale = xq / q2
                            bestScore = scale * xq
                            best = Split(
                                scale: scale, isDown: isDown, first: first, second: second)
                        }
                    }
                }
            }
        }
        return best
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for j in 0..<8 {
            let high = Int(block.byte(34 + 2 * j)) | Int(block.byte(35 + 2 * j)) << 8
            let scale = d * Float(2 * (high >> 12 & 7) + 1)
            let delta = high >> 15 == 1 ? -TernaryGrid.delta : TernaryGrid.delta
            for k in 0..<4 {
                let point = Int(block.byte(2 + 4 * j + k)) | (high >> (3 * k) & 7) << 8
                TernaryGrid.load(point, scale: scale, delta: delta, values + 32 * j + 8 * k)
            }
        }
    }
}
