import TensorCore

extension ProjectorFamily {
    /// Gemma 4 Unified: no encoders, but norms and a matrix for patches and one for sound.
    public static let gemma4Unified = ProjectorFamily(
        name: "Gemma4Unified", classes: ["Gemma4UnifiedForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: .withoutLayers + [
                .computed("image_size") { _ in .integer(224) },
                .replacement("hidden_size", by: "mm_embed_dim"),
            ]),
        audio: .init(
            "audio_config",
            defaults: .withoutLayers + [.replacement("hidden_size", by: "audio_embed_dim")],
            isOptional: true),
        keys: .gemma4("gemma4uv", "gemma4ua"),
        spellings: [.init(".pos_norm.", means: ".patch_ln3.")],
        prefixes: ["model.vision_embedder.", "model.embed_vision.", "model.embed_audio."],
        tensors: [
            .init(
                "model.vision_embedder.patch_dense.weight", "v.patch_embd.weight", .planesFirst),
            .init("model.vision_embedder.patch_dense.bias", "v.patch_embd.bias"),
            .init("model.vision_embedder.patch_ln1", "v.patch_norm.1", .planesFirst),
            .init("model.vision_embedder.patch_ln{xid}", "v.patch_norm.{xid}"),
            .init(
                "model.vision_embedder.pos_embedding", "v.position_embd.weight",
                .permuted([1, 0, 2]) { stored, _ in stored.count == 3 ? stored : nil }),
            .init("model.embed_vision.embedding_projection", "mm.input_projection"),
            .init("model.embed_audio.embedding_projection", "mm.a.input_projection"),
        ])
}

extension [ConfigurationDefault] {
    /// What files say of encoders that have no layers.
    fileprivate static let withoutLayers: Self = [
        "intermediate_size", "num_layers", "num_attention_heads",
    ].map { .init(key: $0, source: .computed { _ in .integer(0) }) }
}

extension ProjectorLayout {
    /// Elements of square patches, innermost, from pixels of three colours to three planes of pixels.
    fileprivate static let planesFirst = ProjectorLayout { stored, _ in
        guard let row = stored.last, row % 3 == 0, stored.count <= 2 else { return nil }
        let outputs = stored.dropLast().reduce(1, *)
        return .init(
            view: .reshaped([outputs, row / 3, 3].map { .constant($0) }).permuted([0, 2, 1]),
            shape: stored)
    }
}
