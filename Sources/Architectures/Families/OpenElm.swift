import TensorCore

extension ModelFamily {
    /// OpenELM: heads and networks of another size in every layer, norms of query and key heads.
    public static let openElm = ModelFamily(
        name: "OpenElm",
        architecture: "openelm",
        classes: ["OpenELMForCausalLM"],
        // the model's own OpenELMConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("max_context_length", 2048),
            .same("num_hidden_layers", as: "num_transformer_layers"),
            .same("hidden_size", as: "model_dim"), .integer("head_dim", 128),
            .real("rope_freq_constant", 10000), .integer("ffn_dim_divisor", 256),
            .same("max_position_embeddings", as: "max_context_length"),
            .computed("num_attention_heads") { $0["num_query_heads"]?.array?.first },
            .computed("num_key_value_heads") { $0["num_kv_heads"]?.array?.first },
            .computed("ffn_dims") { $0.openElmWidths() },
        ],
        keys: [
            .blockCount, .count("context_length", "max_context_length"),
            .count("embedding_length", "model_dim"), .counts("feed_forward_length", "ffn_dims"),
            .counts("attention.head_count", "num_query_heads"),
            .counts("attention.head_count_kv", "num_kv_heads"),
            .number("rope.freq_base", "rope_freq_constant"),
            // The configuration has no word for it.
            .constant("attention.layer_norm_rms_epsilon", .float32(1e-6)),
            .wholeHeadTurns, .count("attention.key_length", "head_dim"),
            .count("attention.value_length", "head_dim"), .fileType,
        ],
        tensors: [
            .init("transformer.token_embeddings", "token_embd", [.vocabulary, .hidden]),
            .norm("transformer.norm", "output_norm"),
            .copyOfEmbeddings("lm_head.weight"),
            .blocks(
                of: "transformer.layers.{bid}.", .norm("attn_norm", "attn_norm"),
                .norm("ffn_norm", "ffn_norm"),
                .headNorms("attn.q_norm", "attn.k_norm"),
                .init(
                    "attn.qkv_proj", "attn_qkv",
                    [(.listed("num_query_heads") + 2 * .listed("num_kv_heads")) * .head, .hidden]),
                .init(
                    "attn.out_proj", "attn_output",
                    [.hidden, .listed("num_query_heads") * .head]),
                .gateAndUp(
                    "ffn.proj_1.weight", [2 * .listed("ffn_dims"), .hidden], "ffn_{role}.weight",
                    [.listed("ffn_dims"), .hidden], as: [2, .listed("ffn_dims"), .hidden], axis: 0),
                .init("ffn.proj_2", "ffn_down", [.hidden, .listed("ffn_dims")])),
        ],
        rotary: .unscaled,
        checks: [
            .needing("share_input_output_layers", "normalize_qk_projections", "ffn_with_glu"),
            .text("activation_fn_name", "swish"),
        ],
        decoder: .blocks(.init(pairing: .halves, headNorms: .head)))
}

extension ModelConfiguration {
    /// The widths of the layers' networks: a multiple of the model's each, in steps.
    fileprivate func openElmWidths() -> JSON? {
        guard let width = self["model_dim"]?.integer, (1..<(1 << 32)) ~= width,
            let step = self["ffn_dim_divisor"]?.integer, (1..<(1 << 32)) ~= step,
            let multipliers = self["ffn_multipliers"]?.array?.map(\.double)
        else { return nil }
        let widths = multipliers.map { multiplier -> Int? in
            guard let multiplier, (0...1024).contains(multiplier) else { return nil }
            let exact = multiplier * Double(width)
            let rounded = max(step, Int(exact + Double(step) / 2) / step * step)
            // Rounding does not take away more than a tenth.
            return Double(rounded) < 0.9 * exact ? rounded + step : rounded
        }
        guard !widths.contains(nil) else { return nil }
        return .array(widths.compactMap { $0.map { .integer($0) } })
    }
}
