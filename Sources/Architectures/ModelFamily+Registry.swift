extension ModelFamily {
    /// Every family, in the order of their names.
    ///
    /// A test fails when a file under `Families/` is not here.
    public static let all: [ModelFamily] = [
        .arcee, .bert, .cohere, .cohere2, .dots1, .ernie, .ernieMoe, .exaone4, .glm4, .granite,
        .graniteMoe, .hunyuanDense, .lfm2, .llama, .mistral, .nemotron, .olmo2, .olmo3, .phi2,
        .phi3, .qwen2, .qwen3, .roberta, .seedOss, .smolLM3, .stableLM, .starCoder2,
    ]
}
