import CKernels
import Quantization
import TestSupport
import Testing

/// Kernels touch their rows and blocks and nothing beside them, wherever those begin and whatever they hold.
@Suite("Kernels beside guarded pages")
struct GuardedKernelTests {
    private static let formats = Format.encoded
    /// What no sensible model holds, at random places among ordinary numbers.
    private static let strange: [Float] = [
        .nan, -.nan, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNormalMagnitude,
        .greatestFiniteMagnitude, -.greatestFiniteMagnitude, -0.0, 1e30, -1e-30,
    ]

    private func rows(_ count: Int, seed: UInt64, hasStrange: Bool) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in
            let (value, chance, choice) = (random.normal(), random.unit(), random.next())
            guard hasStrange, chance < 0.05 else { return value }
            return Self.strange[Int(choice % UInt64(Self.strange.count))]
        }
    }

    /// Encodes beside guarded pages.
    private func encoded(
        _ format: Format, _ values: [Float], rowLength: Int, importance: [Float]?,
        edge: (Int) -> Bool
    ) throws -> [UInt8] {
        func place(_ index: Int) -> GuardedMemory<Float>.Edge { edge(index) ? .behind : .before }
        let rowCount = values.count / rowLength
        let encode = try #require(format.encode)
        let bytes = try #require(format.byteCount(rowLength: rowLength, rowCount: rowCount))
        let source = GuardedMemory(values, edge: place(0))
        let weights = importance.map { GuardedMemory($0, edge: place(1)) }
        let result = GuardedMemory<UInt8>(count: bytes, edge: edge(2) ? .behind : .before)
        encode(
            source.base, rowCount, rowLength, weights.map { UnsafePointer($0.base) }, result.base)
        return result.values
    }

    @Test("Encoders", arguments: InstructionSet.supported, formats)
    func encoders(set: InstructionSet, format: Format) throws {
        for (round, (blocks, rowCount)) in [(1, 1), (2, 1), (3, 3), (5, 2)].enumerated() {
            let rowLength = blocks * format.blockElementCount
            let values = rows(rowLength * rowCount, seed: UInt64(round), hasStrange: false)
            let weights = rows(rowLength, seed: 9, hasStrange: false).map { $0 * $0 }
            for importance in format.importance == .ignored ? [nil] : [weights] {
                let expected = try format.encoded(
                    values, rowLength: rowLength, importance: importance)
                for mask in 0..<8 {
                    let found = try InstructionSet.$current.withValue(set) {
                        try encoded(
                            format, values, rowLength: rowLength, importance: importance
                        ) { mask >> $0 & 1 == 1 }
                    }
                    #expect(found == expected, "\(format) on \(set), \(rowLength) × \(rowCount)")
                }
            }
        }
    }

    @Test(
        "Rows that are not finite are encoded to something", arguments: InstructionSet.supported,
        formats)
    func notFinite(set: InstructionSet, format: Format) throws {
        for round in 0..<24 as Range<UInt64> {
            let rowLength = 3 * format.blockElementCount
            let values = rows(rowLength * 2, seed: round, hasStrange: true)
            var weights: [Float]?
            if format.importance != .ignored {
                weights = rows(rowLength, seed: round + 50, hasStrange: round % 2 == 1).map(
                    \.magnitude)
            }
            let found = try InstructionSet.$current.withValue(set) {
                try encoded(format, values, rowLength: rowLength, importance: weights) { _ in
                    round % 4 < 2
                }
            }
            #expect(found.count == format.byteCount(rowLength: rowLength, rowCount: 2))
        }
    }

    @Test("Decoders, from any byte on", arguments: InstructionSet.supported, formats)
    func decoders(set: InstructionSet, format: Format) throws {
        let decode = try #require(format.decode)
        var random = SeededRandom(seed: 3)
        for blocks in format.blockElementCount == 1 ? Array(1...70) : [1, 2, 3, 7] {
            let elements = blocks * format.blockElementCount
            let bytes = (0..<blocks * format.blockByteCount).map { _ in UInt8(random.next() >> 56) }
            let expected = try InstructionSet.$current.withValue(.scalar) {
                try format.decoded(bytes)
            }
            for edge in GuardedMemory<UInt8>.Edge.allCases {
                for shift in 0..<4 {
                    // Behind: the last byte before the page; before: moved from the page by some bytes.
                    let padding = [UInt8](repeating: 0, count: edge == .before ? shift : 0)
                    let source = GuardedMemory(padding + bytes, edge: edge)
                    let result = GuardedMemory<Float>(
                        count: elements, edge: shift % 2 == 0 ? .behind : .before)
                    InstructionSet.$current.withValue(set) {
                        decode(source.base + padding.count, elements, result.base)
                    }
                    let wrong = zip(result.values, expected).contains { found, wanted in
                        found.bitPattern != wanted.bitPattern && !(found.isNaN && wanted.isNaN)
                    }
                    #expect(!wrong, "\(format) on \(set), \(blocks) blocks, \(edge), \(shift)")
                }
            }
        }
    }

    @Test(
        "Codes of blocks", arguments: InstructionSet.supported, formats.filter { $0.codes != nil })
    func codes(set: InstructionSet, format: Format) throws {
        let codes = try #require(format.codes)
        var random = SeededRandom(seed: 4)
        let elements = 3 * max(256, format.blockElementCount)
        let bytes = (0..<elements / format.blockElementCount * format.blockByteCount).map { _ in
            UInt8(random.next() >> 56)
        }
        let groups = elements / Int(codes.form.groupLength)
        for edge in GuardedMemory<UInt8>.Edge.allCases {
            let place: GuardedMemory<Float>.Edge = edge == .behind ? .behind : .before
            let source = GuardedMemory(bytes, edge: edge)
            let unpacked = GuardedMemory<UInt8>(count: elements, edge: edge)
            let scales = GuardedMemory<Float>(count: groups, edge: place)
            let minimums = GuardedMemory<Float>(count: groups, edge: place)
            let isDone = InstructionSet.$current.withValue(set) {
                codes.unpack(source.base, elements, unpacked.base, scales.base, minimums.base)
            }
            #expect(isDone)
            #expect(unpacked.values.allSatisfy { $0 <= codes.form.highest })
        }
    }
}
