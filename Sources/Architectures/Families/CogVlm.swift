import TensorCore

extension ModelFamily {
    /// CogVLM 1 and 2: Llama's shape with a second set of matrices in every layer for the places of
    /// pictures, which texts do without.
    public static let cogVlm = ModelFamily(
        name: "CogVlm",
        architecture: "cogvlm",
        classes: ["CogVLMForCausalLM"],
        // the model's own CogVLMConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_multi_query_heads"),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
        ],
        keys: .common + .llama,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), attention("language_expert_", ""), network("language_mlp", ""),
                attention("vision_expert_", "vis_"), network("vision_mlp", "vis_"),
                .ignoring("self_attn.rotary_emb.inv_freq")),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(.silu), .headsShareWidth],
        tokenizer: .llama,
        decoder: .blocks(.init(pairing: .halves)))

    private static func attention(_ source: String, _ prefix: String) -> TensorModules {
        [
            .init(
                "self_attn.\(source)query_key_value", "\(prefix)attn_qkv",
                [.hidden + 2 * .keyValueHeads, .hidden], bias: .optional),
            .init("self_attn.\(source)dense", "\(prefix)attn_output", [.hidden, .hidden]),
        ]
    }

    private static func network(_ source: String, _ prefix: String) -> TensorModules {
        let names = prefix.isEmpty ? "ffn_" : prefix
        return [
            .init("mlp.\(source).gate_proj", "\(names)gate", [.feedForward, .hidden]),
            .init("mlp.\(source).up_proj", "\(names)up", [.feedForward, .hidden]),
            .init("mlp.\(source).down_proj", "\(names)down", [.hidden, .feedForward]),
        ]
    }
}
