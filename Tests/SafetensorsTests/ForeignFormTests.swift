import Safetensors
import TensorCore
import TestSupport
import Testing

/// The forms of MLX and ModelOpt, against the formulas of their makers.
@Suite struct ForeignFormTests {
    // MARK: MLX

    /// Rows of codes with their scales and offsets, and the values that they stand for.
    private func mlx(
        _ configuration: String, bits: Int, groupSize: Int, rows: Int = 3, groups: Int = 2,
        name: String = "a", leading: [Int] = [], biases: String = "biases"
    ) throws -> (checkpoint: QuantizedCheckpoint, values: [Float]) {
        var random = SeededRandom(seed: UInt64(bits * 1000 + groupSize))
        let columns = groups * groupSize
        let codes = (0..<rows * columns).map { _ in Int.random(in: 0..<1 << bits, using: &random) }
        let scales = (0..<rows * groups).map { Float($0 + 1) / 8 }
        let offsets = (0..<rows * groups).map { Float($0) - 2.5 }
        var checkpoint = QuantizedCheckpoint(configuration)
        let words = (0..<rows).flatMap { row in
            packed(Array(codes[row * columns..<(row + 1) * columns]), bits: bits)
        }
        let count = leading.reduce(1, *)
        try checkpoint.add(
            name + ".weight", .U32, leading + [rows / count, words.count / rows], words)
        let shape = leading + [rows / count, groups]
        try checkpoint.add(name + ".scales", shape, halves: scales)
        try checkpoint.add(name + ".\(biases)", shape, halves: offsets)
        let values = codes.enumerated().map { index, code in
            let group = index / columns * groups + index % columns / groupSize
            return Float(code) * scales[group] + offsets[group]
        }
        return (checkpoint, values)
    }

    @Test(arguments: [2, 3, 4, 5, 6, 8], [32, 64, 128])
    func codesOfMLXAreScaledAndShifted(_ bits: Int, _ groupSize: Int) throws {
        let (checkpoint, expected) = try mlx(
            #"{"group_size":\#(groupSize),"bits":\#(bits),"mode":"affine"}"#, bits: bits,
            groupSize: groupSize)
        let found = try checkpoint.values("a.weight")
        #expect(found.shape == [3, 2 * groupSize])
        #expect(found.values == expected)
        #expect(try checkpoint.model().tensors.map(\.name) == ["a.weight"])
    }

    @Test func aModuleMayHaveBitsOfItsOwn() throws {
        let (checkpoint, expected) = try mlx(
            #"{"group_size":64,"bits":4,"m.a":{"group_size":32,"bits":6},"m.b":false}"#,
            bits: 6, groupSize: 32, name: "m.a")
        #expect(try checkpoint.values("m.a.weight").values == expected)
        #expect(try checkpoint.model().method == "mlx")
    }

    @Test func theFormOfTransformersOnApplesProcessorsIsRead() throws {
        let (checkpoint, expected) = try mlx(
            #"{"quant_method":"metal","group_size":64,"bits":4}"#, bits: 4, groupSize: 64,
            biases: "qbiases")
        #expect(try checkpoint.values("a.weight").values == expected)
    }

    @Test(arguments: ["mxfp4", "nvfp4", "mxfp8"])
    func otherModesOfMLXAreRefusedByName(_ mode: String) throws {
        let (checkpoint, _) = try mlx(
            #"{"group_size":32,"bits":4,"mode":"\#(mode)"}"#, bits: 4, groupSize: 32)
        #expect(
            try checkpoint.fault()?.kind
                == .malformedQuantization(found: "MLX's \(mode)", expected: "affine"))
    }

