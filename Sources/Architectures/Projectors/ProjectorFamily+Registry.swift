extension ProjectorFamily {
    /// Every family, in the order of their names: the one list, of which all others are made.
    ///
    /// A test fails when a file under `Projectors/Families/` is not here.
    public static let all: [ProjectorFamily] = [
        .audioFlamingo3, .deepseekOCR, .dotsOCR, .exaone45, .gemma3, .glm4V, .glmASR,
        .hunyuanVL, .internVL, .janus, .kimiK25, .kimiVL, .lfm2VL, .lightOnOCR, .llama4,
        .meralion2, .miniCPMV46, .paddleOCR, .pixtral, .qwen25Omni, .qwen2Audio, .qwen2VL,
        .qwen3ASR, .qwen3Omni, .qwen3VL, .smolVLM, .ultravox, .voxtral, .youtuVL,
    ]
}
