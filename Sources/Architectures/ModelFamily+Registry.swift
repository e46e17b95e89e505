extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .llama, .mistral, .qwen2, .qwen3,
    ]
}
