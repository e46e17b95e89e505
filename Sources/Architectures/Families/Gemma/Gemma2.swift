import TensorCore

extension ModelFamily {
    /// Gemma 2: Gemma with norms after attention and feed-forward network, capped logits, and
    /// windows in every other layer.
    public static let gemma2 = ModelFamily(
        name: "Gemma2",
        architecture: "gemma2",
        classes: ["Gemma2ForCausalLM"],
        // transformers: Gemma2Config
        defaults: [
            .integer("vocab_size", 256_000), .integer("hidden_size", 2304),
            .integer("intermediate_size", 9216), .integer("num_hidden_layers", 26),
            .integer("num_attention_heads", 8), .integer("num_key_value_heads", 4),
            .integer("head_dim", 256), .integer("max_position_embeddings", 8192),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .integer("query_pre_attn_scalar", 256), .integer("sliding_window", 4096),
            .real("attn_logit_softcapping", 50), .real("final_logit_softcapping", 30),
            .boolean("tie_word_embeddings", true),
        ],
        keys: .gemma + [
            .cap("attn_logit_softcapping"), .cap("final_logit_softcapping"),
            .count("attention.sliding_window", "sliding_window"),
            .slidingLayers(unlessEvery: 2), .rotaryScaling, .unusualRotaryBase,
        ],
        tensors: [.gemma(.gemmaNorms(.plusOne)), .copyOfEmbeddings("lm_head.weight")],
        rotary: .yarnOrDynamic,
        checks: .gemma() + [
            .gemmaAttentionScale(largest: 46),
            .refusing { configuration throws(ArchitectureError) in
                // Readers take 4096 where a file says nothing.
                _ = try configuration.required("sliding_window")
            },
        ],
        tokenizer: .init(keys: { _ in [.init("tokenizer.ggml.add_space_prefix", .bool(false))] }),
        export: .init(
            modelType: "gemma2", presence: [("blk.0.attn_q.bias", "attention_bias")],
            tokenizerClass: "GemmaTokenizer",
            // What the readers of a GGUF file scale scores by.
            computed: { [("query_pre_attn_scalar", .integer($0.gemmaScale(largest: 46)))] }),
        // Norms before and after, soft caps on scores and logits, sliding windows in every other
        // block.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let softCap = try model.positiveNumber("attn_logit_softcapping") ?? 50
            let isLargest = try model.blockCount() == 46
            var decoder = try model.decoder(
                .init(
                    pairing: .halves, hasPostNorms: true, activation: .geluTanh, windowPeriod: 2,
                    scalesEmbeddings: true)
            ) { _, block in
                block.attention.softCap = softCap
                // The 27B model alone divides by the width over the heads; its file does not say so.
                if isLargest {
                    block.attention.scale = model.scaleByWidth(heads: block.attention.headCount)
                }
            }
            decoder.logitSoftCap = try model.positiveNumber("final_logit_softcapping") ?? 30
            return decoder
        })
}

extension ConfigurationExport.Source {
    /// What scores are divided by the root of: the size of a head, and the width shared out among
    /// the heads in the model with `largest` layers.
    func gemmaScale(largest: Int) -> Int {
        if integer("block_count") == largest, let width = integer("embedding_length"),
            let heads = integer("attention.head_count"), heads > 0
        {
            return width / heads
        }
        return integer("attention.key_length") ?? 256
    }
}
