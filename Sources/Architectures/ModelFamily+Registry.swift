extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .apertus, .arcee, .bert, .cohere, .cohere2, .deepseekV2, .deepseekV3, .distilBert, .dots1,
        .embeddingGemma, .ernie,
        .ernieMoe, .exaone4, .falcon, .gemma, .gemma2, .gemma3, .gemma4, .glm4, .glm4Moe,
        .glm4MoeLite, .gpt2, .gptNeoX, .gptOss, .granite, .graniteMoe, .hunyuanDense, .lfm2, .llama,
        .llama4, .mamba, .miniMaxM2, .mistral, .mistral3, .mixtral, .modernBert,
        .nemotron, .nomicBert, .olmo2, .olmo3,
        .olmoe, .phi2, .phi3, .qwen2, .qwen2Moe, .qwen2VL, .qwen3, .qwen35, .qwen35Moe, .qwen3Moe,
        .qwen3Next, .qwen3VL, .qwen3VLMoe, .roberta, .seedOss, .smolLM3, .stableLM, .starCoder2,
        .t5,
        .t5EncoderOnly, .xlmRoberta,
    ]
}
