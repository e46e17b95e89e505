extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .arcee, .bert, .cohere, .cohere2, .deepseekV2, .dots1, .ernie, .ernieMoe, .exaone4,
        .falcon, .gemma, .gemma2, .gemma3, .gemma4, .glm4, .gpt2, .gptNeoX, .gptOss, .granite, .graniteMoe,
        .hunyuanDense, .lfm2, .llama, .mistral, .mixtral, .nemotron, .olmo2, .olmo3, .olmoe,
        .mamba, .phi2, .phi3, .qwen2, .qwen2Moe, .qwen3, .qwen35, .qwen35Moe, .qwen3Moe,
        .qwen3Next, .roberta, .seedOss, .smolLM3,
        .stableLM, .starCoder2,
    ]
}
