import TensorCore

extension ProjectorFamily {
    /// Janus Pro, of which the part that understands pictures is kept.
    public static let janus = ProjectorFamily(
        name: "Janus", classes: ["JanusForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("hidden_size", 1024), .integer("num_hidden_layers", 24),
                .integer("num_attention_heads", 16), .integer("image_size", 384),
                .integer("patch_size", 16), .text("hidden_act", "gelu"), .real("mlp_ratio", 4),
                .computed("intermediate_size") { vision in
                    guard vision["intermediate_size"] == nil,
                        let width = vision["hidden_size"]?.double,
                        let ratio = vision["mlp_ratio"]?.double, width * ratio < 1e9
                    else { return nil }
                    return .integer(Int((width * ratio).rounded(.toNearestOrEven)))
                },
            ]),
        keys: [.type("janus_pro"), .epsilon(or: 1e-6), .activation(isLenient: true)],
        spellings: [
            .init("model.vision_model.", means: "vision_model."),
            .init("model.aligner.", means: "aligner."),
        ],
        prefixes: ["vision_model.", "aligner."],
        tensors: [
            .siglip("vision_model."),
            .init(
                "vision_model.encoder.layers.{bid}.self_attn.projection_layer",
                "v.blk.{bid}.attn_out"), .init("aligner.fc1", "mm.0"),
            .init(
                "aligner.hidden_layers.{xid}", "mm.{xid}",
                number: { index, _ in index + 1 }),
        ])
}
