#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension DecoderMetadata {
    /// The rotation that the `rope` keys describe.
    ///
    /// - Parameter turned: How many elements of a head turn where the metadata do not say.
    func rotary(
        pairing: BlockDescription.Rotary.Pairing, turned: Int, keyLength: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Rotary {
        let dimensionCount = try optionalCount("rope.dimension_count") ?? turned
        guard dimensionCount <= keyLength, dimensionCount % 2 == 0 else {
            throw invalid(
                "rope.dimension_count", expected: "an even number up to the key length \(keyLength)"
            )
        }
        var rotary = BlockDescription.Rotary(
            pairing: pairing, dimensionCount: dimensionCount,
            base: Double(try positiveNumber("rope.freq_base") ?? 10000))
        rotary.factors = present("rope_freqs.weight")
        let scaling = try text("rope.scaling.type")
        switch scaling {
        case nil, "none": break
        case "linear":
            rotary.positionScale = 1 / Double(try positiveNumber("rope.scaling.factor") ?? 1)
        case "yarn":
            let yarn = try yarn()
            rotary.yarn = yarn
            rotary.magnitude = try yarnMagnitude(factor: yarn.factor)
        case "longrope": break
        default:
            throw invalid("rope.scaling.type", expected: "none, linear, yarn or longrope")
        }
        // Files from before the scaling keys hold the linear factor here.
        if scaling == nil, let factor = try positiveNumber("rope.scale_linear") {
            rotary.positionScale = 1 / Double(factor)
        }
        try addLongFactors(to: &rotary)
        return rotary
    }

    /// YaRN's parameters.
    private func yarn() throws(DecoderDescriptionError) -> BlockDescription.YaRN {
        var yarn = BlockDescription.YaRN(
            factor: Double(try positiveNumber("rope.scaling.factor") ?? 1),
            originalContextLength: try count(firstOf: [
                "rope.scaling.original_context_length", "context_length",
            ]))
        if let beta = try positiveNumber("rope.scaling.yarn_beta_fast") {
            yarn.betaFast = Double(beta)
        }
        if let beta = try positiveNumber("rope.scaling.yarn_beta_slow") {
            yarn.betaSlow = Double(beta)
        }
        return yarn
    }

    /// What YaRN multiplies turned elements by: what the file says, otherwise `0.1 ln(factor) + 1`.
    private func yarnMagnitude(factor: Double) throws(DecoderDescriptionError) -> Float {
        for suffix in ["rope.scaling.yarn_attn_factor", "rope.scaling.attn_factor"] {
            if let magnitude = try positiveNumber(suffix) { return magnitude }
        }
        return factor > 1 ? Float(0.1 * log(factor) + 1) : 1
    }

    /// LongRoPE's divisors and magnitude, where the model has the tensors.
    private func addLongFactors(
        to rotary: inout BlockDescription.Rotary
    ) throws(DecoderDescriptionError) {
        guard let long = present("rope_factors_long.weight"),
            let short = present("rope_factors_short.weight")
        else { return }
        rotary.factors = short
        rotary.longFactors = .init(
            long,
            beyond: try count(firstOf: ["rope.scaling.original_context_length", "context_length"]))
        rotary.magnitude = try positiveNumber("rope.scaling.attn_factor") ?? 1
    }
}
