import Safetensors
import TensorCore
import TestSupport
import Testing

/// A transposed matrix of more words than are kept at a time: GPTQ's, of every model that is used.
@Suite struct LargeMatrixTests {
    @Test(arguments: [1 << 17, 200_000, 262_144 + 8])
    func rowsAreThoseOfTheirColumns(outputs: Int) throws {
        let inputs = 64
        var random = SeededRandom(seed: 11)
        let words = (0..<inputs / 8 * outputs / 2).map { _ in random.next() }
        let bytes = words.withUnsafeBytes { Array($0) }
        func word(_ index: Int) -> UInt32 {
            UInt32(truncatingIfNeeded: words[index / 2] >> (32 * UInt64(index % 2)))
        }
        var checkpoint = QuantizedCheckpoint(
            #"{"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": false, "sym": true}"#
        )
        try checkpoint.add("a.qweight", .I32, [inputs / 8, outputs], bytes: bytes)
        // Stored one less than what is taken off: 8.
        try checkpoint.add(
            "a.qzeros", .I32, [1, outputs / 8], bytes: [UInt8](repeating: 0x77, count: outputs / 2))
        let one = HalfFloat.f16(from: 0.5)
        try checkpoint.add(
            "a.scales", .F16, [1, outputs],
            bytes: [UInt8](
                (0..<2 * outputs).map { UInt8(truncatingIfNeeded: one >> ($0 % 2 == 0 ? 0 : 8)) }))
        func row(_ output: Int) -> [Float] {
            (0..<inputs).map { input in
                let code = word(input / 8 * outputs + output) >> UInt32(4 * (input % 8)) & 15
                return 0.5 * (Float(code) - 8)
            }
        }
        try checkpoint.open { tensors in
            let tensor = try #require(tensors.first { $0.name == "a.weight" })
            #expect(tensor.shape.dimensions == [outputs, inputs])
            // In an order in which strips are read, left, and read again.
            for first in [
                0, outputs - 3, (1 << 17) - 3, outputs / 2, 1, outputs - 2, (1 << 17) - 2,
            ] {
                let rows = first..<min(outputs, first + 3)
                let found = try QuantizedCheckpoint.read(
                    tensor, rows.lowerBound * inputs..<rows.upperBound * inputs)
                #expect(found == rows.flatMap(row), "\(rows)")
            }
        }
    }
}
