import Quantization
import TestSupport
import Testing

/// Every kernel must give the bytes of the scalar reference, on every instruction set that this
/// machine has.
@Suite("Kernels of every instruction set")
struct InstructionSetTests {
    private static let kernels = InstructionSet.supported.filter { $0 != .scalar }

    @Test("A kernel exists for this processor")
    func kernelExists() {
        #expect(InstructionSet.supported.count > 1)
        #expect(InstructionSet.supported.contains(InstructionSet.best))
    }

    @Test("Kernels write the reference's bytes", arguments: kernels, Format.encoded)
    func encodedBytes(set: InstructionSet, format: Format) throws {
        for seed in 0..<3 as Range<UInt64> {
            // Fewer and more super-blocks than lanes, and rows that end within a batch.
            let rowLength = [768, 256, 1280][Int(seed)]
            let rowCount = [1, 5, 3][Int(seed)]
            for importance in ImportanceKind.allCases {
                let weights = importance.weights(rowLength, seed: seed + 100)
                for kind in RowKind.allCases {
                    let rows = kind.values(rowCount * rowLength, seed: seed)
                    try compare(
                        format, set, rows, rowLength, weights,
                        "\(kind.rawValue) rows, \(importance.rawValue) importance, seed \(seed)")
                }
            }
        }
    }

    @Test("Extreme rows among ordinary ones", arguments: kernels, Format.encoded)
    func mixedRows(set: InstructionSet, format: Format) throws {
        var random = SeededRandom(seed: 23)
        for round in 0..<20 as Range<UInt64> {
            // Each piece of 64 values is of another kind; now and then the largest numbers.
            var rows: [Float] = []
            while rows.count < 6 * 768 {
                let kind = RowKind.allCases[Int(random.next() % UInt64(RowKind.allCases.count))]
                let scale: Float = random.next() % 4 == 0 ? 15 : 1
                rows += kind.values(64, seed: random.next()).map {
                    let value = $0 * scale
                    return value.isFinite ? value : .greatestFiniteMagnitude
                }
            }
            let importance = ImportanceKind.allCases[Int(round) % ImportanceKind.allCases.count]
            try compare(
                format, set, rows, 768, importance.weights(768, seed: round),
                "round \(round), \(importance.rawValue) importance")
        }
    }

    @Test("Rows of every length that fits", arguments: kernels, Format.encoded)
    func rowLengths(set: InstructionSet, format: Format) throws {
        for blocks in 1...19 {
            let rowLength = blocks * format.blockElementCount
            for rowCount in 1...2 {
                let rows = RowKind.gaussian.values(rowLength * rowCount, seed: UInt64(blocks))
                let weights = ImportanceKind.random.weights(rowLength, seed: 1)
                try compare(format, set, rows, rowLength, nil, "\(rowLength) × \(rowCount)")
                try compare(format, set, rows, rowLength, weights, "\(rowLength) × \(rowCount)")
            }
        }
    }

    @Test("Kernels decode any bytes as the reference does", arguments: kernels, Format.encoded)
    func anyBytes(set: InstructionSet, format: Format) throws {
        var random = SeededRandom(seed: 29)
        let blockCount = format.blockElementCount == 1 ? 65536 + 3 : 301
        var bytes = (0..<format.blockByteCount * blockCount).map { _ in UInt8(random.next() >> 56) }
        if format.blockElementCount == 1 {
            // All 16-bit patterns.
            for pattern in 0..<65536 {
                bytes[2 * pattern] = UInt8(pattern & 255)
                bytes[2 * pattern + 1] = UInt8(pattern >> 8)
            }
        }
        let found = try InstructionSet.$current.withValue(set) { try format.decoded(bytes) }
        let expected = try InstructionSet.$current.withValue(.scalar) { try format.decoded(bytes) }
        for index in found.indices where found[index].bitPattern != expected[index].bitPattern {
            guard !(found[index].isNaN && expected[index].isNaN) else { continue }
            Issue.record("\(format) on \(set), \(index): \(found[index]), not \(expected[index])")
            break
        }
    }

    @Test(
        "Halves are rounded as the reference rounds them", arguments: kernels,
        Format.encoded.filter { $0.blockElementCount == 1 })
    func conversions(set: InstructionSet, format: Format) throws {
        // Around every half, and exactly between neighbours: ties, subnormals, overflow.
        var numbers: [Float] = [.infinity, -.infinity, 65519.996, 65520, -65520, 0, -0.0]
        for pattern in 0..<65536 {
            let bits = UInt32(pattern) << 16
            for offset in [0, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001] as [UInt32] {
                let number = Float(bitPattern: bits | offset)
                if number.isFinite { numbers.append(number) }
            }
        }
        try compare(format, set, numbers, numbers.count, nil, "all patterns")
    }

    @Test("The largest magnitude is found wherever it is", arguments: InstructionSet.supported)
    func largest(set: InstructionSet) throws {
        InstructionSet.$current.withValue(set) {
            for count in [0, 1, 3, 16, 63, 64, 65, 257] {
                var values = RowKind.gaussian.values(max(1, count), seed: 7)
                let ordinary = values.prefix(count).map(\.magnitude).max() ?? 0
                #expect(largestMagnitude(values, count) == ordinary, "\(count) values")
                for place in 0..<count {
                    let kept = values[place]
                    values[place] = -300
                    #expect(largestMagnitude(values, count) == 300, "place \(place) of \(count)")
                    values[place] = -.infinity
                    #expect(largestMagnitude(values, count) == .infinity)
                    // Above infinity, whatever its sign.
                    values[count - 1 - place] = -.nan
                    #expect(largestMagnitude(values, count).isNaN)
                    values[count - 1 - place] = 0
                    values[place] = kept
                }
            }
        }
    }

    private func compare(
        _ format: Format, _ set: InstructionSet, _ rows: [Float], _ rowLength: Int,
        _ importance: [Float]?, _ what: String
    ) throws {
        let found = try InstructionSet.$current.withValue(set) {
            try format.encoded(rows, rowLength: rowLength, importance: importance)
        }
        let expected = try InstructionSet.$current.withValue(.scalar) {
            try format.encoded(rows, rowLength: rowLength, importance: importance)
        }
        guard found != expected else { return }
        let at = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        Issue.record("\(format) on \(set), \(what): first difference at byte \(at ?? -1)")
    }
}
