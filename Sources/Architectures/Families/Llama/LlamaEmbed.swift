extension ModelFamily {
    /// Llama whose tokens see what follows, too, made for embeddings (NVIDIA's Llama Embed Nemotron).
    public static let llamaEmbed = ModelFamily(
        name: "LlamaEmbed",
        architecture: "llama-embed",
        classes: ["LlamaBidirectionalModel"],
        defaults: llama.defaults,
        keys: llama.keys,
        tensors: llama.tensors,
        rotary: llama.rotary,
        checks: llama.checks,
        tokenizer: .llama,
        decoder: .blocks(.init(pairing: .interleaved, seesAhead: true)))
}
