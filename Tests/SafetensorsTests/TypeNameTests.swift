import Safetensors
import TensorCore
import Testing

/// What quantized directories are called.
@Suite struct TypeNameTests {
    private func name(_ text: String) throws -> String {
        QuantizationConfiguration(
            json: try JSON.parse(Array(text.utf8), file: "config.json"), path: "config.json",
            place: "quantization_config"
        ).typeName
    }

    @Test(
        arguments: [
            (
                #""num_bits":4,"type":"int","strategy":"group","group_size":128"#, "null",
                "W4A16 g128"
            ),
            (#""num_bits":4,"type":"int","strategy":"channel""#, "null", "W4A16 channel"),
            (
                #""num_bits":4,"type":"int","symmetric":false,"strategy":"group","group_size":32"#,
                "null", "W4A16_ASYM g32"
            ),
            (#""num_bits":8,"type":"int","strategy":"channel""#, "null", "W8A16"),
            (
                #""num_bits":8,"type":"int","strategy":"channel""#,
                #"{"num_bits":8,"dynamic":true}"#, "W8A8"
            ),
            (
                #""num_bits":8,"type":"int","strategy":"channel""#,
                #"{"num_bits":8,"dynamic":false}"#, "W8A8_STATIC"
            ),
            (
                #""num_bits":8,"type":"float","strategy":"channel""#,
                #"{"num_bits":8,"dynamic":true}"#, "FP8_DYNAMIC"
            ),
            (
                #""num_bits":8,"type":"float","strategy":"tensor""#,
                #"{"num_bits":8,"dynamic":false}"#, "FP8"
            ),
            (
                #""num_bits":8,"type":"float","strategy":"block""#,
                #"{"num_bits":8,"dynamic":true}"#, "FP8_BLOCK"
            ),
            (
                #""num_bits":4,"type":"float","strategy":"tensor_group""#,
                #"{"num_bits":4,"dynamic":"local"}"#, "NVFP4"
            ),
            (#""num_bits":4,"type":"float","strategy":"tensor_group""#, "null", "NVFP4A16"),
        ])
    func groupsOfCompressedTensors(weights: String, activations: String, expected: String) throws {
        #expect(
            try name(
                """
                {"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":
                 {"group_0":{"weights":{\(weights)},"input_activations":\(activations)}}}
                """) == expected)
    }

    @Test(arguments: [
        (#"{"quant_method":"gptq","bits":4,"group_size":128}"#, "GPTQ g128"),
        (#"{"quant_method":"gptq","bits":8,"group_size":-1}"#, "GPTQ_8BIT channel"),
        (#"{"quant_method":"awq","w_bit":4,"q_group_size":64}"#, "AWQ g64"),
        (#"{"quant_method":"fp8","weight_block_size":[128,128]}"#, "FP8_DEEPSEEK"),
        (#"{"quant_algo":"NVFP4"}"#, "MODELOPT_NVFP4"),
        (#"{"load_in_8bit":true}"#, "BNB_INT8"),
        (#"{"quant_method":"bitsandbytes","load_in_4bit":true}"#, "BNB_NF4"),
        (#"{"quant_method":"auto-round","bits":4,"group_size":128}"#, "AUTOROUND_W4A16 g128"),
        (#"{"bits":4,"group_size":64}"#, "MLX g64"),
        (#"{"quant_method":"mxfp4"}"#, "MXFP4"), (#"{"unknown":1}"#, "quantized"),
    ])
    func methods(configuration: String, expected: String) throws {
        #expect(try name(configuration) == expected)
    }

    @Test func groupsOfSeveralTypesAreAllNamed() throws {
        #expect(
            try name(
                """
                {"quant_method":"compressed-tensors","format":"mixed-precision","config_groups":{
                 "group_0":{"format":"pack-quantized","weights":
                  {"num_bits":4,"type":"int","strategy":"group","group_size":128}},
                 "group_1":{"format":"mxfp8-quantized","weights":
                  {"num_bits":8,"type":"float","strategy":"group","group_size":32}},
                 "group_2":{"format":"mxfp8-quantized","weights":
                  {"num_bits":8,"type":"float","strategy":"group","group_size":32}}}}
                """) == "W4A16 g128 + MXFP8A16")
    }
}
