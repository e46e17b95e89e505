import Quantization
import Safetensors
import TensorCore

/// The type that a converted file's matrices get.
public enum OutputType: String, Sendable, CaseIterable {
    case f32, f16, bf16
    case q8_0
    /// BF16 or F16, whichever the first matrix of such a type in the checkpoint has.
    case auto

    /// The type for a checkpoint; `auto` looks at its tensors in order.
    func resolved(for entries: [Checkpoint.Entry]) -> OutputType {
        guard self == .auto else { return self }
        let first = entries.lazy.map(\.tensor).first {
            $0.shape.rank >= 2 && ($0.dataType == .BF16 || $0.dataType == .F16)
        }
        return first?.dataType == .BF16 ? .bf16 : .f16
    }

    /// The number stored under `general.file_type`.
    ///
    /// - Parameter method: How the checkpoint's weights are packed: MXFP4 stays MXFP4, whatever
    ///   float type the rest gets.
    func fileType(packedAs method: String?) -> UInt32 {
        if method == "mxfp4", self != .q8_0 { return 38 }
        return switch self {
        case .f32: 0
        case .f16, .auto: 1
        case .q8_0: 7
        case .bf16: 32
        }
    }

    private var format: Format {
        switch self {
        case .f32: .F32
        case .f16, .auto: .F16
        case .bf16: .BF16
        case .q8_0: .Q8_0
        }
    }

    /// The format of one tensor: vectors, norms, biases and a few small matrices that inference
    /// needs exact stay F32; F16 stands in where a row is not whole blocks.
    ///
    /// - Parameter name: The tensor's GGUF name.
    func format(ofTensor name: String, rank: Int, rowLength: Int) -> Format {
        if rank <= 1 || name.hasSuffix("_norm.weight") || !name.hasSuffix(".weight") { return .F32 }
        let parts = name.split(separator: ".").dropLast()
        let role =
            parts.first == "blk"
            ? parts.dropFirst(2).joined(separator: ".")
            : parts.joined(separator: ".")
        if OutputType.exactRoles.contains(role) { return .F32 }
        return format.fits(rowLength: rowLength) ? format : .F16
    }

    private static let exactRoles: Set<String> = [
        "ffn_gate_inp", "ffn_gate_inp_shexp", "position_embd", "token_types", "ssm_conv1d",
        "ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v", "shortconv.conv", "time_mix_first",
        "time_mix_w1", "time_mix_w2", "time_mix_decay_w1", "time_mix_decay_w2",
        "time_mix_lerp_fused", "altup_correct_coef", "altup_predict_coef",
    ]
}
