import Safetensors
import TensorCore

extension CheckpointForm {
    /// 4-bit integers in the first version of GPTQ's layout, columns in their order.
    static let GPTQ = gptq(bits: 4, "GPTQ", "4 bits for engines that read GPTQ")
    /// The same with 8 bits.
    static let GPTQ_8BIT = gptq(bits: 8, "GPTQ_8BIT", "8 bits for engines that read GPTQ")

    private static func gptq(bits: Int, _ name: String, _ purpose: String) -> CheckpointForm {
        CheckpointForm(
            name, purpose: purpose,
            engines: "vLLM, SGLang, TGI, TensorRT-LLM, transformers with gptqmodel",
            leastGPU: LeastGPU(6.0),
            grid: WeightGrid(
                .integers(bits: bits, isSymmetric: true), scope: .group(128), scale: .f16),
            followsModelType: false, takesGroupSize: true, calibration: .feedback,
            alignment: Alignment(
                rows: 32, columns: 32, reason: "codes and zero points are packed in words"),
            cacheScales: .none,
            layout: [.gptqCodes, .gptqZeroPoints, .transposedScales(.F16), .groupIndex]
        ) { request in
            let size = if case .group(let size) = request.grid.scope { size } else { -1 }
            var members: [(String, JSON)] = [
                ("quant_method", "gptq"), ("bits", .integer(bits)), ("group_size", .integer(size)),
                ("desc_act", false), ("sym", true), ("lm_head", false),
                ("checkpoint_format", "gptq"), ("true_sequential", false),
                ("damp_percent", .real(0.01)),
            ]
            // Layers outside the blocks are never quantized.
            let left =
                request.ignored.filter { $0 != "lm_head" }.map { "-:^\(escaped($0))$" }
                + request.towers.map { "-:(^|.*\\.)\(escaped($0))\\..*" }
            if !left.isEmpty {
                members.append(
                    (
                        "dynamic",
                        .object(left.map { .init(key: ByteString($0), value: .object([])) })
                    ))
            }
            let configuration = JSON.object(
                members.map { .init(key: ByteString($0.0), value: $0.1) })
            return CheckpointConfiguration(
                quantization: configuration, file: ("quantize_config.json", configuration))
        }
    }

    /// A module's name as a regular expression.
    private static func escaped(_ name: String) -> String {
        name.reduce("") { $1 == "." ? $0 + "\\." : $0 + String($1) }
    }
}
