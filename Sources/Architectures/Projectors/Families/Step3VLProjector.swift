import TensorCore

extension ProjectorFamily {
    /// Step3-VL and Step 3.7: an encoder in OpenCLIP's words, thinned out twice.
    public static let step3VL = ProjectorFamily(
        name: "Step3VL",
        classes: ["StepVLForConditionalGeneration", "Step3p7ForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .computed("intermediate_size") { vision in
                    guard (vision["intermediate_size"]?.integer ?? 0) == 0 else { return nil }
                    let width = vision["hidden_size"]?.double ?? vision["width"]?.double ?? 0
                    let factor = vision["mlp_ratio"]?.double ?? 8960 / 1536
                    let size = (width * factor).rounded(.toNearestOrEven)
                    return size > 0 && size < 1e9 ? .integer(Int(size)) : nil
                }
            ]),
        keys: [
            .checking { model throws(ArchitectureError) in
                let stride = try model.whole.integer(["understand_projector_stride"]) ?? 2
                guard stride == 2 else {
                    throw model.whole.fault(
                        .notExpressible(
                            found: "\(stride)", expected: "2", architecture: "clip"),
                        "understand_projector_stride")
                }
            }, .type("step3vl"), .epsilon(or: 1e-5), .constant("projector.scale_factor", 4),
            .constant("preproc_image_size", 3024),
        ],
        spellings: [
            .init("model.vision_model.", means: "vision_model."),
            .init("model.vit_large_projector.", means: "vit_large_projector."),
            .init("attn.in_proj_", means: "attn.in_proj."), .init(".gamma", means: ".weight"),
        ],
        prefixes: ["vision_model.", "vit_large_projector."],
        tensors: [
            .init("vision_model.conv1", "v.patch_embd"),
            .init("vision_model.positional_embedding", "v.position_embd.weight"),
            .init("vision_model.class_embedding", "v.class_embd"),
            .init("vision_model.ln_pre", "v.pre_ln"), .init("vision_model.ln_post", "v.post_ln"),
            .blocks(
                "vision_model.transformer.resblocks.{bid}.",
                [
                    ("attn.in_proj", "attn_qkv"), ("attn.out_proj", "attn_out"), ("ln_1", "ln1"),
                    ("ln_2", "ln2"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down"),
                    ("ls_1", "ls1"), ("ls_2", "ls2"),
                ]), .init("vision_model.vit_downsampler1", "mm.0"),
            .init("vision_model.vit_downsampler2", "mm.1"),
            .init("vit_large_projector", "mm.model.fc"),
        ],
        formats: [
            .output(".position_embd.", .f32), .output("mm.0.weight", .f16OrF32),
            .output("mm.1.weight", .f16OrF32),
        ],
        preprocessing: [
            .numbers("image_mean", [0.48145466, 0.4578275, 0.40821073]),
            .numbers("image_std", [0.26862954, 0.26130258, 0.27577711]),
        ])
}

extension ConfigurationDefault {
    /// A constant list of numbers.
    static func numbers(_ key: String, _ values: [Double]) -> Self {
        .init(key: key, source: .constant(.array(values.map { .real($0) })))
    }
}
