import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

@Suite struct QuantizedFormTests {
    private static func codes(_ count: Int, below limit: Int, seed: UInt64) -> [Int] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Int(random.next() % UInt64(limit)) }
    }

    /// Scales that F16 holds exactly.
    private static func scales(_ count: Int, seed: UInt64) -> [Float] {
        codes(count, below: 1000, seed: seed).map { Float($0 + 1) / 1024 }
    }

    // MARK: FP8

    private static let fp8Block =
        #"{"quant_method": "fp8", "weight_block_size": [2, 3], "fmt": "e4m3"}"#

    @Test func blocksOfFP8AreScaled() throws {
        // 1, 2, -3, 0.5, the smallest subnormal, the largest value, 0.
        let bytes: [UInt8] = [0x38, 0x40, 0xC4, 0x30, 0x01, 0x7E, 0x00]
        let values: [Float] = [1, 2, -3, 0.5, 0x1p-9, 448, 0]
        var checkpoint = QuantizedCheckpoint(Self.fp8Block)
        let rows = (0..<5).map { row in (0..<7).map { bytes[(row + $0) % 7] } }
        try checkpoint.add("a.weight", .F8_E4M3, [5, 7], bytes: rows.flatMap { $0 })
        let scales = Self.scales(9, seed: 1)
        try checkpoint.add("a.weight_scale_inv", [3, 3], floats: scales)
        try checkpoint.add("norm.weight", [2], floats: [1.5, -2])
        let expected: [Float] = (0..<35).map { index -> Float in
            let (row, column) = (index / 7, index % 7)
            let scale: Float = scales[row / 2 * 3 + column / 3]
            return values[(row + column) % 7] * scale
        }
        let found = try checkpoint.values("a.weight")
        #expect(found.shape == [5, 7])
        #expect(found.values == expected)
        try checkpoint.open { tensors in
            #expect(tensors.map(\.name) == ["a.weight", "norm.weight"])
        }
    }

    @Test func blocksOfAPileOfMatricesStartWithEachMatrix() throws {
        var checkpoint = QuantizedCheckpoint(Self.fp8Block)
        try checkpoint.add(
            "e.w", .F8_E4M3, [2, 3, 4], bytes: [UInt8](repeating: 0x38, count: 24))
        let scales = Self.scales(8, seed: 2)
        try checkpoint.add("e.w_scale_inv", [2, 2, 2], floats: scales)
        let expected = (0..<24).map { index -> Float in
            let (matrix, row, column) = (index / 12, index / 4 % 3, index % 4)
            return scales[matrix * 4 + row / 2 * 2 + column / 3]
        }
        #expect(try checkpoint.values("e.w").values == expected)
    }

    @Test(arguments: ["fp8", "fbgemm_fp8", "modelopt"])
    func rowsAndTensorsOfFP8AreScaled(method: String) throws {
        var checkpoint = QuantizedCheckpoint(#"{"quant_method": "\#(method)"}"#)
        try checkpoint.add("a.weight", .F8_E4M3, [2, 2], bytes: [0x38, 0x40, 0x38, 0x40])
        try checkpoint.add("a.weight_scale", [2, 1], floats: [0.25, 3])
        try checkpoint.add("a.input_scale", [], floats: [7])
        try checkpoint.add("b.weight", .F8_E5M2, [1, 2], bytes: [0x3C, 0x41])
        try checkpoint.add("b.weight_scale", [], floats: [0.5])
        #expect(try checkpoint.values("a.weight").values == [0.25, 0.5, 3, 6])
        #expect(try checkpoint.values("b.weight").values == [0.5, 1.25])
        try checkpoint.open { #expect($0.count == 2) }
    }

    // MARK: compressed-tensors

    private static func compressed(
        _ format: String, _ weights: String, ignore: String = "[\"lm_head\"]"
    ) -> QuantizedCheckpoint {
        QuantizedCheckpoint(
            """
            {"quant_method": "compressed-tensors", "format": "\(format)", "ignore": \(ignore),
             "config_groups": {"group_0": {"targets": ["Linear"], "weights": {\(weights)}}}}
            """)
    }

    @Test(arguments: [4, 8, 2, 3, 5], [true, false])
    func packedGroupsAreScaled(bits: Int, isSymmetric: Bool) throws {
        let (rows, columns, size) = (5, 36, 12)
        var checkpoint = Self.compressed(
            "pack-quantized",
            """
            "num_bits": \(bits), "type": "int", "strategy": "group", "group_size": \(size),
            "symmetric": \(isSymmetric)
            """)
        let codes = (0..<rows).map {
            Self.codes(columns, below: 1 << bits, seed: UInt64(10 + $0))
        }
        let words = codes.map { packed($0, bits: bits) }
        let scales = Self.scales(rows * 3, seed: 3)
        let zeros = Self.codes(rows * 3, below: 1 << bits, seed: 4)
        try checkpoint.add(
            "a.weight_packed", .I32, [rows, words[0].count], words.flatMap { $0 })
        try checkpoint.add("a.weight_scale", [rows, 3], halves: scales)
        try checkpoint.add("a.weight_shape", .I64, [2], [Int64(rows), Int64(columns)])
        if !isSymmetric {
            // Packed down the rows.
            let byGroup = (0..<3).map { group in
                packed((0..<rows).map { zeros[$0 * 3 + group] }, bits: bits)
            }
            try checkpoint.add(
                "a.weight_zero_point", .I32, [byGroup[0].count, 3],
                transposed(byGroup).flatMap { $0 })
        }
        let expected: [Float] = (0..<rows * columns).map { index -> Float in
            let (row, column) = (index / columns, index % columns)
            let group = row * 3 + column / size
            let zero = isSymmetric ? 1 << (bits - 1) : zeros[group]
            return Float(codes[row][column] - zero) * scales[group]
        }
        let found = try checkpoint.values("a.weight")
        #expect(found.shape == [rows, columns])
        #expect(found.values == expected)
    }

    @Test func codesThatStayInTheirWordsAreRead() throws {
        // 128 codes of 3 bits: 12 words when they cross words, 13 when they do not.
        let codes = Self.codes(128, below: 8, seed: 5)
        for crossing in [true, false] {
            var checkpoint = Self.compressed(
                "pack-quantized", #""num_bits": 3, "strategy": "channel", "symmetric": true"#)
            let words = packed(codes, bits: 3, crossingWords: crossing)
            #expect(words.count == (crossing ? 12 : 13))
            try checkpoint.add("a.weight_packed", .I32, [1, words.count], words)
            try checkpoint.add("a.weight_scale", [1, 1], halves: [0.5])
            try checkpoint.add("a.weight_shape", .I64, [2], [Int64(1), 128])
            #expect(try checkpoint.values("a.weight").values == codes.map { Float($0 - 4) / 2 })
        }
    }

    @Test func columnsInActivationOrderFindTheirGroup() throws {
        var checkpoint = Self.compressed(
            "pack-quantized",
            #""num_bits": 4, "strategy": "group", "group_size": 4, "symmetric": true, "actorder": "group""#
        )
        let codes = [9, 10, 11, 12, 7, 6, 5, 4]
        let groups: [Int32] = [1, 0, 0, 1, 1, 1, 0, 0]
        try checkpoint.add("a.weight_packed", .I32, [1, 1], packed(codes, bits: 4))
        try checkpoint.add("a.weight_scale", [1, 2], halves: [1, 4])
        try checkpoint.add("a.weight_shape", .I64, [2], [Int64(1), 8])
        try checkpoint.add("a.weight_g_idx", .I32, [8], groups)
        let expected: [Float] = zip(codes, groups).map { code, group -> Float in
            Float(code - 8) * (group == 1 ? 4 : 1)
        }
        #expect(try checkpoint.values("a.weight").values == expected)
    }

    @Test func integersOfEightBitsAreScaled() throws {
        var symmetric = Self.compressed(
            "int-quantized", #""num_bits": 8, "type": "int", "strategy": "channel""#)
        try symmetric.add("a.weight", .I8, [2, 3], [Int8(-128), 0, 127, 1, 2, 3])
        try symmetric.add("a.weight_scale", [2, 1], halves: [0.5, 2])
        // The modules that are ignored are stored as they are.
        try symmetric.add("lm_head.weight", [1, 2], floats: [0.1, -7])
        #expect(try symmetric.values("a.weight").values == [-64, 0, 63.5, 2, 4, 6])
        #expect(try symmetric.values("lm_head.weight").values == [0.1, -7])

        var asymmetric = Self.compressed(
            "int-quantized", #""num_bits": 8, "strategy": "channel", "symmetric": false"#)
        try asymmetric.add("a.weight", .I8, [2, 2], [Int8(-128), 127, 1, 2])
        try asymmetric.add("a.weight_scale", [2, 1], halves: [0.5, 2])
        try asymmetric.add("a.weight_zero_point", .I8, [2, 1], [Int8(-28), 4])
        #expect(try asymmetric.values("a.weight").values == [-50, 77.5, -6, -4])
    }

    @Test(arguments: [("channel", [2, 1]), ("tensor", [1])])
    func floatsOfEightBitsAreScaled(strategy: String, shape: [Int]) throws {
        var checkpoint = Self.compressed(
            "float-quantized", #""num_bits": 8, "type": "float", "strategy": "\#(strategy)""#)
        try checkpoint.add("a.weight", .F8_E4M3, [2, 2], bytes: [0x38, 0x40, 0x38, 0x40])
        try checkpoint.add("a.input_scale", [1], floats: [3])
        try checkpoint.add(
            "a.weight_scale", shape, floats: strategy == "channel" ? [0.5, 2] : [0.5])
        #expect(
            try checkpoint.values("a.weight").values
                == (strategy == "channel" ? [0.5, 1, 2, 4] : [0.5, 1, 0.5, 1]))
    }

    @Test func floatsOfFourBitsAreScaled() throws {
        let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        let codes = (0..<16).map { UInt8($0) } + (0..<16).map { UInt8(15 - $0) }
        let values: [Float] = codes.map { code -> Float in
            code >= 8 ? -magnitudes[Int(code) % 8] : magnitudes[Int(code)]
        }
        let bytes = stride(from: 0, to: 32, by: 2).map { codes[$0] | codes[$0 + 1] << 4 }

        var nv = Self.compressed(
            "nvfp4-pack-quantized",
            #""num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16"#)
        try nv.add("a.weight_packed", .U8, [1, 16], bytes: bytes)
        try nv.add("a.weight_scale", .F8_E4M3, [1, 2], bytes: [0x40, 0x44])  // 2 and 3
        try nv.add("a.weight_global_scale", [1], floats: [8])
        let scaled: [Float] = values.enumerated().map { index, value -> Float in
            value * ((index < 16 ? 2 : 3) / Float(8))
        }
        #expect(try nv.values("a.weight").values == scaled)

        var mx = Self.compressed(
            "mxfp4-pack-quantized",
            #""num_bits": 4, "type": "float", "strategy": "group", "group_size": 32"#)
        try mx.add("a.weight_packed", .U8, [1, 16], bytes: bytes)
        try mx.add("a.weight_scale", .U8, [1, 1], bytes: [130])  // 2³
        #expect(try mx.values("a.weight").values == values.map { $0 * 8 })
    }

    @Test func modulesBelongToTheGroupThatNamesThem() throws {
        var checkpoint = QuantizedCheckpoint(
            #"""
            {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {
              "group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "strategy": "channel"}},
              "group_1": {"targets": ["re:.*down$"],
                          "weights": {"num_bits": 8, "strategy": "tensor"}}}}
            """#)
        for name in ["x.up", "x.down"] {
            try checkpoint.add("\(name).weight", .I8, [2, 1], [Int8(1), 2])
        }
        try checkpoint.add("x.up.weight_scale", [2, 1], halves: [0.5, 2])
        try checkpoint.add("x.down.weight_scale", [1], halves: [4])
        #expect(try checkpoint.values("x.up.weight").values == [0.5, 4])
        #expect(try checkpoint.values("x.down.weight").values == [4, 8])
    }

    /// A checkpoint of two groups, the second for what a pattern matches.
    private static func checkpoint(pattern: String, module: String) throws -> QuantizedCheckpoint {
        var checkpoint = QuantizedCheckpoint(
            #"""
            {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {
              "group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "strategy": "tensor"}},
              "group_1": {"targets": ["re:\#(pattern)"],
                          "weights": {"num_bits": 8, "strategy": "channel"}}}}
            """#)
        try checkpoint.add("\(module).weight", .I8, [1, 1], [Int8(1)])
        return checkpoint
    }

    /// In Python `re.match` begins where the name does.
    @Test(arguments: [
        ("x\\.(up|gate)$", true), ("up$", false), ("y|x", true), ("(?!.*gate).*up", true),
        ("(?!.*up)x", false),
    ])
    func patternsBeginWhereNamesDo(pattern: String, isMatch: Bool) throws {
        let escaped = pattern.replacing("\\", with: "\\\\")
        var checkpoint = try Self.checkpoint(pattern: escaped, module: "x.up")
        // Only a channel's scale has two sides.
        try checkpoint.add("x.up.weight_scale", isMatch ? [1, 1] : [1], halves: [4])
        #expect(try checkpoint.values("x.up.weight").values == [4])
    }

    @Test(arguments: ["(x", "(?<=x)up"])
    func patternsThatAreNoneAreNamed(pattern: String) throws {
        let checkpoint = try Self.checkpoint(pattern: pattern, module: "x")
        let fault = try #require(try checkpoint.fault())
        #expect(fault.description.contains("re:\(pattern)"), "\(fault)")
    }

    /// Engines that go back try each of the 2³² ways to part the name before they give up.
    @Test func aPatternThatPartsANameInEveryWayEnds() throws {
        let module = String(repeating: "x", count: 32)
        var checkpoint = try Self.checkpoint(pattern: "(x+x+)+y", module: module)
        try checkpoint.add("\(module).weight_scale", [1], halves: [4])
        #expect(try checkpoint.values("\(module).weight").values == [4])
    }

    // MARK: GPTQ and AWQ

    @Test(arguments: [2, 3, 4, 8], ["gptq", "gptq_v2"])
    func transposedGroupsAreScaled(bits: Int, format: String) throws {
        let (inputs, outputs, size) = (64, 32, 24)  // the last group is shorter
        var checkpoint = QuantizedCheckpoint(
            """
            {"quant_method": "gptq", "bits": \(bits), "group_size": \(size), "desc_act": true,
             "checkpoint_format": "\(format)"}
            """)
        let codes = (0..<outputs).map {
            Self.codes(inputs, below: 1 << bits, seed: UInt64(20 + $0))
        }
        let groups = Self.codes(inputs, below: 3, seed: 6)
        let scales = Self.scales(3 * outputs, seed: 7)
        let zeros = Self.codes(3 * outputs, below: 1 << bits, seed: 8)
        let words = codes.map { packed($0, bits: bits) }
        try checkpoint.add(
            "a.qweight", .I32, [words[0].count, outputs], transposed(words).flatMap { $0 })
        let zeroWords = (0..<3).map {
            packed(Array(zeros[$0 * outputs..<($0 + 1) * outputs]), bits: bits)
        }
        try checkpoint.add(
            "a.qzeros", .I32, [3, zeroWords[0].count], zeroWords.flatMap { $0 })
        try checkpoint.add("a.scales", [3, outputs], halves: scales)
        try checkpoint.add("a.g_idx", .I32, [inputs], groups.map { Int32($0) })
        try checkpoint.add("a.bias", [1], floats: [0])
        let expected: [Float] = (0..<outputs * inputs).map { index -> Float in
            let (output, input) = (index / inputs, index % inputs)
            let group = groups[input] * outputs + output
            let zero = zeros[group] + (format == "gptq" ? 1 : 0)
            return Float(codes[output][input] - zero) * scales[group]
        }
        let found = try checkpoint.values("a.weight")
        #expect(found.shape == [outputs, inputs])
        #expect(found.values == expected)
        try checkpoint.open { #expect($0.map(\.name) == ["a.bias", "a.weight"]) }
    }

    @Test func groupsInOrderNeedNoIndex() throws {
        for (size, groupCount) in [(-1, 1), (8, 2)] {
            var checkpoint = QuantizedCheckpoint(
                #"{"quant_method": "gptq", "bits": 4, "group_size": \#(size)}"#)
            let codes = Self.codes(16, below: 16, seed: 9)
            let words = packed(codes, bits: 4)
            // Eight outputs, all with the same codes.
            try checkpoint.add(
                "a.qweight", .I32, [2, 8],
                words.flatMap { [Int32](repeating: $0, count: 8) })
            try checkpoint.add(
                "a.qzeros", .I32, [groupCount, 1],
                [Int32](repeating: 0x7777_7777, count: groupCount))
            let scales = (0..<groupCount * 8).map { Float($0 + 1) / 8 }
            try checkpoint.add("a.scales", [groupCount, 8], halves: scales)
            let expected: [Float] = (0..<128).map { index -> Float in
                let (output, input) = (index / 16, index % 16)
                let scale: Float = scales[input * groupCount / 16 * 8 + output]
                return Float(codes[input] - 8) * scale
            }
            #expect(try checkpoint.values("a.weight").values == expected)
        }
    }

    @Test func outputsInTheOrderOfAWQAreScaled() throws {
        let (inputs, outputs, size) = (12, 16, 5)
        var checkpoint = QuantizedCheckpoint(
            #"{"quant_method": "awq", "bits": 4, "group_size": \#(size), "version": "gemm"}"#)
        let order = [0, 2, 4, 6, 1, 3, 5, 7]
        func words(_ values: [Int]) -> [Int32] {
            packed(
                stride(from: 0, to: values.count, by: 8).flatMap { start in
                    order.map { values[start + $0] }
                }, bits: 4)
        }
        let codes = (0..<inputs).map {
            Self.codes(outputs, below: 16, seed: UInt64(60 + $0))
        }
        let zeros = (0..<3).map { Self.codes(outputs, below: 16, seed: UInt64(80 + $0)) }
        let scales = Self.scales(3 * outputs, seed: 90)
        try checkpoint.add("a.qweight", .I32, [inputs, 2], codes.flatMap(words))
        try checkpoint.add("a.qzeros", .I32, [3, 2], zeros.flatMap(words))
        try checkpoint.add("a.scales", [3, outputs], halves: scales)
        let expected: [Float] = (0..<outputs * inputs).map { index -> Float in
            let (output, input) = (index / inputs, index % inputs)
            let scale: Float = scales[input / size * outputs + output]
            return Float(codes[input][output] - zeros[input / size][output]) * scale
        }
        let found = try checkpoint.values("a.weight")
        #expect(found.shape == [outputs, inputs])
        #expect(found.values == expected)
    }
}
