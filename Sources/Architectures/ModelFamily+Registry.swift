extension ModelFamily {
    /// Every family, in the order of their names: the one list, of which all others are made.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .afmoe, .apertus, .arcee, .bailingMoe, .bailingMoe2, .bert, .bloom, .cohere, .cohere2,
        .cohere2Moe, .deepseekV2, .deepseekV3, .deepseekV32, .distilBert, .dots1, .dream,
        .embeddingGemma, .ernie, .ernieMoe, .exaone4, .exaoneMoe, .falcon, .falconH1, .gemma,
        .gemma2, .gemma3, .gemma4, .glm, .glm4, .glm4Moe, .glm4MoeLite, .glmMoeDsa, .gpt2,
        .gptBigCode, .gptNeoX, .gptOss, .granite, .graniteHybrid, .graniteMoe, .graniteSwa,
        .groveMoe, .hunyuanDense, .hunyuanMoe, .hunyuanV3, .kimiLinear, .kimiVL, .laguna, .lfm2,
        .lfm2Moe, .llada, .lladaMoe, .llama, .llama4, .mamba, .mamba2, .mellum, .miMo2,
        .miniMaxM2, .mistral, .mistral3, .mixtral, .modernBert, .mpt, .nemotron, .nemotronH,
        .nomicBert, .olmo, .olmo2, .olmo3, .olmoe, .phi2, .phi3, .phiMoe, .qwen2, .qwen2Moe,
        .qwen2VL, .qwen3, .qwen35, .qwen35Moe, .qwen3Moe, .qwen3Next, .qwen3VL, .qwen3VLMoe,
        .roberta, .seedOss, .smallThinker, .smolLM3, .solarOpen, .stableLM, .starCoder2, .step35,
        .t5, .t5Encoder, .xlmRoberta, .youtu,
    ]
}
