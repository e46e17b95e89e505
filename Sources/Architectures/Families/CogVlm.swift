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
                .preNorms(), attention, .gatedNetwork("mlp.language_mlp"),
                // What the places of pictures take, which the reference converter leaves out.
                .ignoring(
                    "self_attn.rotary_emb.inv_freq", "self_attn.vision_expert_dense.weight",
                    "self_attn.vision_expert_query_key_value.weight",
                    "self_attn.vision_expert_query_key_value.bias",
                    "mlp.vision_mlp.gate_proj.weight", "mlp.vision_mlp.up_proj.weight",
                    "mlp.vision_mlp.down_proj.weight")),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(.silu), .headsShareWidth],
        tokenizer: .llama,
        decoder: .blocks(.init(pairing: .halves)))

    private static let attention: TensorModules = [
        .init(
            "self_attn.language_expert_query_key_value", "attn_qkv",
            [.hidden + 2 * .keyValueHeads, .hidden], bias: .optional),
        .init("self_attn.language_expert_dense", "attn_output", [.hidden, .hidden]),
    ]
}
