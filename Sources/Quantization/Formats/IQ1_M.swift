internal import CKernels
import TensorCore

extension Format {
    /// Super-blocks of 256 ternary values on a grid, each eight shifted up or down; 1.75 bits per weight.
    public static let IQ1_M = Format(
        name: "IQ1_M", typeID: 29, blockElementCount: 256, blockByteCount: IQ1_MBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .expected,
        codes: .init(group: 16, block: 256, offset: 9, highest: 18),
        kernels: .init(ingot_kernels_IQ1_M, grid: .IQ1),
        encodeBlock: { values, importance, _, block in
            IQ1_MBlock.encode(values, importance, block)
        },
        decodeBlock: IQ1_MBlock.decode)
}

/// ```
/// qs     u8[32]    low eight bits of the grid points
/// qh     u8[16]    nibble g: three high bits of grid point g | shift down << 3
/// scales u16[4]    word i: four times three bits of scale, each for 16 values;
///                  the four high nibbles are d as f16, the lowest first
///                  value = d * (2 * scale + 1) * (code - 1 ± 1/8)
/// ```
enum IQ1_MBlock {
    static let byteCount = 56

    /// The shifts of the two halves of 16 values: bit 0 of the index the second half's.
    private static func numbers(_ shifts: Int, half: Int) -> [Float] {
        shifts >> (1 - half) & 1 == 0 ? TernaryGrid.up : TernaryGrid.down
    }

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = 2 * ScaleSearch.sumOfSquares(values, 256) / 256
        withScratch(272, of: Float.self) { scratch in
            withScratch(16, of: Int.self) { shifts in
                let (weights, scales) = (scratch, scratch + 256)
                if let importance {
                    ScaleSearch.weights(values, importance, 256, variance: variance, into: weights)
                } else {
                    for index in 0..<256 { weights[index] = values[index] * values[index] }
                }
                var largest: Float = 0
                for j in 0..<16 {
                    let found = encode(values + 16 * j, weights + 16 * j, j, block)
                    (scales[j], shifts[j]) = found ?? (0, 0)
                    largest = max(largest, scales[j])
                }
                guard largest > 0 else { return }
                store(values, weights, scales, shifts, largest: largest, block)
            }
        }
    }

    /// Stores scales and shifts, and the unit that fits all values best with them.
    private static func store(
        _ values: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
        _ scales: UnsafePointer<Float>, _ shifts: UnsafePointer<Int>, largest: Float,
        _ block: UnsafeMutableRawPointer
    ) {
        var d = largest / 15
        let inverse = 1 / d
        var words: [UInt16] = [0, 0, 0, 0]
        var sums: (xq: Float, q2: Float) = (0, 0)
        for j in 0..<16 {
            let code = ScaleSearch.nearest(0.5 * (inverse * scales[j] - 1), in: 0...7)
            words[j / 4] |= UInt16(code) << UInt16(3 * (j % 4))
            let downs = UInt8((shifts[j] & 1) << 7 | (shifts[j] >> 1) << 3)
            let high = UnsafeRawPointer(block).byte(32 + j) | downs
            block.setByte(32 + j, high)
            for half in 0..<2 {
                let place = 16 * j + 8 * half
                let low = Int(UnsafeRawPointer(block).byte(2 * j + half))
                TernaryGrid.add(
                    low | (Int(high) >> (4 * half) & 7) << 8, values + place, weights + place,
                    numbers: numbers(shifts[j], half: half), factor: Float(2 * code + 1),
                    to: &sums)
            }
        }
        if sums.q2 > 0 { d = sums.xq / sums.q2 }
        let bits = HalfFloat.f16(from: d * 1.1125)
        for index in 0..<4 {
            let word = words[index] | (bits >> UInt16(4 * index) & 0xF) << 12
            block.setByte(48 + 2 * index, UInt8(truncatingIfNeeded: word))
            block.setByte(49 + 2 * index, UInt8(truncatingIfNeeded: word >> 8))
        }
    }

    /// Finds the grid points of 16 values and stores them.
    ///
    /// Returns the scale and the shifts, or `nil` when the values are stored as zeros.
    private static func encode(
        _ values: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ j: Int,
        _ block: UnsafeMutableRawPointer
    ) -> (Float, Int)? {
        guard abs(ScaleSearch.peak(values, 16)) >= 1e-7 else { return nil }
        var result: (Float, Int)?
        withScratch(16, of: Int.self) { order in
            TernaryGrid.sort(values, 16, into: order)
            guard var split = split(values, weights, order) else { return }
            withScratch(16, of: UInt8.self) { codes in
                for place in 0..<16 {
                    codes[order[place]] = place < split.first ? 0 : place < split.second ? 1 : 2
                }
                if split.scale < 0 {
                    for index in 0..<16 { codes[index] = 2 - codes[index] }
                    split.scale = -split.scale
                    split.shifts = 3 - split.shifts
                }
                var (high, isOnGrid): (Int, Bool) = (0, true)
                var sums: (xq: Float, q2: Float) = (0, 0)
                for half in 0..<2 {
                    let numbers = numbers(split.shifts, half: half)
                    let (point, wasOnGrid) = TernaryGrid.point(
                        codes + 8 * half, values + 8 * half, weights + 8 * half,
                        scale: split.scale, numbers: numbers)
                    isOnGrid = isOnGrid && wasOnGrid
                    TernaryGrid.add(
                        point, values + 8 * half, weights + 8 * half, numbers: numbers, to: &sums)
                    block.setByte(2 * j + half, UInt8(truncatingIfNeeded: point))
                    high |= (point >> 8) << (4 * half)
                }
                if !isOnGrid, sums.xq > 0, sums.q2 > 0 { split.scale = sums.xq / sums.q2 }
                block.setByte(32 + j, UInt8(truncatingIfNeeded: high))
            }
            result = (split.scale, split.shifts)
        }
        return result
    }

    private struct Split {
        var scale: Float
        var shifts: Int
        var first: Int
        var second: Int
    }

    /// The best cuts of the sorted values in three runs, with the best of the four shifts.
    ///
    /// The codes of a shift are one apart, so the sums of a cut follow from prefix sums. The two
    /// halves have sums of their own, because each has its own shift.
    private static func split(
        _ values: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
        _ order: UnsafePointer<Int>
    ) -> Split? {
        var best: Split?
        var bestScore = -Float.greatestFiniteMagnitude
        withScratch(17, of: SIMD2<Float>.self) { sumX in
            withScratch(17, of: SIMD2<Float>.self) { sumW in
                (sumX[0], sumW[0]) = (.zero, .zero)
                for place in 0..<16 {
                    let (index, half) = (order[place], order[place] / 8)
                    (sumX[place + 1], sumW[place + 1]) = (sumX[place], sumW[place])
                    sumX[place + 1][half] += weights[index] * values[index]
                    sumW[place + 1][half] += weights[index]
                }
                let (up, down) = (Cuts(TernaryGrid.up), Cuts(TernaryGrid.down))
                for first in 0...16 {
                    for second in first...16 {
                        let x = sumX[first] + sumX[second]
                        let (upX, downX) = (
                            sumX[16] * up.last - x, sumX[16] * down.last - x
                        )
                        let upW = up.squares(sumW[16], sumW[first], sumW[second])
                        let downW = down.squares(sumW[16], sumW[first], sumW[second])
                        let xq =
                            SIMD4(upX[0], upX[0], downX[0], downX[0])
                            + SIMD4(upX[1], downX[1], upX[1], downX[1])
                        let q2 =
                            SIMD4(upW[0], upW[0], downW[0], downW[0])
                            + SIMD4(upW[1], downW[1], upW[1], downW[1])
                        for shifts in 0..<4 where q2[shifts] > 0 {
                            guard xq[shifts] * xq[shifts] > bestScore * q2[shifts] else { continue }
                            let scale = xq[shifts] / q2[shifts]
                            bestScore = scale * xq[shifts]
                            best = Split(scale: scale, shifts: shifts, first: first, second: second)
                        }
                    }
                }
            }
        }
        return best
    }

    /// How the sum of squares changes where the code does.
    private struct Cuts {
        let last: Float
        let first: Float
        let second: Float

        init(_ n: [Float]) {
            last = n[2]
            first = n[0] * n[0] - n[1] * n[1]
            second = n[1] * n[1] - n[2] * n[2]
        }

        func squares(
            _ all: SIMD2<Float>, _ toFirst: SIMD2<Float>, _ toSecond: SIMD2<Float>
        ) -> SIMD2<Float> {
            all * last * last + toFirst * first + toSecond * second
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        var bits: UInt16 = 0
        for index in 0..<4 { bits |= UInt16(block.byte(49 + 2 * index) >> 4) << UInt16(4 * index) }
        let d = HalfFloat.float(fromF16: bits)
        for j in 0..<16 {
            let place = 48 + 2 * (j >> 2)
            let word = Int(block.byte(place)) | Int(block.byte(place + 1)) << 8
            let scale = d * Float(2 * (word >> (3 * (j & 3)) & 7) + 1)
            for half in 0..<2 {
                let high = Int(block.byte(32 + j)) >> (4 * half)
                let delta = high & 8 != 0 ? -TernaryGrid.delta : TernaryGrid.delta
                TernaryGrid.load(
                    Int(block.byte(2 * j + half)) | (high & 7) << 8, scale: scale, delta: delta,
                    values + 16 * j + 8 * half)
            }
        }
    }
}
