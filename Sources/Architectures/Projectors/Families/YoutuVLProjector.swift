import TensorCore

extension ProjectorFamily {
    /// Youtu-VL: SigLIP 2 with windows.
    public static let youtuVL = ProjectorFamily(
        name: "YoutuVL", classes: ["YoutuVLForConditionalGeneration"],
        vision: .init("vision_config", defaults: [.integer("image_size", 560)]),
        keys: [
            .type("youtuvl"), .epsilon(or: 1e-6),
            .init { model throws(ArchitectureError) in
                let name = model.vision?["hidden_act"]?.text ?? "gelu_pytorch_tanh"
                if name == "silu" { return try ProjectorKey.silu.make(model) }
                guard name.hasPrefix("gelu") else {
                    throw model.whole.fault(
                        .notExpressible(
                            found: "\"\(name)\"", expected: "gelu or silu", architecture: "clip"),
                        "vision_config.hidden_act")
                }
                return try ProjectorKey.gelu.make(model)
            },
            .count("spatial_merge_size", "spatial_merge_size", of: \.vision, or: 2),
            .count("window_size", "window_size", of: \.vision),
            .value("clip.vision.wa_layer_indexes") { model throws(ArchitectureError) in
                guard let layers = try model.vision?.integers("fullatt_block_indexes") else {
                    throw model.whole.fault(.missingKey, "vision_config.fullatt_block_indexes")
                }
                return .int32s(layers.map { Int32(clamping: $0) })
            },
        ],
        prefixes: ["siglip2.", "merger."], ignored: ["embeddings.position_embedding"],
        tensors: [
            .siglip("siglip2.vision_model."), .init("merger.ln_q", "mm.input_norm"),
            .init("merger.mlp.{xid}", "mm.{xid}"),
        ])
}
