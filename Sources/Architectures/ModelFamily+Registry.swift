extension ModelFamily {
    /// Every family, in the order of their names: the one list, of which all others are made.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .afmoe, .apertus, .arcee, .arctic, .arwkv7, .baichuan, .bailingMoe, .bailingMoe2,
        .bailingMoe3, .bamba, .bert, .bitNet, .bloom, .camembert, .chameleon, .chatGlm, .codeShell,
        .cogVlm, .cohere, .cohere2, .cohere2Moe, .dbrx, .deci, .deepseek, .deepseekV2, .deepseekV3,
        .deepseekV32, .deepseekV4, .deepseekV4Dspark, .dflash, .distilBert, .dots1, .dots3Note,
        .dream, .dspark, .eagle3, .embeddingGemma, .ernie, .ernieMoe, .euroBert, .exaone, .exaone4,
        .exaoneMoe, .falcon, .falconH1, .falconMamba, .gemma, .gemma2, .gemma3, .gemma3n, .gemma4,
        .gemma4Assistant, .gemma4Dspark, .glm, .glm4, .glm4Moe, .glm4MoeLite, .glm4V, .glm5Next,
        .glmMoeDsa, .glmOcr, .gpt2, .gptBigCode, .gptNeoX, .gptOss, .granite, .graniteHybrid,
        .graniteMoe, .graniteSwa, .graniteSwitch, .grok, .groveMoe, .hrmText, .hunyuanDense,
        .hunyuanMoe, .hunyuanV3, .hunyuanV4, .internLM2, .internLM3, .jais, .jais2, .jamba,
        .jinaBert, .kimiK3, .kimiLinear, .kimiVL, .kormo, .laguna, .lfm2, .lfm2Embedding, .lfm2Moe,
        .llada, .lladaMoe, .llama, .llama4, .llamaEmbed, .maincoder, .mamba, .mamba2, .maple,
        .mellum, .miMo2, .miniCPM, .miniCPM3, .miniMax01, .miniMaxM2, .miniMaxM3, .mistral,
        .mistral3, .mixtral, .modernBert, .mpt, .museGlimmer, .museGlimmerAssistant, .nanbeige,
        .nemotron, .nemotronH, .nemotronHPuzzle, .neoBert, .nomicBert, .nomicBertMoe, .olmo, .olmo2,
        .olmo3, .olmoe, .openElm, .orion, .paddleOcr, .panguEmbedded, .phi2, .phi3, .phiMoe, .plamo,
        .plamo2, .plamo3, .plm, .qwen, .qwen2, .qwen2Moe, .qwen2VL, .qwen3, .qwen35, .qwen35Moe,
        .qwen3Asr, .qwen3Moe, .qwen3Next, .qwen3OmniMoe, .qwen3VL, .qwen3VLMoe, .qwen4Exp, .refact,
        .rnd1, .roberta, .ruGpt3XL, .rwkv6, .rwkv6Qwen2, .rwkv7, .sarashina2Vision, .sarvam,
        .seedOss, .smallThinker, .smolLM3, .solarOpen, .spark25, .stableLM, .starCoder2, .step35,
        .t5, .t5Encoder, .talkie, .xlmRoberta, .xverse, .youtu,
    ]
}
