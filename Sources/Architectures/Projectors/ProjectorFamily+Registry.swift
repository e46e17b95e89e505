extension ProjectorFamily {
    /// Every family, in the order of their names: the one list, of which all others are made.
    ///
    /// A test fails when a file under `Projectors/Families/` is not here.
    public static let all: [ProjectorFamily] = [
        .audioFlamingo3, .bailingMoeV3VL, .cogVLM, .deepseekOCR, .deepseekOCR2, .deepseekV4,
        .dots3Note, .dotsOCR, .exaone45, .gemma3, .gemma3n, .gemma4, .gemma4Unified, .glm4V,
        .glm5Next, .glmASR, .granite4Vision, .graniteSpeech, .hunyuanVL, .internVL, .janus,
        .kimiK25, .kimiVL, .lfm2Audio, .lfm2VL, .lightOnOCR, .llama4, .meralion2,
        .miniCPMV46, .miniMaxM3, .museGlimmer, .paddleOCR, .phi4, .pixtral, .qwen25Omni,
        .qwen2Audio, .qwen2VL, .qwen3ASR, .qwen3Omni, .qwen3VL, .sarashina2Vision, .smolVLM,
        .step3VL, .ultravox, .voxtral, .youtuVL,
    ]
}
