import TensorCore

extension ConfigurationExport {
    /// How files of Gemma 4 are exported.
    static let gemma4 = Self(
        modelType: "gemma4_text",
        words: [
            "attention.key_length": "global_head_dim", "attention.key_length_swa": "head_dim",
            "attention.shared_kv_layers": "num_kv_shared_layers",
            "embedding_length_per_layer_input": "hidden_size_per_layer_input",
            "expert_used_count": "top_k_experts", "attention.head_count_kv": nil,
            "feed_forward_length": nil,
        ], turnsByLayerType: true,
        tokenizerClass: "GemmaTokenizer",
        computed: { source in
            let rows = source.shape("per_layer_token_embd.weight")?.first
            return gemma4Widths(source) + gemma4Heads(source) + [
                ("rope_parameters", gemma4Rotation(source)),
                ("enable_moe_block", .bool(source.anyBlock(has: "ffn_gate_inp.weight"))),
            ] + (rows.map { [("vocab_size_per_layer_input", .integer($0))] } ?? [])
        })

    /// One width, or one of which the layers that share keys have twice.
    private static func gemma4Widths(_ source: Source) -> [Entry] {
        guard let widths = source.value("feed_forward_length") else { return [] }
        return [
            (
                "intermediate_size",
                (widths.integers?.first ?? widths.integer).map { .integer($0) } ?? .null
            ),
            ("use_double_wide_mlp", .bool(widths.integers != nil)),
        ]
    }

    /// How many key heads layers have, and whether their keys are values, too: where layers that see
    /// everything and make keys make no values.
    private static func gemma4Heads(_ source: Source) -> [Entry] {
        guard let heads = source.value("attention.head_count_kv"),
            case .bools(let slides)? = source.value("attention.sliding_window_pattern")
        else { return [] }
        let full = slides.indices.filter { !slides[$0] }
        let keysAreValues = full.contains {
            source.hasTensor("blk.\($0).attn_k.weight")
                && !source.hasTensor("blk.\($0).attn_v.weight")
        }
        var entries: [Entry] = [("attention_k_eq_v", .bool(keysAreValues))]
        guard let counts = heads.integers else {
            return entries + [("num_key_value_heads", heads.json ?? .null)]
        }
        let local = slides.firstIndex(of: true).flatMap {
            counts.indices.contains($0) ? counts[$0] : nil
        }
        let global = full.first.flatMap { counts.indices.contains($0) ? counts[$0] : nil }
        guard let global else { return entries }
        entries.append(("num_key_value_heads", .integer(local ?? global)))
        guard !keysAreValues, let length = source.integer("attention.key_length") else {
            return entries + [("num_global_key_value_heads", .integer(global))]
        }
        let changes: JSON = ["head_dim": .integer(length), "num_key_value_heads": .integer(global)]
        entries.append(
            (
                "per_layer_config",
                .object(full.map { .init(key: ByteString("\($0)"), value: changes) })
            ))
        return entries
    }

    /// The bases of both kinds of layers, and the part of a head that turns in those that see
    /// everything: pairs that do not have a divisor that leaves next to nothing.
    private static func gemma4Rotation(_ source: Source) -> JSON {
        let divisors = (try? source.tensor("rope_freqs.weight")) ?? []
        let turning = divisors.count { $0 == 1 }
        var share = divisors.isEmpty ? 1 : Double(turning) / Double(divisors.count)
        if Int(Double(2 * divisors.count) * share / 2) < turning { share = share.nextUp }
        return [
            "sliding_attention": [
                "rope_type": "default",
                "rope_theta": source.value("rope.freq_base_swa")?.json ?? .real(10000),
            ],
            "full_attention": [
                "rope_type": "proportional", "partial_rotary_factor": .real(share),
                "rope_theta": source.value("rope.freq_base")?.json ?? .real(1_000_000),
            ],
        ]
    }
}
