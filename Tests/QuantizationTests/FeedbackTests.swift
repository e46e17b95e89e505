import Quantization
import TensorCore
import TestSupport
import Testing

/// Rounding with error feedback, against a Hessian in which every column is tied to every other.
@Suite("Error feedback")
struct FeedbackTests {
    static let formats = Format.all.filter(\.supportsFeedback)

    @Test("Formats that are quantized to have feedback")
    func supported() {
        let names = Set(Self.formats.map(\.name))
        let expected = [
            "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
            "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ3_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "MXFP4",
        ]
        #expect(names == Set(expected))
        #expect(!Format.F32.supportsFeedback)
    }

    @Test("The objective is lower than without", arguments: formats)
    func objective(format: Format) throws {
        let layer = TiedColumns(columnCount: 512, seed: 1)
        let rows = RowKind.gaussian.values(16 * 512, seed: 2)
        let plain = layer.objective(
            rows,
            try format.decoded(
                format.encoded(rows, rowLength: 512, importance: layer.importance)))
        var last = plain
        // Each effort is better than the one before; more passes can end in a neighbouring optimum.
        for (effort, most) in zip(RoundingEffort.allCases, [0.85, 0.97, 1.02]) {
            let bytes = layer.encode(format, rows, effort)
            let found = layer.objective(rows, try format.decoded(bytes))
            #expect(found < most * last, "\(effort): \(found / plain) of plain encoding")
            last = found
        }
    }

    @Test("A row's bytes do not depend on the rows beside it", arguments: formats)
    func grouping(format: Format) throws {
        let layer = TiedColumns(columnCount: 512, seed: 3)
        let rows = RowKind.heavyTailed.values(67 * 512, seed: 4)
        let together = layer.encode(format, rows, .fast)
        let rowBytes = together.count / 67
        for row in [0, 1, 16, 63, 64, 66] {
            let alone = layer.encode(format, Array(rows[row * 512..<(row + 1) * 512]), .fast)
            #expect(alone == Array(together[row * rowBytes..<(row + 1) * rowBytes]), "row \(row)")
        }
        let two = layer.encode(format, Array(rows[0..<2 * 512]), .normal)
        let second = layer.encode(format, Array(rows[512..<2 * 512]), .normal)
        #expect(Array(two[rowBytes...]) == second)
    }

    @Test("Every instruction set writes the same bytes", arguments: formats)
    func instructionSets(format: Format) throws {
        let layer = TiedColumns(columnCount: 512, seed: 5)
        let rows =
            RowKind.gaussian.values(3 * 512, seed: 6) + RowKind.outliers.values(512, seed: 6)
            + RowKind.huge.values(512, seed: 7) + RowKind.subnormal.values(512, seed: 8)
        // `best` runs the same kernels as `normal`, more often.
        for effort in [RoundingEffort.fast, .normal] {
            let expected = layer.encode(format, rows, effort)
            for set in InstructionSet.supported {
                let found = InstructionSet.$current.withValue(set) {
                    layer.anew.encode(format, rows, effort)
                }
                #expect(found == expected, "\(set), \(effort)")
            }
        }
    }

    @Test("Any finite rows give finite values", arguments: formats)
    func kinds(format: Format) throws {
        let layer = TiedColumns(columnCount: 256, seed: 9)
        for kind in RowKind.allCases {
            let rows = kind.values(2 * 256, seed: 10)
            let plain = try format.decoded(
                format.encoded(rows, rowLength: 256, importance: layer.importance))
            let found = try format.decoded(layer.encode(format, rows, .normal))
            // Where scales overflow binary16 the plain encoder has nothing better.
            guard plain.allSatisfy(\.isFinite) else { continue }
            #expect(found.allSatisfy { $0.isFinite }, "\(kind.rawValue)")
            if kind == .zeros || kind == .signedZeros {
                #expect(found.allSatisfy { $0 == 0 }, "\(kind.rawValue)")
            }
            let largest = rows.lazy.map(abs).max() ?? 0
            #expect(found.allSatisfy { abs($0) <= 3 * largest + 1e-6 }, "\(kind.rawValue)")
        }
    }

    @Test("Columns that no input reaches leave the others alone", arguments: formats)
    func deadColumns(format: Format) throws {
        let layer = TiedColumns(columnCount: 256, seed: 11, dead: [0, 37, 38, 200, 255])
        let rows = RowKind.gaussian.values(4 * 256, seed: 12)
        let found = try format.decoded(layer.encode(format, rows, .normal))
        let plain = try format.decoded(
            format.encoded(rows, rowLength: 256, importance: layer.importance))
        #expect(layer.objective(rows, found) < layer.objective(rows, plain))
    }

    @Test(
        "Rows that end within a stretch", arguments: formats.filter { $0.blockElementCount == 32 })
    func shortStretches(format: Format) throws {
        for columnCount in [32, 96, 288, 544] {
            let layer = TiedColumns(columnCount: columnCount, seed: 13)
            let rows = RowKind.gaussian.values(16 * columnCount, seed: 14)
            let plain = try format.decoded(
                format.encoded(rows, rowLength: columnCount, importance: layer.importance))
            let found = try format.decoded(layer.encode(format, rows, .normal))
            #expect(
                layer.objective(rows, found) < 0.95 * layer.objective(rows, plain),
                "\(columnCount) columns")
        }
    }

    @Test("Without importance the factor's diagonal weighs")
    func withoutImportance() throws {
        let layer = TiedColumns(columnCount: 256, seed: 15)
        let rows = RowKind.gaussian.values(16 * 256, seed: 16)
        let found = try Format.Q4_K.decoded(
            layer.encode(.Q4_K, rows, .normal, importance: nil))
        let plain = try Format.Q4_K.decoded(
            Format.Q4_K.encoded(rows, rowLength: 256, importance: nil))
        #expect(layer.objective(rows, found) < 0.8 * layer.objective(rows, plain))
    }

    @Test("A format without feedback is encoded plainly")
    func unsupported() throws {
        let layer = TiedColumns(columnCount: 256, seed: 17)
        let rows = RowKind.gaussian.values(256, seed: 18)
        let expected = try Format.F16.encoded(rows, rowLength: 256, importance: nil)
        #expect(layer.encode(.F16, rows, .best) == expected)
    }

    @Test("The Hessian comes back from its factor", arguments: [32, 288])
    func hessian(columnCount: Int) {
        let layer = TiedColumns(columnCount: columnCount, seed: 19)
        let found = layer.factor.hessian
        for row in 0..<columnCount {
            for column in 0..<columnCount {
                let expected = layer.hessian(row, column)
                let scale = (layer.hessian(row, row) * layer.hessian(column, column)).squareRoot()
                let difference = abs(Double(found[row * columnCount + column]) - expected)
                guard difference > 1e-4 * scale else { continue }
                Issue.record("\(row), \(column): \(difference)")
                return
            }
        }
    }
}
