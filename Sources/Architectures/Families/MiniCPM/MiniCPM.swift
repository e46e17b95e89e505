import TensorCore

extension ModelFamily {
    /// MiniCPM 1, 2 and 4: Llama's shape with factors on embeddings, residuals and logits.
    public static let miniCPM = ModelFamily(
        name: "MiniCPM",
        architecture: "minicpm",
        classes: ["MiniCPMForCausalLM"],
        // the model's own MiniCPMConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .boolean("tie_word_embeddings", true),
            .real("scale_emb", 1), .real("scale_depth", 1), .integer("dim_model_base", 1),
        ],
        keys: .common + [
            .number("embedding_scale", "scale_emb"),
            .entries { configuration throws(ArchitectureError) in
                let depth = try configuration.number(["scale_depth"]) ?? 1
                let layers = Double(try configuration.numHiddenLayers())
                let base = Double(try configuration.required("dim_model_base"))
                let width = Double(try configuration.hiddenSize())
                return [
                    .init("{arch}.residual_scale", .float32(Float(depth / layers.squareRoot()))),
                    .init("{arch}.logit_scale", .float32(Float(width / base))),
                ]
            },
            .longRopeMagnitude,
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .attention(rotaryPairs: true), .gatedNetwork()),
        ],
        rotary: .longRope(.hidden / .headCount),
        checks: [
            .activation(.silu), .without("attention_bias"), .headsShareWidth,
            .refused(.absent("num_experts")),
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            // What the first models have, whose files do not say it.
            let usual = 1.4 / Float(try model.blockCount()).squareRoot()
            let residualScale = try model.number("residual_scale") ?? usual
            var decoder = try model.decoder(.init(pairing: .interleaved)) { _, block in
                block.residualScale = residualScale
            }
            decoder.embeddingScale = try model.number("embedding_scale") ?? 12
            let width = Float(decoder.embeddingLength)
            decoder.logitScale = 1 / (try model.positiveNumber("logit_scale") ?? width / 256)
            return decoder
        })
}
