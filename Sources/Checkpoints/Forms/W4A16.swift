import Safetensors

extension CheckpointForm {
    /// 4-bit integers around zero, a scale for 128 inputs; inputs stay as they are.
    static let W4A16 = CheckpointForm(
        "W4A16", purpose: "least memory at good quality; Turing, Ampere and later; CPU",
        engines: "vLLM, SGLang, TGI, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.integers(bits: 4, isSymmetric: true), scope: .group(128), scale: .bf16),
        takesGroupSize: true, calibration: .feedback,
        layout: [
            .packedRows(".weight_packed"), .scales(".weight_scale", nil), .weightShape,
        ],
        configuration: CompressedTensors.configuration("pack-quantized"))

    /// 4-bit integers with a zero point for each group.
    static let W4A16_ASYM = CheckpointForm(
        "W4A16_ASYM", purpose: "as W4A16, for weights that are not centred",
        engines: "vLLM, SGLang, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.integers(bits: 4, isSymmetric: false), scope: .group(128), scale: .bf16),
        takesGroupSize: true, calibration: .feedback,
        expertFault:
            "engines take experts with symmetric integers only; W4A16 is the same with them",
        alignment: Alignment(rows: 8, reason: "zero points are packed eight outputs to a word"),
        layout: [
            .packedRows(".weight_packed"), .scales(".weight_scale", nil),
            .packedZeroPoints(".weight_zero_point"), .weightShape,
        ],
        configuration: CompressedTensors.configuration("pack-quantized"))

    /// 8-bit integers, a scale for 128 inputs.
    static let W8A16 = CheckpointForm(
        "W8A16", purpose: "half the memory, hardly any loss, any GPU since Turing",
        engines: "vLLM, SGLang, TGI, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.integers(bits: 8, isSymmetric: true), scope: .group(128), scale: .bf16),
        takesGroupSize: true, calibration: .feedback,
        layout: [
            .packedRows(".weight_packed"), .scales(".weight_scale", nil), .weightShape,
        ],
        configuration: CompressedTensors.configuration("pack-quantized"))
}
