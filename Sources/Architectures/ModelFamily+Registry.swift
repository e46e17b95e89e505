extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .cohere, .cohere2, .deepseekV2, .exaone4, .falcon, .gemma, .gemma2, .gemma3, .gpt2,
        .gptNeoX, .gptOss, .granite, .llama, .mistral, .mixtral, .olmo2, .olmo3, .olmoe, .phi2,
        .phi3, .qwen2, .qwen2Moe, .qwen3, .qwen3Moe, .smolLM3, .stableLM, .starCoder2,
    ]
}
