import TensorCore

extension DecoderFamily {
    /// DeepSeek-V2 and V3: queries, keys and values from latent rows, dense blocks first, then
    /// experts with shared ones; V3 chooses by sigmoid scores with a bias, among the best groups.
    static let deepSeek2 = DecoderFamily(architectures: ["deepseek2"]) {
        model throws(DecoderDescriptionError) in
        var style = DecoderStyle(pairing: .interleaved)
        if try model.optionalCountOrZero("expert_count") ?? 0 > 0 {
            style.experts = ExpertStyle(
                normalisesWeights: false, sharedHidden: try model.sharedHidden())
        }
        return try model.latentDecoder(style)
    }
}
