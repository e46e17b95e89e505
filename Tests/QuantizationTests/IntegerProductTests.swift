import CKernels
import Quantization
import TensorCore
import TestSupport
import Testing

/// Unpacked codes against decoded values, and products in integers against plain loops, on every
/// instruction set that this machine has.
@Suite("Products in integers")
struct IntegerProductTests {
    private static let formats = Format.all.filter { $0.codes != nil }

    /// Values that share a scale, activations that do, and whether there is a minimum.
    struct Kind: Sendable {
        var group: UInt32
        var block: UInt32
        var hasMinimum: Bool
    }

    private static let kinds = [
        Kind(group: 32, block: 32, hasMinimum: false), Kind(group: 32, block: 32, hasMinimum: true),
        Kind(group: 16, block: 32, hasMinimum: false),
        Kind(group: 32, block: 256, hasMinimum: false),
        Kind(group: 32, block: 256, hasMinimum: true),
        Kind(group: 16, block: 256, hasMinimum: false),
        Kind(group: 16, block: 256, hasMinimum: true),
    ]

    @Test("Every block format but the floats has codes")
    func formatsWithCodes() {
        let without = Format.all.filter { $0.codes == nil && $0.blockElementCount > 1 }
        #expect(without.isEmpty)
    }

    @Test("Codes times scales are the decoded values", arguments: formats)
    func unpacked(format: Format) throws {
        let (codes, decode) = (try #require(format.codes), try #require(format.decode))
        var random = SeededRandom(seed: 41)
        let count = 256 * 40
        let bytes = (0..<count / format.blockElementCount * format.blockByteCount).map { _ in
            UInt8(truncatingIfNeeded: random.next())
        }
        var values = [Float](repeating: 0, count: count)
        decode(bytes, count, &values)
        let group = Int(codes.form.groupLength)
        for set in InstructionSet.supported {
            var unpacked = [UInt8](repeating: 0, count: count)
            var scales = [Float](repeating: 0, count: count / group)
            var minimums = scales
            let isDone = InstructionSet.$current.withValue(set) {
                codes.unpack(bytes, count, &unpacked, &scales, &minimums)
            }
            #expect(isDone)
            #expect(unpacked.allSatisfy { $0 <= codes.form.highest })
            let wrong = values.indices.first { index in
                var value =
                    scales[index / group]
                    * Float(Int(unpacked[index]) - Int(codes.form.offset))
                if codes.form.hasMinimum { value += minimums[index / group] }
                return value != values[index] && !(value.isNaN && values[index].isNaN)
            }
            #expect(wrong == nil, "\(format) on \(set), seed 41: value \(wrong ?? 0)")
        }
    }

    @Test("Products equal plain loops bit by bit", arguments: kinds)
    func products(kind: Kind) {
        // Codes at the edges between the ways of summing in 16 bits.
        for highest: UInt32 in [1, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 86, 124, 129, 130, 255] {
            let form = ingot_code_form(
                groupLength: kind.group, blockLength: kind.block,
                offset: kind.hasMinimum ? 0 : (highest + 1) / 2, highest: highest,
                hasMinimum: kind.hasMinimum)
            let blocks = kind.block == 32 ? 3 : 1
            for (rows, outputs, length) in [
                (1, 1, blocks * Int(kind.block)), (3, 5, blocks * Int(kind.block)), (29, 37, 768),
            ] {
                var problem = Problem(
                    form: form, rows: rows, outputs: outputs, length: length,
                    seed: UInt64(highest))
                problem.makeExtremes()
                let expected = problem.expected()
                for set in InstructionSet.supported {
                    let found = problem.product(set)
                    let wrong = found.indices.first { found[$0] != expected[$0] }
                    #expect(
                        wrong == nil,
                        "\(kind), codes to \(highest), \(rows) × \(outputs) on \(set): \(wrong ?? 0)"
                    )
                }
            }
        }
    }

    @Test("Some rows and outputs of a product, added to what is there", arguments: kinds)
    func parts(kind: Kind) {
        let form = ingot_code_form(
            groupLength: kind.group, blockLength: kind.block, offset: kind.hasMinimum ? 0 : 8,
            highest: 15, hasMinimum: kind.hasMinimum)
        let problem = Problem(form: form, rows: 21, outputs: 50, length: 256, seed: 7)
        let whole = problem.expected()
        for set in InstructionSet.supported {
            for outputs in [0..<16, 3..<9, 15..<33, 40..<50] {
                let found = problem.product(set, rows: 8..<21, outputs: outputs, start: 0.5)
                let expected = (8..<21).flatMap { row in
                    outputs.map { 0.5 + whole[row * 50 + $0] }
                }
                #expect(found == expected, "outputs \(outputs) on \(set)")
            }
        }
    }

    @Test("A block with NaN or infinity gives NaN, the others numbers", arguments: kinds)
    func notFinite(kind: Kind) {
        let form = ingot_code_form(
            groupLength: kind.group, blockLength: kind.block, offset: 0, highest: 255,
            hasMinimum: kind.hasMinimum)
        for strange in [Float.nan, .infinity, -.infinity] {
            var problem = Problem(form: form, rows: 4, outputs: 3, length: 512, seed: 3)
            problem.activations[512 + 300] = strange
            for set in InstructionSet.supported {
                let found = problem.product(set)
                for (index, value) in found.enumerated() {
                    #expect(value.isNaN == (index / 3 == 1), "\(strange) on \(set)")
                }
            }
        }
    }

    @Test("Numbers whose inverse overflows count as zero")
    func tiny() {
        let form = ingot_code_form(
            groupLength: 32, blockLength: 256, offset: 8, highest: 15, hasMinimum: false)
        var problem = Problem(form: form, rows: 1, outputs: 2, length: 256, seed: 3)
        for index in problem.activations.indices {
            problem.activations[index] = 64 * .leastNonzeroMagnitude
        }
        for set in InstructionSet.supported {
            #expect(problem.product(set) == [0, 0], "on \(set)")
        }
    }
}

