extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .cohere, .cohere2, .exaone4, .granite, .llama, .mistral, .olmo2, .olmo3, .phi2, .phi3,
        .qwen2, .qwen3, .smolLM3, .stableLM, .starCoder2,
    ]
}
