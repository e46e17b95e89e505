#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension RotaryRules {
    /// LongRoPE with a divisor of the angle for every pair, for short and for long contexts.
    ///
    /// - Parameter dimension: How many elements of a head turn.
    @inline(never)
    static func longRope(_ dimension: Dimension) -> Self {
        Self(yarnOrDynamic.scalings + ["longrope", "su"]) {
            configuration throws(ArchitectureError) in
            let rotary = try RotaryParameters(configuration)
            let long = try rotary.numbers("long_factor") ?? []
            let short = try rotary.numbers("short_factor") ?? []
            guard !long.isEmpty || !short.isEmpty else { return [] }
            let count = try dimension.size(in: configuration) / 2
            for (name, factors) in [("long_factor", long), ("short_factor", short)]
            where factors.count != count {
                throw rotary.invalid(
                    name, found: "\(factors.count) factors",
                    expected: "\(count), one for each pair")
            }
            return [
                .init("rope_factors_long.weight", long.map { Float($0) }),
                .init("rope_factors_short.weight", short.map { Float($0) }),
            ]
        }
    }
}

extension MetadataRule {
    /// What turned elements grow by with LongRoPE, `sqrt(1 + ln(context / original) / ln(original))`;
    /// nothing where the model was trained with its whole context, as readers assume.
    ///
    /// The reference converter leaves it out.
    static let longRopeMagnitude = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let rotary = try RotaryParameters(configuration)
        guard ["longrope", "su"].contains(rotary.type) else { return [] }
        let original = Double(try rotary.originalContext())
        let scale = Double(try configuration.required("max_position_embeddings")) / original
        guard scale > 1, original > 1 else { return [] }
        let magnitude = (1 + log(scale) / log(original)).squareRoot()
        return [.init("{arch}.rope.scaling.attn_factor", .float32(Float(magnitude)))]
    }
}