    @Test func partsOfMLXThatDoNotGoTogetherAreRefused() throws {
        let (wrong, _) = try mlx(#"{"group_size":64,"bits":8}"#, bits: 4, groupSize: 64)
        guard case .wrongShape? = try wrong.fault()?.kind else {
            Issue.record("bits of another width are read")
            return
        }
        var lone = QuantizedCheckpoint(#"{"group_size":32,"bits":4}"#)
        try lone.add("a.weight", .U32, [1, 4], [UInt32(0), 0, 0, 0])
        try lone.add("a.scales", [1, 1], halves: [1])
        #expect(try lone.fault()?.kind == .missingCompanion("a.biases"))
    }

    @Test(arguments: [
        ("m.mlp.switch_mlp.up_proj", "m.mlp.experts.%.up_proj"),
        ("m.block_sparse_moe.switch_mlp.gate_proj", "m.block_sparse_moe.experts.%.w1"),
        ("m.block_sparse_moe.switch_mlp.up_proj", "m.block_sparse_moe.experts.%.w3"),
        ("m.block_sparse_moe.switch_mlp.down_proj", "m.block_sparse_moe.experts.%.w2"),
    ])
    func stackedExpertsOfMLXAreTakenApart(_ name: String, _ expert: String) throws {
        let (quantized, expected) = try mlx(
            #"{"group_size":32,"bits":4}"#, bits: 4, groupSize: 32, rows: 6, groups: 1, name: name,
            leading: [3])
        var plain = QuantizedCheckpoint("")
        try plain.add(name + ".weight", [3, 2, 32], floats: expected)
        for checkpoint in [quantized, plain] {
            for number in 0..<3 {
                let tensor = expert.replacing("%", with: "\(number)") + ".weight"
                let found = try checkpoint.values(tensor)
                #expect(found.shape == [2, 32])
                #expect(found.values == Array(expected[number * 64..<(number + 1) * 64]))
            }
            #expect(try checkpoint.model().tensors.count == 3)
        }
    }

    // MARK: ModelOpt

    @Test(arguments: [
        #"{"quant_method":"modelopt","quant_algo":"NVFP4"}"#,
        #"{"producer":{"name":"modelopt"},"quantization":{"quant_algo":"W4A16_NVFP4"}}"#,
        #"{"quant_algo":"MIXED_PRECISION","quantized_layers":{"a":{"quant_algo":"NVFP4"}}}"#,
    ])
    func theScalesOfModelOptsNVFP4Multiply(_ configuration: String) throws {
        let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        let codes = (0..<32).map { $0 % 16 }
        var checkpoint = QuantizedCheckpoint(configuration)
        try checkpoint.add(
            "a.weight", .U8, [1, 16],
            stride(from: 0, to: 32, by: 2).map { UInt8(codes[$0] | codes[$0 + 1] << 4) })
        // 1.5 and −2 in E4M3.
        try checkpoint.add("a.weight_scale", .F8_E4M3, [1, 2], bytes: [0x3C, 0xC0])
        try checkpoint.add("a.weight_scale_2", [], floats: [0.01])
        try checkpoint.add("a.input_scale", [], floats: [7])
        let expected = codes.enumerated().map { index, code -> Float in
            let value = magnitudes[code % 8] * (code < 8 ? 1 : -1)
            return value * ((index < 16 ? 1.5 : -2) * Float(0.01))
        }
        let found = try checkpoint.values("a.weight")
        #expect(found.shape == [1, 32])
        #expect(found.values == expected)
        #expect(try checkpoint.model().method == "modelopt")
    }

    @Test func theScalesOfModelOptsFP8AreForTheTensorOrItsRows() throws {
        var checkpoint = QuantizedCheckpoint(#"{"quant_algo":"FP8"}"#)
        try checkpoint.add("a.weight", .F8_E4M3, [2, 1], bytes: [0x38, 0xB8])
        try checkpoint.add("a.weight_scale", [], floats: [0.5])
        try checkpoint.add("b.weight", .F8_E4M3, [2, 1], bytes: [0x38, 0xB8])
        try checkpoint.add("b.weight_scale", [2], floats: [2, 3])
        try checkpoint.add("c.weight", [1, 1], halves: [9])
        #expect(try checkpoint.values("a.weight").values == [0.5, -0.5])
        #expect(try checkpoint.values("b.weight").values == [2, -3])
        #expect(try checkpoint.values("c.weight").values == [9])
    }

    @Test(arguments: [
        #"{"quant_algo":"NVFP4_SVD"}"#, #"{"quant_algo":"W4A8_AWQ"}"#,
        #"{"quant_algo":"INT8_SQ"}"#,
        #"{"quant_algo":"MIXED_PRECISION","quantized_layers":{"a":{"quant_algo":"W4A8_AWQ"}}}"#,
    ])
    func otherAlgorithmsOfModelOptAreRefusedByName(_ configuration: String) throws {
        var checkpoint = QuantizedCheckpoint(configuration)
        try checkpoint.add("a.weight", .U8, [1, 8], [UInt8](repeating: 0, count: 8))
        try checkpoint.add("a.weight_scale", [], floats: [1])
        let error = try checkpoint.fault()
        guard case .malformedQuantization(let found, _)? = error?.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(configuration.contains(found))
    }

    @Test func codesOfModelOptWithoutScalesAreRefused() throws {
        var checkpoint = QuantizedCheckpoint(#"{"quant_algo":"NVFP4"}"#)
        try checkpoint.add("a.weight", .U8, [1, 8], [UInt8](repeating: 0, count: 8))
        try checkpoint.add("a.weight_scale", .F8_E4M3, [1, 1], bytes: [0x38])
        #expect(try checkpoint.fault()?.kind == .missingCompanion("a.weight_scale_2"))
        var bare = QuantizedCheckpoint(#"{"quant_algo":"FP8"}"#)
        try bare.add("a.weight", .F8_E4M3, [1, 2], bytes: [0x38, 0xB8])
        #expect(try bare.fault()?.kind == .missingCompanion("a.weight_scale"))
    }
}
