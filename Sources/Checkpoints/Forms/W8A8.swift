import Safetensors

extension CheckpointForm {
    /// 8-bit integers by channel; inputs are rounded token by token.
    static let W8A8 = CheckpointForm(
        "W8A8", aliases: ["INT8"], purpose: "throughput in INT8 on Turing, Ampere and CPU",
        engines: "vLLM, SGLang, TGI, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.integers(bits: 8, isSymmetric: true), scope: .channel, scale: .bf16),
        layout: [.bytes(".weight", .I8), .scales(".weight_scale", nil)],
        configuration: CompressedTensors.configuration(
            "int-quantized", .token(bits: 8, type: "int")))

    /// 8-bit integers by channel; inputs are rounded by one scale for each layer.
    static let W8A8_STATIC = CheckpointForm(
        "W8A8_STATIC", purpose: "as W8A8 without the work for each token; loses more",
        engines: "vLLM, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.integers(bits: 8, isSymmetric: true), scope: .channel, scale: .bf16),
        expertFault: "engines round the inputs of experts token by token; W8A8 does that",
        layout: [
            .bytes(".weight", .I8), .scales(".weight_scale", nil),
            StoredPart(".input_scale", ActivationScale(divisor: 127.5)),
        ],
        configuration: CompressedTensors.configuration(
            "int-quantized", .tensor(bits: 8, type: "int")))
}
