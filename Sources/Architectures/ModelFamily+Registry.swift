extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .cohere, .cohere2, .exaone4, .granite, .llama, .mistral, .olmo2, .olmo3, .phi2, .phi3,
        .qwen2, .qwen3, .smolLM3, .stableLM, .starCoder2,
        .deepseekV2, .falcon, .gemma, .gemma2, .gemma3, .gpt2, .gptNeoX, .gptOss, .llama, .mistral,
        .mixtral, .olmoe, .qwen2, .qwen2Moe, .qwen3, .qwen3Moe,
        .arcee, .bert, .cohere, .cohere2, .dots1, .ernie, .ernieMoe, .exaone4, .glm4, .granite,
        .graniteMoe, .hunyuanDense, .lfm2, .llama, .mistral, .nemotron, .olmo2, .olmo3, .phi2,
        .phi3, .qwen2, .qwen3, .roberta, .seedOss, .smolLM3, .stableLM, .starCoder2,
    ]
}
