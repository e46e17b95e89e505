import Safetensors

extension CheckpointForm {
    /// 4-bit floats in groups of 16, whose scales are 8-bit floats; inputs stay as they are.
    static let NVFP4A16 = CheckpointForm(
        "NVFP4A16", purpose: "4-bit floats of the weights alone",
        engines: "vLLM, SGLang, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.e2m1, scope: .group(16), scale: .e4m3), calibration: .feedback,
        layout: [
            .nibbles(".weight_packed"), .scales(".weight_scale", .F8_E4M3),
            .unit(".weight_global_scale", isInverse: true),
        ],
        configuration: CompressedTensors.configuration("nvfp4-pack-quantized"))

    /// The same with inputs in groups of 16.
    static let NVFP4 = CheckpointForm(
        "NVFP4", purpose: "arithmetic in 4-bit floats; Blackwell",
        engines: "vLLM, SGLang, TensorRT-LLM, transformers",
        leastGPU: LeastGPU(10.0, otherwise: 7.5, "as weights only"),
        grid: WeightGrid(.e2m1, scope: .group(16), scale: .e4m3), calibration: .feedback,
        layout: [
            .nibbles(".weight_packed"), .scales(".weight_scale", .F8_E4M3),
            .unit(".weight_global_scale", isInverse: true),
            StoredPart(
                ".input_global_scale",
                ActivationScale(divisor: 448 * 6, isInverse: true, dataType: .F32)),
        ],
        configuration: CompressedTensors.configuration("nvfp4-pack-quantized", .local))

    /// 4-bit floats in groups of 32, whose scales are powers of two; inputs stay as they are.
    static let MXFP4A16 = CheckpointForm(
        "MXFP4A16", purpose: "MXFP4 of the weights alone", engines: "vLLM, SGLang, transformers",
        leastGPU: LeastGPU(8.0),
        grid: WeightGrid(.e2m1, scope: .group(32), scale: .exponent), calibration: .feedback,
        layout: [.nibbles(".weight_packed"), .scales(".weight_scale", .U8)],
        configuration: CompressedTensors.configuration("mxfp4-pack-quantized"))

    /// The same with inputs in groups of 32.
    static let MXFP4 = CheckpointForm(
        "MXFP4", purpose: "OCP Microscaling of weights and inputs; Blackwell, AMD",
        engines: "vLLM, SGLang, transformers", leastGPU: LeastGPU(8.0),
        grid: WeightGrid(.e2m1, scope: .group(32), scale: .exponent), calibration: .feedback,
        layout: [.nibbles(".weight_packed"), .scales(".weight_scale", .U8)],
        configuration: CompressedTensors.configuration(
            "mxfp4-pack-quantized", .group(bits: 4, size: 32, scaleType: "torch.uint8")))

    /// 8-bit floats in groups of 32, whose scales are powers of two.
    static let MXFP8 = CheckpointForm(
        "MXFP8", purpose: "OCP Microscaling at hardly any loss; Blackwell",
        engines: "vLLM, SGLang, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.e4m3, scope: .group(32), scale: .exponent), calibration: .feedback,
        layout: [.bytes(".weight", .F8_E4M3), .scales(".weight_scale", .U8)],
        configuration: CompressedTensors.configuration(
            "mxfp8-quantized", .group(bits: 8, size: 32, scaleType: "torch.uint8")))
}
