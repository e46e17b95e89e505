import TensorCore

extension DecoderFamily {
    /// Granite 3 and its MoE models: Llama with scaled embeddings, residuals and logits.
    static let granite = DecoderFamily(architectures: ["granite", "granitemoe"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        if try model.optionalCountOrZero("expert_count") ?? 0 > 0 {
            style.experts = ExpertStyle(
                scoring: .softmaxOfChosen, normalisesWeights: false,
                sharedHidden: try model.sharedHidden())
        }
        let residualScale = try model.number("residual_scale") ?? 1
        var decoder = try model.decoder(style) { _, block in block.residualScale = residualScale }
        decoder.embeddingScale = try model.number("embedding_scale") ?? 1
        decoder.logitScale = 1 / (try model.positiveNumber("logit_scale") ?? 1)
        return decoder
    }
}
