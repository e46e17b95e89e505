extension Recipe {
    /// Every recipe, in the order in which help lists them.
    public static let all: [Recipe] = []

    /// The recipe called `name` (case is ignored, aliases count).
    public static func named(_ name: String) -> Recipe? {
        let wanted = name.lowercased()
        return all.first { $0.name.lowercased() == wanted }
            ?? all.first { $0.aliases.contains { $0.lowercased() == wanted } }
    }
}
