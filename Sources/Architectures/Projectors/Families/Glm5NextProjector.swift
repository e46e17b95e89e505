import TensorCore

extension ProjectorFamily {
    /// GLM 5.3 Flash: GLM-4V's encoder with norms of heads and limits of its networks.
    public static let glm5Next = ProjectorFamily(
        name: "Glm5Next", classes: ["Glm5NextForConditionalGeneration"],
        vision: .qwen3VL(["vision_config"]),
        keys: [
            .type("glm5v"), .activation(isLenient: true), .epsilon("rms_norm_eps", or: 1e-5),
            .count("spatial_merge_size", "spatial_merge_size", of: \.vision, or: 2),
            .value("clip.vision.swiglu_clamp") { model throws(ArchitectureError) in
                try model.vision?.number(["swiglu_limit"]).map { .float32(Float($0)) }
            }, .pixels("image_min_pixels", "min_image_tokens"),
            .pixels("image_max_pixels", "max_image_tokens"),
        ],
        spellings: [.init("model.visual.", means: "visual.")], prefixes: ["visual."],
        tensors: .glm4V)
}

extension ProjectorKey {
    /// Pixels of as many tokens as pictures are made into.
    fileprivate static func pixels(_ key: String, _ word: String) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            let files = model.preprocessor
            guard let tokens = try files.integer([word]) else { return nil }
            let patch = try files.integer(["patch_size"]) ?? 14
            let merge = try files.integer(["merge_size"]) ?? 2
            let side = patch.multipliedReportingOverflow(by: merge)
            let area = side.partialValue.multipliedReportingOverflow(by: side.partialValue)
            let pixels = tokens.multipliedReportingOverflow(by: area.partialValue)
            let isTooMuch = side.overflow || area.overflow || pixels.overflow
            return try files.uint32(isTooMuch ? -1 : pixels.partialValue, word)
        }
    }
}
