import TensorCore

extension ModelFamily {
    /// GPT-NeoX 20B, Pythia and kin: queries, keys and values in one matrix, head by head.
    public static let gptNeoX = ModelFamily(
        name: "GptNeoX",
        architecture: "gptneox",
        classes: ["GPTNeoXForCausalLM"],
        // transformers: GPTNeoXConfig
        defaults: [
            .integer("vocab_size", 50432), .integer("hidden_size", 6144),
            .integer("intermediate_size", 24576), .integer("num_hidden_layers", 44),
            .integer("num_attention_heads", 64), .integer("max_position_embeddings", 2048),
            .real("layer_norm_eps", 1e-5), .real("rotary_emb_base", 10000),
            .boolean("use_parallel_residual", true),
        ],
        keys: [
            .count("context_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"),
            .blockCount,
            .count("feed_forward_length", "intermediate_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.gptNeoXRotaryDimension()
            },
            .count("attention.head_count", "num_attention_heads"),
            .entries { configuration in
                let isParallel = configuration["use_parallel_residual"]?.boolean ?? true
                return [.init("{arch}.use_parallel_residual", .bool(isParallel))]
            },
            .number("attention.layer_norm_epsilon", "layer_norm_eps"),
            .rotaryScaling, .unusualRotaryBase,
        ],
        tensors: [
            .ends(
                "gpt_neox.embed_in", norm: "gpt_neox.final_layer_norm", normBias: .required,
                output: "embed_out"),
            .blocks(
                of: "gpt_neox.layers.{bid}.", .preNorms(bias: .required),
                .queriesKeysValuesByHead("attention.query_key_value", bias: .optional),
                .init("attention.dense", "attn_output", [.hidden, .hidden], bias: .optional),
                .plainNetwork("mlp.dense_h_to_4h", "mlp.dense_4h_to_h", bias: .required)),
            .ignoring(
                "gpt_neox.layers.{bid}.attention.rotary_emb.cos_cached",
                "gpt_neox.layers.{bid}.attention.rotary_emb.sin_cached"),
        ],
        checkpoint: .init(spellings: [.init("lm_head.", means: "embed_out.")]),
        rotary: .yarnOrDynamic,
        checks: [.activation(["gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh"])],
        export: .init(
            modelType: "gpt_neox",
            presence: [("blk.0.attn_qkv.bias", "attention_bias")], rotaryShare: "rotary_pct"),
        // Layer norms, part of every head turns, attention and network side by side, each behind
        // its own norm.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let isParallel = try model.flag("use_parallel_residual", standard: true)
            return try model.decoder(
                .init(pairing: .halves, norm: .layer, network: .plain, activation: .gelu)
            ) { _, block in
                block.arrangement = isParallel ? .parallel : .sequential
            }
        })

}

extension ModelConfiguration {
    /// How many values of a head turn: a share of it, a quarter unless the file says otherwise.
    func gptNeoXRotaryDimension() throws(ArchitectureError) -> Int {
        var share = try number(["rotary_pct"])
        if share == nil {
            share = try RotaryParameters(self).number("partial_rotary_factor")
        }
        let size = try hiddenSize() / numAttentionHeads()
        let fraction = share ?? 0.25
        guard fraction > 0, fraction <= 1 else {
            throw fault(
                .invalidValue(found: "\(fraction)", expected: "more than 0, at most 1"),
                "rotary_pct")
        }
        return Int(fraction * Double(size))
    }
}
