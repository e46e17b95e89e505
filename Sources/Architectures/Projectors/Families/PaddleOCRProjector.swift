import TensorCore

extension ProjectorFamily {
    /// PaddleOCR-VL: SigLIP at any resolution.
    public static let paddleOCR = ProjectorFamily(
        name: "PaddleOCR",
        classes: ["PaddleOCRVisionModel", "PaddleOCRVLForConditionalGeneration"],
        vision: .init("vision_config", defaults: [.computed("image_size") { _ in .integer(0) }]),
        keys: [
            .value("clip.vision.image_size") { model throws(ArchitectureError) in
                let pixels = try model.preprocessor.required("max_pixels")
                return try model.preprocessor.uint32(
                    Int(Double(pixels).squareRoot()), "max_pixels")
            }, .type("paddleocr"),
            .count("image_max_pixels", "max_pixels", of: \.preprocessor),
            .count("image_min_pixels", "min_pixels", of: \.preprocessor), .gelu,
            .epsilon("rms_norm_eps", or: 1e-6),
        ],
        spellings: [
            .init("model.visual.vision_model.", means: "vision_model."),
            .init("visual.vision_model.", means: "vision_model."),
        ],
        prefixes: ["vision_model.", "mlp_AR."],
        ignored: ["packing_position_embedding", "vision_model.head"],
        tensors: [
            .siglip("vision_model."), .init("mlp_AR.pre_norm", "mm.input_norm"),
            .init("mlp_AR.linear_{xid}", "mm.{xid}"),
        ])
}