/// A matrix of codes and rows of activations.
private struct Problem {
    let form: ingot_code_form
    let rows: Int
    let outputs: Int
    let length: Int
    var activations: [Float]
    var codes: [UInt8]
    var scales: [Float]
    var minimums: [Float]

    private var group: Int { Int(form.groupLength) }
    private var block: Int { Int(form.blockLength) }
    private var groupCount: Int { length / group }

    init(form: ingot_code_form, rows: Int, outputs: Int, length: Int, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.form = form
        self.rows = rows
        self.outputs = outputs
        self.length = length
        activations = (0..<rows * length).map { _ in random.normal() }
        codes = (0..<outputs * length).map { _ in
            UInt8(random.next() % UInt64(form.highest + 1))
        }
        let count = outputs * length / Int(form.groupLength)
        scales = (0..<count).map { _ in random.normal() }
        minimums = (0..<count).map { _ in random.normal() }
    }

    /// The largest and the smallest sums that there can be, and rows of zeros.
    mutating func makeExtremes() {
        for index in 0..<length {
            codes[index] = UInt8(form.highest)
            if outputs > 1 { codes[length + index] = 0 }
            activations[index] = 300
            if rows > 1 { activations[length + index] = 0 }
            if rows > 2 { activations[2 * length + index] = index % 2 == 0 ? -300 : 300 }
        }
    }

    /// What the header of the kernels says, in plain loops.
    func expected() -> [Float] {
        var result: [Float] = []
        for row in 0..<rows {
            let (rounded, steps) = round(row)
            for output in 0..<outputs {
                var (total, part): (Float, Float) = (0, 0)
                for g in 0..<groupCount {
                    let step = steps[g * group / block]
                    var (dot, sum) = (0, 0)
                    for k in g * group..<(g + 1) * group {
                        dot += (Int(codes[output * length + k]) - Int(form.offset)) * rounded[k]
                        sum += rounded[k]
                    }
                    let product = Float(dot) * scales[output * groupCount + g]
                    part = g * group % block == 0 ? product : part + product
                    if form.hasMinimum {
                        let factor = step * Float(sum)
                        total +=
                            minimums[output * groupCount + g]
                            * (block == 32 ? half(factor) : factor)
                    }
                    if (g + 1) * group % block == 0 {
                        total += part * (block == 32 ? half(step) : step)
                    }
                }
                result.append(total)
            }
        }
        return result
    }

    private func half(_ value: Float) -> Float {
        HalfFloat.float(fromF16: HalfFloat.f16(from: value))
    }

    private func round(_ row: Int) -> (codes: [Int], steps: [Float]) {
        var (codes, steps): ([Int], [Float]) = ([], [])
        for start in stride(from: row * length, to: (row + 1) * length, by: block) {
            let values = activations[start..<start + block]
            let peak = values.map(\.magnitude).max() ?? 0
            let inverse = peak > 0 ? 127 / peak : 0
            steps.append(peak == 0 ? 0 : block == 32 ? peak / 127 : 1 / inverse)
            codes += values.map { Int(($0 * inverse).rounded(.toNearestOrEven)) }
        }
        return (codes, steps)
    }

    /// By the kernels: some rows and outputs, added to `start`.
    func product(
        _ set: InstructionSet, rows range: Range<Int>? = nil, outputs wanted: Range<Int>? = nil,
        start: Float? = nil
    ) -> [Float] {
        var form = form
        let (range, wanted) = (range ?? 0..<rows, wanted ?? 0..<outputs)
        let padded = (rows + 7) / 8 * 8
        let panelCount = (outputs + 15) / 16
        func room<T>(_ count: Int, _: T.Type) -> UnsafeMutablePointer<T> {
            UnsafeMutableRawPointer.allocate(
                byteCount: count * MemoryLayout<T>.stride, alignment: 64
            ).bindMemory(to: T.self, capacity: count)
        }
        var rounded = ingot_q8_rows(
            codes: room(padded * length, Int8.self),
            scales: room(padded * length / block, Float.self),
            steps: room(padded * length / block, Float.self),
            sums: room(padded * length / 16, Int32.self))
        var panels = ingot_code_panels(
            codes: room(panelCount * 16 * length, UInt8.self),
            scales: room(panelCount * 16 * groupCount, Float.self),
            minimums: room(panelCount * 16 * groupCount, Float.self))
        let scratch = room(ingot_integer_product_scratch(&form, length), UInt8.self)
        defer {
            rounded.codes.deallocate()
            rounded.scales.deallocate()
            rounded.steps.deallocate()
            rounded.sums.deallocate()
            panels.codes.deallocate()
            panels.scales.deallocate()
            panels.minimums?.deallocate()
            scratch.deallocate()
        }
        ingot_quantize_activations(
            set.isa, activations, length, rows, length, form.blockLength, 0, &rounded)
        for panel in 0..<panelCount {
            let (first, count) = (16 * panel, min(16, outputs - 16 * panel))
            ingot_pack_panel(
                &form, Array(codes[first * length..<(first + count) * length]),
                Array(scales[first * groupCount..<(first + count) * groupCount]),
                Array(minimums[first * groupCount..<(first + count) * groupCount]), count, length,
                panel, &panels)
        }
        var result = [Float](repeating: start ?? .nan, count: range.count * wanted.count)
        ingot_integer_product(
            set.isa, &form, length, &rounded, range.lowerBound, range.count, &panels,
            wanted.lowerBound, wanted.count, &result, wanted.count, start != nil, scratch)
        return result
    }
}
