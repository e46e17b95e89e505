import Safetensors
import TensorCore

extension CheckpointForm {
    /// NVIDIA ModelOpt's 8-bit floats: a scale for the matrix and one for its inputs.
    static let MODELOPT_FP8 = CheckpointForm(
        "MODELOPT_FP8", purpose: "FP8 for TensorRT-LLM's own readers",
        engines: "TensorRT-LLM, vLLM, SGLang", leastGPU: LeastGPU(8.9),
        grid: WeightGrid(.e4m3, scope: .tensor, scale: .f32), followsModelType: false,
        cacheScales: .inProjections,
        layout: [
            .bytes(".weight", .F8_E4M3), .scales(".weight_scale", .F32, shape: { _ in [] }),
            StoredPart(
                ".input_scale", ActivationScale(divisor: 448, dataType: .F32), isScalar: true),
        ],
        configuration: ModelOpt.configuration("FP8", groupSize: nil))

    /// NVIDIA ModelOpt's NVFP4: the matrix's scale is a factor.
    static let MODELOPT_NVFP4 = CheckpointForm(
        "MODELOPT_NVFP4", purpose: "NVFP4 for TensorRT-LLM's own readers; Blackwell",
        engines: "TensorRT-LLM, vLLM, SGLang",
        leastGPU: LeastGPU(10.0, otherwise: 7.5, "as weights only"),
        grid: WeightGrid(.e2m1, scope: .group(16), scale: .e4m3), followsModelType: false,
        calibration: .feedback, cacheScales: .inProjections,
        layout: [
            .nibbles(".weight"), .scales(".weight_scale", .F8_E4M3),
            .unit(".weight_scale_2", isInverse: false, isScalar: true),
            StoredPart(
                ".input_scale", ActivationScale(divisor: 448 * 6, dataType: .F32), isScalar: true),
        ],
        configuration: ModelOpt.configuration("NVFP4", groupSize: 16))
}

/// The configuration of NVIDIA ModelOpt, in two files.
///
/// Source: `modelopt/torch/export` of <https://github.com/NVIDIA/Model-Optimizer>.
enum ModelOpt {
    static func configuration(
        _ algorithm: String, groupSize: Int?
    ) -> @Sendable (ConfigurationRequest) -> CheckpointConfiguration {
        { request in
            let ignored = JSON.array(
                (request.ignored + request.towers.map { "*\($0).*" })
                    .map { .string(ByteString($0)) })
            let producer: JSON = ["name": "modelopt", "version": "0.47.0"]
            let algorithm = JSON.string(ByteString(algorithm))
            let size = groupSize.map { JSON.integer($0) }
            let arguments: JSON = .object(
                ([
                    ("dynamic", false), ("num_bits", groupSize == nil ? 8 : 4), ("type", "float"),
                ] + (size.map { [("group_size", $0)] } ?? [])).map {
                    .init(key: ByteString($0.0), value: $0.1)
                })
            var configuration: [(String, JSON)] = [
                (
                    "config_groups",
                    [
                        "group_0": [
                            "input_activations": arguments, "weights": arguments,
                            "targets": ["Linear"],
                        ]
                    ]
                ), ("ignore", ignored), ("quant_algo", algorithm), ("producer", producer),
                ("quant_method", "modelopt"),
            ]
            if request.hasCacheScales {
                configuration.append(
                    ("kv_cache_scheme", ["dynamic": false, "num_bits": 8, "type": "float"]))
            }
            var quantization: [(String, JSON)] = [
                ("quant_algo", algorithm),
                ("kv_cache_quant_algo", request.hasCacheScales ? "FP8" : .null),
            ]
            if let size { quantization.append(("group_size", size)) }
            quantization.append(("exclude_modules", ignored))
            return CheckpointConfiguration(
                quantization: object(configuration),
                file: (
                    "hf_quant_config.json",
                    ["producer": producer, "quantization": object(quantization)]
                ))
        }
    }

    private static func object(_ members: [(String, JSON)]) -> JSON {
        .object(members.map { .init(key: ByteString($0.0), value: $0.1) })
    }
}
