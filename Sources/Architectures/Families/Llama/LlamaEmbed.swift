import TensorCore

extension ModelFamily {
    /// Llama whose tokens see what follows, too, made for embeddings (NVIDIA's Llama Embed Nemotron).
    public static let llamaEmbed = ModelFamily(
        name: "LlamaEmbed",
        architecture: "llama-embed",
        classes: ["LlamaBidirectionalModel"],
        defaults: ownLlamaDefaults,
        keys: llama.keys,
        tensors: llama.tensors,
        rotary: llama.rotary,
        checks: llama.checks,
        tokenizer: .llama,
        decoder: .blocks(.init(pairing: .interleaved, seesAhead: true)))

    /// What Llama's class assumes; a class of the model's own assumes no length of heads.
    static let ownLlamaDefaults: [ConfigurationDefault] =
        llama.defaults.filter { $0.key != "head_dim" } + [
            .computed("head_dim") { configuration in
                guard configuration["model_type"]?.text == "llama",
                    configuration["transformer_layer_config"] == nil,
                    configuration["head_dim"] == nil,
                    let width = configuration["hidden_size"]?.integer,
                    let heads = configuration["num_attention_heads"]?.integer, heads > 0
                else { return nil }
                return .integer(width / heads)
            }
        ]
}
