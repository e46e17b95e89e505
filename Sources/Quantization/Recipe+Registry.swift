extension Recipe {
    /// Every recipe, in the order in which help lists them.
    public static let all: [Recipe] = [
        .F32, .F16, .BF16,
        .Q1_0, .Q2_0, .Q4_0, .Q4_1, .Q5_0, .Q5_1, .Q8_0,
        .Q2_K, .Q2_K_S, .Q3_K_S, .Q3_K_M, .Q3_K_L, .Q4_K_S, .Q4_K_M, .Q5_K_S, .Q5_K_M, .Q6_K,
        .IQ1_S, .IQ1_M, .IQ2_XXS, .IQ2_XS, .IQ2_S, .IQ2_M,
        .IQ3_XXS, .IQ3_XS, .IQ3_S, .IQ3_M, .IQ4_NL, .IQ4_XS,
        .TQ1_0, .TQ2_0, .MXFP4_MOE,
        .COPY,
    ]

    /// The recipe called `name` (case is ignored, aliases and file type numbers count).
    public static func named(_ name: String) -> Recipe? {
        let wanted = name.lowercased()
        if let number = UInt32(name) { return all.first { $0.fileType == number } }
        return all.first { $0.name.lowercased() == wanted }
            ?? all.first { $0.aliases.contains { $0.lowercased() == wanted } }
    }

    /// The recipe called `name`.
    ///
    /// Throws with the nearest names when there is none, and says so when the name is a format's
    /// that no model is quantized to.
    public static func parse(_ name: String) throws(RecipeError) -> Recipe {
        if let recipe = named(name) { return recipe }
        if let format = Format.named(name),
            format.insteadOfRecipe != nil || format.encode == nil
        {
            throw RecipeError(.notWritable(format.name))
        }
        let names = all.flatMap { [$0.name] + $0.aliases }
        throw RecipeError(.unknownType(name, nearest: nearestNames(to: name, among: names)))
    }
}
