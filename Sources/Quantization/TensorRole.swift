import TensorCore

/// What a tensor does in a model, as far as recipes tell tensors apart.
///
/// Told from the GGUF name alone, so that a new family needs no word here.
enum TensorRole: Sendable, Hashable {
    case output
    case tokenEmbedding
    case attentionQuery
    case attentionKey
    /// The value projection, alone or joined with query and key, or expanded from a latent: an
    /// error here reaches the output unattenuated, so recipes give it more bits.
    case attentionValue
    case attentionOutput
    case feedForwardUp
    case feedForwardGate
    case feedForwardDown
    case other

    /// The role of the tensor called `name`.
    init(name: String) {
        self =
            switch name {
            case "output.weight": .output
            case "token_embd.weight", "per_layer_token_embd.weight": .tokenEmbedding
            default: Self.parts.first { contains(name, $0.part) }?.role ?? .other
            }
    }

    /// Parts of a name that tell the role; the first that matches decides.
    private static let parts: [(part: String, role: TensorRole)] = [
        ("attn_qkv.weight", .attentionValue),
        ("attn_kv_b.weight", .attentionValue),
        ("attn_v.weight", .attentionValue),
        ("attn_k.weight", .attentionKey),
        ("attn_q.weight", .attentionQuery),
        ("attn_output.weight", .attentionOutput),
        ("ffn_up", .feedForwardUp),
        ("ffn_gate", .feedForwardGate),
        ("ffn_down", .feedForwardDown),
    ]
}

extension RecipeModel.Tensor {
    /// What the tensor does.
    var role: TensorRole { TensorRole(name: name) }

    /// Whether tensors of this kind are quantized: matrices and stacks of matrices called
    /// `….weight`, but for those that are small, looked up by position, or decide a route.
    public var isQuantizable: Bool {
        // A matrix of one row counts as a vector, as in GGUF, where trailing ones are no dimension.
        shape.dimensions.drop { $0 == 1 }.count >= 2
            && name.utf8.reversed().starts(with: "weight".utf8.reversed())
            && !Self.keptNames.contains(name)
            && !Self.keptParts.contains { contains(name, $0) }
    }

    /// How many matrices are stacked in the tensor: the experts of a layer.
    var matrixCount: Int {
        let dimensions = shape.dimensions
        return dimensions.count > 2 ? dimensions[dimensions.count - 3] : 1
    }

    private static let keptNames: Set<String> = ["position_embd.weight", "token_types.weight"]

    private static let keptParts: [String] = [
        "_norm.weight",
        // Routers of experts and tables from tokens to experts.
        "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight",
        // Gemma 3n: 4 by 4 predictors, low-rank corrections, the projection to layer embeddings.
        "altup", "laurel", "per_layer_model_proj",
        // Short convolutions.
        "ssm_conv1d", "shortconv.conv.weight",
        // Indexers of sparse attention.
        "indexer.k_proj.weight", "indexer.q_proj.weight",
        // RWKV: the low-rank parts of time mixing.
        "time_mix_first.weight",
        "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight",
        "time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight",
        "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
        "time_mix_g1.weight", "time_mix_g2.weight",
        "time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight",
        // T5: biases by relative position.
        "attn_rel_b.weight",
        // Parts of image and sound encoders.
        ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd",
        ".patch_merger", "a.rvq.codebook", "mm.a.code_embd",
    ]
}

/// Whether the bytes of `part` stand somewhere in `text`.
///
/// O(text × part), both are short.
private func contains(_ text: String, _ part: String) -> Bool {
    var rest = text.utf8[...]
    while rest.count >= part.utf8.count {
        if rest.starts(with: part.utf8) { return true }
        rest = rest.dropFirst()
    }
    return false
}
