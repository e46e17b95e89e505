import TensorCore

extension ProjectorFamily {
    /// Qwen 2-VL and 2.5-VL: kernels over two frames, and queries, keys and values in one.
    public static let qwen2VL = ProjectorFamily(
        name: "Qwen2VL",
        classes: [
            "Qwen2VLForConditionalGeneration", "Qwen2VLModel", "Qwen2_5_VLForConditionalGeneration",
        ],
        vision: .qwen2VL(["vision_config"]),
        keys: [.qwen2VLKind, .epsilonOfWhole],
        spellings: [.init("model.visual.", means: "visual.")], prefixes: ["visual."],
        tensors: .qwen2VL)
}

extension ProjectorKey {
    /// The kind of Qwen 2-VL, by `model_type`, with what newer kinds have.
    static let qwen2VLKind = ProjectorKey { model throws(ArchitectureError) in
        switch model.whole["model_type"]?.text {
        case "qwen2_vl"?: return try ProjectorKey.type("qwen2vl_merger").make(model)
        case "qwen2_5_vl"?, "qwen2_5_omni"?:
            let isOmni = model.whole["model_type"]?.text == "qwen2_5_omni"
            guard model.vision?["fullatt_block_indexes"] != nil else {
                throw model.whole.fault(.missingKey, "vision_config.fullatt_block_indexes")
            }
            var entries = try type(isOmni ? "qwen2.5o" : "qwen2.5vl_merger").make(model)
            entries += try silu.make(model)
            entries += try fullAttentionPeriod.make(model)
            return entries
        case let other:
            throw model.whole.fault(
                .invalidValue(
                    found: other.map { "\"\($0)\"" } ?? "nothing",
                    expected: "qwen2_vl or qwen2_5_vl"), "model_type")
        }
    }

    /// The norm's epsilon that stands beside the parts of a configuration.
    static let epsilonOfWhole = value("clip.vision.attention.layer_norm_epsilon") {
        model throws(ArchitectureError) in
        .float32(Float(try model.whole.number(["rms_norm_eps"]) ?? 1e-6))
    }
}
