import TensorCore

extension ProjectorFamily {
    /// GLM-4.1V, 4.5V and GLM-OCR.
    public static let glm4V = ProjectorFamily(
        name: "Glm4V",
        classes: [
            "Glm4vForConditionalGeneration", "Glm4vMoeForConditionalGeneration",
            "GlmOcrForConditionalGeneration",
        ],
        vision: .qwen3VL(["vision_config"]),
        keys: [.type("glm4v"), .activation(isLenient: true), .epsilon("rms_norm_eps", or: 1e-5)],
        spellings: [.init("model.visual.", means: "visual.")], prefixes: ["visual."],
        tensors: .glm4V)
}

extension ProjectorTensors {
    /// GLM-4V's encoder and merger.
    static let glm4V: Self = [
        .qwen3VLEncoder, .init("visual.post_conv_layernorm", "v.norm_embd"),
        .init("visual.embeddings.position_embedding", "v.position_embd"),
        .init("visual.post_layernorm", "v.post_ln"),
        .init("visual.downsample", "mm.patch_merger"),
        .init("visual.merger.proj", "mm.model.fc"),
        .init("visual.merger.post_projection_norm", "mm.post_norm"),
        .init("visual.merger.gate_proj", "mm.gate"), .init("visual.merger.up_proj", "mm.up"),
        .init("visual.merger.down_proj", "mm.down"),
    ]
}
