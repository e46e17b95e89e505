import Safetensors
import TensorCore

extension CheckpointForm {
    /// 8-bit floats by channel; inputs are rounded token by token.
    static let FP8_DYNAMIC = CheckpointForm(
        "FP8_DYNAMIC", purpose: "throughput at hardly any loss, without a text; Ada, Hopper",
        engines: "vLLM, SGLang, TensorRT-LLM, TGI, transformers",
        leastGPU: LeastGPU(8.9, otherwise: 7.5, "without FP8 arithmetic"),
        grid: WeightGrid(.e4m3, scope: .channel, scale: .bf16),
        layout: [.bytes(".weight", .F8_E4M3), .scales(".weight_scale", nil)],
        configuration: CompressedTensors.configuration(
            "float-quantized", .token(bits: 8, type: "float")))

    /// 8-bit floats, a scale for the matrix and one for its inputs.
    static let FP8 = CheckpointForm(
        "FP8", aliases: ["FP8_STATIC"], purpose: "as FP8_DYNAMIC without the work for each token",
        engines: "vLLM, SGLang, transformers",
        leastGPU: LeastGPU(8.9, otherwise: 7.5, "without FP8 arithmetic"),
        grid: WeightGrid(.e4m3, scope: .tensor, scale: .bf16),
        layout: [
            .bytes(".weight", .F8_E4M3), .scales(".weight_scale", nil),
            StoredPart(".input_scale", ActivationScale(divisor: 448)),
        ],
        configuration: CompressedTensors.configuration(
            "float-quantized", .tensor(bits: 8, type: "float")))

    /// 8-bit floats, a scale for 128 × 128 weights and for 128 inputs.
    static let FP8_BLOCK = CheckpointForm(
        "FP8_BLOCK", purpose: "the blocks of DeepSeek's models; Hopper, Blackwell",
        engines: "vLLM, SGLang, TensorRT-LLM, transformers",
        leastGPU: LeastGPU(8.9, otherwise: 7.5, "without FP8 arithmetic"),
        grid: WeightGrid(.e4m3, scope: .block(rows: 128, columns: 128), scale: .bf16),
        alignment: .fusedBlocks,
        layout: [.bytes(".weight", .F8_E4M3), .scales(".weight_scale", nil)],
        configuration: CompressedTensors.configuration(
            "float-quantized", .group(bits: 8, size: 128, scaleType: nil)))

    /// The same as DeepSeek-V3 ships them.
    static let FP8_DEEPSEEK = CheckpointForm(
        "FP8_DEEPSEEK", purpose: "as FP8_BLOCK, in the layout of DeepSeek-V3's checkpoints",
        engines: "vLLM, SGLang, TensorRT-LLM, transformers",
        leastGPU: LeastGPU(8.9, otherwise: 7.5, "without FP8 arithmetic"),
        grid: WeightGrid(.e4m3, scope: .block(rows: 128, columns: 128), scale: .f32),
        followsModelType: false, alignment: .fusedBlocks, cacheScales: .none,
        layout: [.bytes(".weight", .F8_E4M3), .scales(".weight_scale_inv", .F32)]
    ) { request in
        CheckpointConfiguration(quantization: [
            "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
            "weight_block_size": [128, 128],
            "modules_to_not_convert": .array(
                (request.ignored + request.towers).map { .string(ByteString($0)) }),
        ])
    }
}

extension CheckpointForm.Alignment {
    /// A merged matrix's blocks must not have rows of two of its parts.
    fileprivate static let fusedBlocks = CheckpointForm.Alignment(
        fusedRows: 128,
        reason: "engines stack it with the matrix behind it, in blocks of 128 rows")
}
