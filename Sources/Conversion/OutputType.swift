import Quantization
public import Safetensors
import TensorCore

/// The type that a converted file's matrices get.
public enum OutputType: String, Sendable, CaseIterable {
    case f32, f16, bf16
    case q8_0
    /// Ternary: 1.69 or 2.06 bits a weight; embeddings and the output matrix F16.
    case tq1_0, tq2_0
    /// The smallest of F16, BF16 and F32 that loses nothing; see `smallest(holding:)`.
    case auto

    /// The smallest type that holds all values of matrices of these stored types: F16 when all are
    /// F16, BF16 when all are BF16, F32 when they are mixed or wider.
    ///
    /// Types of 8 bits fit both 16-bit types. Values that are computed from codes (`nil`) have no
    /// type of their own and get that of the others, in which their libraries calculate. F64 and
    /// wide integers get F32, the widest type that matrices have in a GGUF file. Nothing at all
    /// gives F16.
    public static func smallest(holding types: some Sequence<DataType?>) -> OutputType {
        var fits: Set<OutputType> = [.f16, .bf16]
        for type in types {
            switch type {
            case nil, .F8_E4M3, .F8_E5M2, .I8, .U8, .BOOL: continue
            case .F16: fits.remove(.bf16)
            case .BF16: fits.remove(.f16)
            default: return .f32
            }
        }
        return fits.contains(.f16) ? .f16 : fits.contains(.bf16) ? .bf16 : .f32
    }

    /// The number stored under `general.file_type`.
    ///
    /// - Parameter method: How the checkpoint's weights are packed: MXFP4 stays MXFP4, whatever
    ///   float type the rest gets.
    /// - Parameter keepsPacked: Whether experts are packed by MXFP4 in whatever file there is.
    func fileType(packedAs method: String?, keepingPacked keepsPacked: Bool = false) -> UInt32 {
        if keepsPacked || method == "mxfp4" && format.blockElementCount == 1 { return 38 }
        return switch self {
        case .f32: 0
        case .f16, .auto: 1
        case .q8_0: 7
        case .tq1_0: 36
        case .tq2_0: 37
        case .bf16: 32
        }
    }

    private var format: Format {
        switch self {
        case .f32: .F32
        case .f16, .auto: .F16
        case .bf16: .BF16
        case .q8_0: .Q8_0
        case .tq1_0: .TQ1_0
        case .tq2_0: .TQ2_0
        }
    }

    /// The format of one tensor: vectors, norms, biases and a few small matrices that inference
    /// needs exact stay F32; F16 stands in where a row is not whole blocks.
    ///
    /// - Parameter name: The tensor's GGUF name.
    func format(ofTensor name: String, rank: Int, rowLength: Int) -> Format {
        let isMatrix = [".weight", ".lora_a", ".lora_b"].contains(where: name.hasSuffix)
        if rank <= 1 || name.hasSuffix("_norm.weight") || !isMatrix { return .F32 }
        let parts = name.split(separator: ".").dropLast()
        let role =
            parts.first == "blk"
            ? parts.dropFirst(2).joined(separator: ".")
            : parts.joined(separator: ".")
        if OutputType.exactRoles.contains(role) { return .F32 }
        let isTernary = self == .tq1_0 || self == .tq2_0
        if isTernary, OutputType.halfRoles.contains(role) { return .F16 }
        return format.fits(rowLength: rowLength) ? format : .F16
    }

    /// The format of a matrix of an adapter or a projector with rows of this length.
    func matrixFormat(rowLength: Int) -> Format {
        format.fits(rowLength: rowLength) ? format : .F16
    }

    /// Matrices that three values would ruin.
    private static let halfRoles: Set<String> = [
        "token_embd", "per_layer_token_embd", "output", "altup_router", "laurel_l", "laurel_r",
    ]

    private static let exactRoles: Set<String> = [
        "ffn_gate_inp", "ffn_gate_inp_shexp", "position_embd", "token_types", "ssm_conv1d",
        "ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v", "shortconv.conv", "time_mix_first",
        "time_mix_w1", "time_mix_w2", "time_mix_decay_w1", "time_mix_decay_w2",
        "time_mix_lerp_fused", "altup_correct_coef", "altup_predict_coef", "indexer.proj",
    ]
}
