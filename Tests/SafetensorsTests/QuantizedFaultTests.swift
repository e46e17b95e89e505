import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Quantized checkpoints that do not hold together, and the error that each must give.
@Suite struct QuantizedFaultTests {
    private static func gptq(
        _ configuration: String = #""bits": 4, "group_size": 8"#,
        zeros: [Int]? = [2, 1], scales: [Int]? = [2, 8], groups: [Int32]? = nil
    ) throws -> SafetensorsError? {
        var checkpoint = QuantizedCheckpoint(#"{"quant_method": "gptq", \#(configuration)}"#)
        try checkpoint.add("a.qweight", .I32, [2, 8], [Int32](repeating: 0, count: 16))
        if let zeros {
            try checkpoint.add(
                "a.qzeros", .I32, zeros, [Int32](repeating: 0, count: zeros.reduce(1, *)))
        }
        if let scales {
            try checkpoint.add(
                "a.scales", scales, halves: [Float](repeating: 1, count: scales.reduce(1, *)))
        }
        if let groups { try checkpoint.add("a.g_idx", .I32, [groups.count], groups) }
        return try checkpoint.fault()
    }

    @Test func partsOfGPTQMustGoTogether() throws {
        #expect(try Self.gptq() == nil)
        #expect(try Self.gptq(zeros: nil)?.kind == .missingCompanion("a.qzeros"))
        #expect(try Self.gptq(scales: nil)?.kind == .missingCompanion("a.scales"))
        let scales = try Self.gptq(scales: [3, 8])
        #expect(scales?.place == "a.scales")
        #expect(scales?.problem.contains("[2, 8]") == true)
        #expect(try Self.gptq(zeros: [2, 2])?.place == "a.qzeros")
        #expect(try Self.gptq(scales: [16])?.place == "a.scales")
        let index = try Self.gptq(groups: [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2])
        #expect(index?.kind == .groupOutOfRange(2, column: 15, groupCount: 2))
        let negative = try Self.gptq(groups: [-1] + [Int32](repeating: 0, count: 15))
        #expect(negative?.kind == .groupOutOfRange(-1, column: 0, groupCount: 2))
        #expect(try Self.gptq(groups: [0, 1])?.place == "a.qweight")
    }

    @Test(
        arguments: [
            (#""bits": 4, "group_size": 0"#, "group_size"),
            (#""bits": 4, "group_size": -7"#, "group_size"),
            (#""bits": 0, "group_size": 8"#, "bits"), (#""bits": 5, "group_size": 8"#, "bits"),
            (#""bits": "4", "group_size": 8"#, "bits"), (#""group_size": 8"#, "bits"),
            (#""bits": 4, "group_size": 9223372036854775807"#, "group_size"),
            (#""bits": 4, "group_size": 8, "checkpoint_format": "marlin""#, "checkpoint_format"),
        ])
    func configurationsOfGPTQMustMakeSense(configuration: String, key: String) throws {
        let fault = try Self.gptq(configuration)
        #expect(fault?.path == "config.json")
        #expect(fault?.place == "quantization_config.\(key)")
    }

    /// A value that is null is none: the usual one holds, or there is one too few.
    @Test func aNullIsNoValue() throws {
        let missing = try Self.gptq(#""bits": null, "group_size": 8"#)
        #expect(missing?.place == "quantization_config.bits")
        guard case .malformedQuantization("nothing", _)? = missing?.kind else {
            Issue.record("\(String(describing: missing))")
            return
        }
        #expect(try Self.gptq(#""bits": 4, "group_size": 8, "checkpoint_format": null"#) == nil)
        var checkpoint = QuantizedCheckpoint(
            #"{"quant_method": "gptq", "bits": 4, "group_size": 8, "sym": null, "desc_act": null}"#)
        try checkpoint.add("a.bias", [1], floats: [0])
        #expect(try checkpoint.fault() == nil)
    }

    /// Scales of a type that holds no numbers of scales.
    @Test func scalesAreNumbers() throws {
        var checkpoint = QuantizedCheckpoint(#"{"quant_method": "fp8"}"#)
        try checkpoint.add("a.weight", .F8_E4M3, [1, 2], bytes: [0x38, 0x38])
        try checkpoint.add("a.weight_scale", .C64, [1], [Int64(1)])
        let fault = try checkpoint.fault()
        #expect(
            fault?.kind == .wrongDataType(found: .C64, expected: "floating-point scales"),
            "\(String(describing: fault))")
    }

    @Test func partsOfAWQMustGoTogether() throws {
        func fault(_ rest: String, scales: [Int] = [2, 8]) throws -> SafetensorsError? {
            var checkpoint = QuantizedCheckpoint(#"{"quant_method": "awq", \#(rest)}"#)
            try checkpoint.add("a.qweight", .I32, [16, 1], [Int32](repeating: 0, count: 16))
            try checkpoint.add("a.qzeros", .I32, [2, 1], [Int32](repeating: 0, count: 2))
            try checkpoint.add(
                "a.scales", scales, halves: [Float](repeating: 1, count: scales.reduce(1, *)))
            return try checkpoint.fault()
        }
        #expect(try fault(#""bits": 4, "group_size": 8"#) == nil)
        #expect(try fault(#""bits": 4, "group_size": 4"#)?.place == "a.qzeros")
        #expect(try fault(#""bits": 4, "group_size": 8"#, scales: [8, 2])?.place == "a.scales")
        #expect(try fault(#""bits": 3, "group_size": 8"#)?.place == "quantization_config.bits")
        let version = try fault(#""bits": 4, "group_size": 8, "version": "gemv""#)
        #expect(version?.kind == .malformedQuantization(found: "gemv", expected: "gemm"))
    }

    private static func packed(
        _ weights: String, words: [Int] = [2, 1], scale: [Int] = [2, 1], shape: [Int64] = [2, 8],
        format: String = "pack-quantized"
    ) throws -> SafetensorsError? {
        var checkpoint = QuantizedCheckpoint(
            """
            {"quant_method": "compressed-tensors", "format": "\(format)",
             "config_groups": {"group_0": {"targets": ["Linear"], "weights": {\(weights)}}}}
            """)
        try checkpoint.add(
            "a.weight_packed", .I32, words, [Int32](repeating: 0, count: words.reduce(1, *)))
        try checkpoint.add(
            "a.weight_scale", scale, halves: [Float](repeating: 1, count: scale.reduce(1, *)))
        try checkpoint.add("a.weight_shape", .I64, [shape.count], shape)
        return try checkpoint.fault()
    }

    @Test func partsOfCompressedTensorsMustGoTogether() throws {
        let group = #""num_bits": 4, "strategy": "group", "group_size": 8"#
        #expect(try Self.packed(group) == nil)
        #expect(try Self.packed(group, words: [2, 2])?.place == "a.weight_packed")
        #expect(try Self.packed(group, scale: [2, 2])?.place == "a.weight_scale")
        #expect(try Self.packed(group, shape: [2, 0])?.place == "a.weight_shape")
        #expect(try Self.packed(group, shape: [-1, 8])?.place == "a.weight_shape")
        #expect(try Self.packed(group, shape: [.max, .max])?.place == "a.weight_shape")
        #expect(try Self.packed(group, shape: [1, .max - 7])?.place == "a.weight_packed")
        #expect(try Self.packed(group, shape: [2, 8, 1])?.place == "a.weight_shape")
        let asymmetric = try Self.packed(group + #", "symmetric": false"#)
        #expect(asymmetric?.kind == .missingCompanion("a.weight_zero_point"))
        let place = "quantization_config.config_groups.group_0.weights."
        let zero = try Self.packed(#""num_bits": 4, "strategy": "group", "group_size": 0"#)
        #expect(zero?.place == place + "group_size")
        let bits = try Self.packed(#""num_bits": -4, "strategy": "channel""#)
        #expect(bits?.place == place + "num_bits")
        let strategy = try Self.packed(#""num_bits": 4, "strategy": "token""#)
        #expect(strategy?.place == place + "strategy")
        let ragged = try Self.packed(#""num_bits": 4, "strategy": "group", "group_size": 5"#)
        #expect(ragged?.place == "a.weight_packed")
        #expect(try Self.packed(group, format: "marlin-24")?.place == place + "format")
    }

    @Test func partsOfFP8MustGoTogether() throws {
        func fault(_ rest: String, scale: [Int]?) throws -> SafetensorsError? {
            var checkpoint = QuantizedCheckpoint(#"{"quant_method": "fp8"\#(rest)}"#)
            try checkpoint.add(
                "a.weight", .F8_E4M3, [3, 3], bytes: [UInt8](repeating: 0, count: 9))
            if let scale {
                try checkpoint.add(
                    "a.weight_scale_inv", scale,
                    floats: [Float](repeating: 1, count: scale.reduce(1, *)))
            }
            return try checkpoint.fault()
        }
        let block = #", "weight_block_size": [2, 2]"#
        #expect(try fault(block, scale: [2, 2]) == nil)
        #expect(try fault(block, scale: [1, 2])?.place == "a.weight_scale_inv")
        #expect(try fault(block, scale: [4])?.place == "a.weight_scale_inv")
        #expect(try fault("", scale: [2])?.place == "a.weight_scale_inv")
        // Bare codes would make a model of nonsense.
        #expect(try fault(block, scale: nil)?.kind == .missingCompanion("a.weight_scale_inv"))
        for size in ["[0, 2]", "[2]", "[-1, 2]", "2", "[2, 2.5]"] {
            let place = try fault(#", "weight_block_size": \#(size)"#, scale: [2, 2])?.place
            #expect(place == "quantization_config.weight_block_size")
        }
    }

    @Test func emptyTensorsOfAbsurdShapesDoNotOverflow() throws {
        func open(_ configuration: String, _ parts: [(String, DataType, [Int])]) throws {
            var checkpoint = QuantizedCheckpoint(configuration)
            for (name, type, shape) in parts {
                try checkpoint.add("a." + name, type, shape, bytes: [])
            }
            // Refused or empty: it is not to end the process.
            _ = try checkpoint.fault()
        }
        for shape in [[0, Int.max], [Int.max, 0], [0, 0]] {
            let transposed = [
                ("qweight", DataType.I32, shape), ("qzeros", .I32, shape), ("scales", .F16, shape),
            ]
            for (method, size) in [("gptq", 8), ("gptq", -1), ("awq", 8), ("awq", -1)] {
                try open(
                    #"{"quant_method": "\#(method)", "bits": 4, "group_size": \#(size)}"#,
                    transposed)
            }
            try open(
                #"{"quant_method": "fp8", "weight_block_size": [2, 2]}"#,
                [("weight", .F8_E4M3, shape), ("weight_scale_inv", .F32, shape)])
            for format in ["nvfp4-pack-quantized", "mxfp4-pack-quantized", "int-quantized"] {
                try open(
                    """
                    {"quant_method": "compressed-tensors", "format": "\(format)", "config_groups":
                     {"g": {"weights": {"num_bits": 4, "strategy": "group", "group_size": 16}}}}
                    """,
                    [
                        ("weight_packed", .U8, shape), ("weight_scale", .F8_E4M3, shape),
                        ("weight_global_scale", .F32, shape),
                    ])
            }
        }
    }

    @Test func otherMethodsAreNamed() throws {
        var checkpoint = QuantizedCheckpoint(#"{"quant_method": "hqq"}"#)
        try checkpoint.add("a.weight", .I8, [1, 1], [Int8(1)])
        let fault = try checkpoint.fault()
        #expect(fault?.problem.contains("hqq") == true)
        #expect(fault?.remedy != nil)
        var nameless = QuantizedCheckpoint(#"{"bits": 4}"#)
        try nameless.add("a.weight", .I8, [1, 1], [Int8(1)])
        #expect(try nameless.fault()?.place == "quantization_config.quant_method")
    }
}
