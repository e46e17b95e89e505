import Safetensors
import TensorCore

extension CheckpointForm {
    /// 4-bit integers with zero points in AWQ's layout for its `gemm` kernels.
    static let AWQ = CheckpointForm(
        "AWQ", purpose: "4 bits for engines that read AWQ",
        engines: "vLLM, SGLang, TGI, transformers", leastGPU: LeastGPU(7.5),
        grid: WeightGrid(.integers(bits: 4, isSymmetric: false), scope: .group(128), scale: .f16),
        followsModelType: false, takesGroupSize: true, calibration: .scaledColumns,
        alignment: Alignment(rows: 8, reason: "eight outputs are packed in a word"),
        cacheScales: .none, layout: [.awqCodes, .awqZeroPoints, .transposedScales(.F16)]
    ) { request in
        let size = if case .group(let size) = request.grid.scope { size } else { -1 }
        return CheckpointConfiguration(quantization: [
            "quant_method": "awq", "bits": 4, "group_size": .integer(size), "zero_point": true,
            "version": "gemm",
            "modules_to_not_convert": .array(
                (request.ignored + request.towers).map { .string(ByteString($0)) }),
        ])
    }
}
