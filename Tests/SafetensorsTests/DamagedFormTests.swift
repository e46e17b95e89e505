import Foundation
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Checkpoints that are damaged in the ways that writers of quantized weights get wrong, and what is
/// said of each.
@Suite struct DamagedFormTests {
    // MARK: bitsandbytes

    private static let state =
        #"{"quant_type": "nf4", "blocksize": 4, "dtype": "bfloat16", "shape": [2, 4]}"#

    private static func bitsAndBytes(
        bytes: Int = 4, absmax: Int? = 2, map: Int? = 16, state: String? = state
    ) throws -> SafetensorsError? {
        var checkpoint = QuantizedCheckpoint(#"{"load_in_4bit": true}"#)
        try checkpoint.add("a.weight", .U8, [bytes, 1], [UInt8](repeating: 1, count: bytes))
        if let absmax {
            try checkpoint.add(
                "a.weight.absmax", [absmax], floats: [Float](repeating: 1, count: absmax))
        }
        if let map {
            try checkpoint.add(
                "a.weight.quant_map", [map], floats: [Float](repeating: 0, count: map))
        }
        if let state {
            try checkpoint.add(
                "a.weight.quant_state.bitsandbytes__nf4", .U8, [state.utf8.count],
                Array(state.utf8))
        }
        return try checkpoint.fault()
    }

    @Test func partsOfBitsAndBytesMustGoTogether() throws {
        #expect(try Self.bitsAndBytes() == nil)
        #expect(try Self.bitsAndBytes(bytes: 3)?.place == "a.weight")
        #expect(try Self.bitsAndBytes(absmax: 3)?.place == "a.weight.absmax")
        #expect(try Self.bitsAndBytes(absmax: nil)?.kind == .missingCompanion("a.weight.absmax"))
        #expect(try Self.bitsAndBytes(map: 15)?.place == "a.weight.quant_map")
        #expect(try Self.bitsAndBytes(map: nil)?.kind == .missingCompanion("a.weight.quant_map"))
        let name = "a.weight.quant_state.bitsandbytes__nf4"
        #expect(try Self.bitsAndBytes(state: nil)?.kind == .missingCompanion(name))
        for state in [
            "{}", #"{"blocksize": 0, "shape": [2, 4]}"#, #"{"blocksize": 4, "shape": []}"#,
            #"{"blocksize": 4, "shape": [2, "4"]}"#, #"{"blocksize": 4, "shape": [-2, -4]}"#,
        ] {
            let place = try Self.bitsAndBytes(state: state)?.place
            #expect(place?.hasPrefix(name) == true, "\(state)")
        }
    }

    @Test func doublyQuantizedScalesNeedTheirOwn() throws {
        func fault(nested: Int?, map: Int?) throws -> SafetensorsError? {
            var checkpoint = QuantizedCheckpoint(#"{"quant_method": "bitsandbytes"}"#)
            let state =
                #"{"blocksize": 4, "shape": [2, 4], "nested_blocksize": 256, "nested_offset": 0.5}"#
            try checkpoint.add("a.weight", .U8, [4, 1], [UInt8](repeating: 1, count: 4))
            try checkpoint.add("a.weight.absmax", .U8, [2], [UInt8(0), 255])
            try checkpoint.add(
                "a.weight.quant_map", [16], floats: [Float](repeating: 2, count: 16))
            try checkpoint.add(
                "a.weight.quant_state.bitsandbytes__fp4", .U8, [state.utf8.count],
                Array(state.utf8))
            if let nested {
                try checkpoint.add(
                    "a.weight.nested_absmax", [nested],
                    floats: [Float](repeating: 3, count: nested))
            }
            if let map {
                try checkpoint.add(
                    "a.weight.nested_quant_map", [map],
                    floats: (0..<map).map { Float($0) / 256 })
            }
            if nested == 1, map == 256 {
                let last: Float = (255 as Float) / 256 * 3 + 0.5
                #expect(
                    try checkpoint.values("a.weight").values
                        == [1, 1, 1, 1, 2 * last, 2 * last, 2 * last, 2 * last])
            }
            return try checkpoint.fault()
        }
        #expect(try fault(nested: 1, map: 256) == nil)
        #expect(
            try fault(nested: nil, map: 256)?.kind == .missingCompanion("a.weight.nested_absmax"))
        #expect(
            try fault(nested: 1, map: nil)?.kind == .missingCompanion("a.weight.nested_quant_map"))
        #expect(try fault(nested: 2, map: 256)?.place == "a.weight.nested_absmax")
        #expect(try fault(nested: 1, map: 16)?.place == "a.weight.nested_quant_map")
    }

    @Test func eightBitsOfBitsAndBytesMustStandRowByRow() throws {
        func fault(scale: Int? = 2, layout: UInt8 = 0) throws -> SafetensorsError? {
            var checkpoint = QuantizedCheckpoint(#"{"load_in_8bit": true}"#)
            try checkpoint.add("a.weight", .I8, [2, 2], [Int8(127), -127, 64, 0])
            if let scale {
                try checkpoint.add("a.SCB", [scale], floats: [Float](repeating: 4, count: scale))
            }
            try checkpoint.add("a.weight_format", .U8, [], [layout])
            return try checkpoint.fault()
        }
        #expect(try fault() == nil)
        #expect(try fault(scale: nil)?.kind == .missingCompanion("a.SCB"))
        #expect(try fault(scale: 3)?.place == "a.SCB")
        #expect(try fault(layout: 2)?.place == "a.weight_format")
    }

    // MARK: Scales that are their inverse

    private static func nvfp4(isModelOpt: Bool, global: Float) throws -> SafetensorsError? {
        var checkpoint = QuantizedCheckpoint(
            isModelOpt
                ? #"{"quant_method": "modelopt", "quant_algo": "NVFP4"}"#
                : """
                {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized",
                 "config_groups": {"group_0": {"targets": ["Linear"], "weights":
                  {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}}}}
                """)
        let codes = isModelOpt ? "a.weight" : "a.weight_packed"
        try checkpoint.add(codes, .U8, [2, 8], [UInt8](repeating: 0x21, count: 16))
        try checkpoint.add("a.weight_scale", .F8_E4M3, [2, 1], bytes: [0x7E, 0x40])
        try checkpoint.add(
            isModelOpt ? "a.weight_scale_2" : "a.weight_global_scale", isModelOpt ? [] : [1],
            floats: [global])
        return try checkpoint.fault()
    }

    @Test(arguments: [0.02, 0.5, 3] as [Float])
    func aGlobalScaleThatIsTheInverseIsToldApart(largest: Float) throws {
        #expect(try Self.nvfp4(isModelOpt: true, global: largest / 2688) == nil)
        #expect(try Self.nvfp4(isModelOpt: false, global: 2688 / largest) == nil)
        let factor = try Self.nvfp4(isModelOpt: true, global: 2688 / largest)
        #expect(factor?.place == "a.weight_scale_2")
        #expect(factor?.remedy?.contains("compressed-tensors") == true)
        let divisor = try Self.nvfp4(isModelOpt: false, global: largest / 2688)
        #expect(divisor?.place == "a.weight_global_scale")
        #expect(divisor?.remedy?.contains("modelopt") == true)
        #expect(try Self.nvfp4(isModelOpt: true, global: .nan) != nil)
    }

    // MARK: Zero points of the other version

    private static func symmetric(
        _ configuration: String, zeros: UInt32, sym: Bool = true
    ) throws -> SafetensorsError? {
        var checkpoint = QuantizedCheckpoint(
            """
            {"bits": 4, "group_size": 16, "sym": \(sym), \(configuration)}
            """)
        try checkpoint.add("a.qweight", .I32, [2, 8], [Int32](repeating: 0, count: 16))
        try checkpoint.add("a.qzeros", .I32, [1, 1], [zeros])
        try checkpoint.add("a.scales", [1, 8], halves: [Float](repeating: 1, count: 8))
        return try checkpoint.fault()
    }

    @Test(
        arguments: [
            (#""quant_method": "gptq""#, 0x7777_7777, 0x8888_8888),
            (#""quant_method": "gptq", "checkpoint_format": "gptq_v2""#, 0x8888_8888, 0x7777_7777),
            (
                #""quant_method": "auto-round", "packing_format": "auto_round""#, 0x8888_8888,
                0x7777_7777
            ),
        ] as [(String, UInt32, UInt32)])
    func symmetricCodesHaveTheirZeroPointInTheMiddle(
        configuration: String, right: UInt32, wrong: UInt32
    ) throws {
        #expect(try Self.symmetric(configuration, zeros: right) == nil)
        let fault = try Self.symmetric(configuration, zeros: wrong)
        #expect(fault?.place == "a.qzeros")
        #expect(fault?.problem.contains("symmetric codes have 8") == true)
        #expect(fault?.remedy?.contains("_format") == true)
        // Where codes are not said to be symmetric, zero points may be anything.
        #expect(try Self.symmetric(configuration, zeros: wrong, sym: false) == nil)
        #expect(try Self.symmetric(configuration, zeros: 0x7656_5432) == nil)
    }

    // MARK: ModelOpt, AutoRound, compressed-tensors

    @Test func partsOfModelOptMustGoTogether() throws {
        func fault(
            _ weight: (DataType, [Int]), scale: (DataType, [Int])?, factors: Int? = nil
        ) throws -> SafetensorsError? {
            var checkpoint = QuantizedCheckpoint(#"{"quant_method": "modelopt"}"#)
            func add(_ name: String, _ type: DataType, _ shape: [Int]) throws {
                let count = shape.reduce(1, *) * type.bitCount / 8
                try checkpoint.add(name, type, shape, bytes: [UInt8](repeating: 1, count: count))
            }
            try add("a.weight", weight.0, weight.1)
            if let scale { try add("a.weight_scale", scale.0, scale.1) }
            if let factors { try add("a.pre_quant_scale", .BF16, [factors]) }
            return try checkpoint.fault()
        }
        // MXFP8
        #expect(try fault((.F8_E4M3, [2, 64]), scale: (.U8, [2, 2])) == nil)
        #expect(try fault((.F8_E4M3, [2, 64]), scale: (.U8, [2, 4]))?.place == "a.weight_scale")
        #expect(try fault((.F8_E4M3, [2, 48]), scale: (.U8, [2, 2]))?.place == "a.weight")
        // 4-bit integers in pairs of rows
        #expect(try fault((.U8, [2, 8]), scale: (.F32, [4, 2]), factors: 8) == nil)
        #expect(try fault((.U8, [2, 8]), scale: (.F32, [2, 2]))?.place == "a.weight_scale")
        #expect(try fault((.U8, [2, 8]), scale: (.F32, [4, 3]))?.place == "a.weight_scale")
        let factors = try fault((.U8, [2, 8]), scale: (.F32, [4, 2]), factors: 4)
        #expect(factors?.place == "a.pre_quant_scale")
        // FP8 in blocks
        #expect(try fault((.F8_E4M3, [130, 8]), scale: (.F32, [2, 1, 1, 1])) == nil)
        #expect(
            try fault((.F8_E4M3, [130, 8]), scale: (.F32, [3, 1, 1, 1]))?.place
                == "a.weight_scale")
        #expect(try fault((.U8, [2, 8]), scale: nil)?.kind == .missingCompanion("a.weight_scale"))
    }

    @Test func algorithmsOfModelOptThatAreNotUndoneAreNamed() throws {
        var checkpoint = QuantizedCheckpoint(
            #"{"quant_method": "modelopt", "quant_algo": "W4A8_AWQ"}"#)
        try checkpoint.add("a.weight", .U8, [1, 2], [UInt8(0), 0])
        let fault = try checkpoint.fault()
        #expect(fault?.place == "quantization_config.quant_algo")
        #expect(fault?.problem.contains("W4A8_AWQ") == true)
    }

    @Test(arguments: [
        (#""packing_format": "auto_round:hpu""#, "packing_format"),
        (#""packing_format": "auto_round:llm_compressor", "data_type": "mx_int""#, "data_type"),
    ])
    func packingsOfAutoRoundThatAreNotUndoneAreNamed(configuration: String, key: String) throws {
        var checkpoint = QuantizedCheckpoint(
            #"{"quant_method": "auto-round", "bits": 4, "group_size": 32, \#(configuration)}"#)
        try checkpoint.add("a.weight_packed", .U8, [1, 16], [UInt8](repeating: 0, count: 16))
        try checkpoint.add("a.weight_scale", .U8, [1, 1], [UInt8(127)])
        #expect(try checkpoint.fault()?.place == "quantization_config.\(key)")
    }

    @Test func mxfp8NeedsItsExponents() throws {
        func fault(_ type: DataType, scale: [Int]?) throws -> SafetensorsError? {
            var checkpoint = QuantizedCheckpoint(
                """
                {"quant_method": "compressed-tensors", "format": "mxfp8-quantized",
                 "config_groups": {"group_0": {"targets": ["Linear"], "weights":
                  {"num_bits": 8, "type": "float", "strategy": "group", "group_size": 32}}}}
                """)
            try checkpoint.add(
                "a.weight", .F8_E4M3, [1, 64], bytes: [UInt8](repeating: 0x38, count: 64))
            if let scale {
                let count = scale.reduce(1, *) * type.bitCount / 8
                try checkpoint.add(
                    "a.weight_scale", type, scale, bytes: [UInt8](repeating: 128, count: count))
            }
            if scale == [1, 2], type == .U8 {
                #expect(
                    try checkpoint.values("a.weight").values == [Float](repeating: 2, count: 64))
            }
            return try checkpoint.fault()
        }
        #expect(try fault(.U8, scale: [1, 2]) == nil)
        #expect(try fault(.U8, scale: [1, 1])?.place == "a.weight_scale")
        #expect(try fault(.F32, scale: [1, 2])?.place == "a.weight_scale")
        #expect(try fault(.U8, scale: nil)?.kind == .missingCompanion("a.weight_scale"))
    }
}
