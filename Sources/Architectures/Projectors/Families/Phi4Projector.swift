import TensorCore

extension ProjectorFamily {
    /// Phi 4 with pictures: SigLIP 2 on patches that are rows of pixels, without its last layer.
    public static let phi4 = ProjectorFamily(
        name: "Phi4", classes: ["Phi4ForCausalLMV"],
        vision: .init(
            "vision_config",
            defaults: [
                .computed("num_hidden_layers") { vision in
                    vision["num_hidden_layers"]?.integer.map { .integer($0 &- 1) }
                },
                // What files say is told by preprocessing and by the tensors, below.
                .integer("image_size", 0), .integer("patch_size", 0),
            ]),
        keys: [
            .value("clip.vision.image_size") { model throws(ArchitectureError) in
                let patch = try model.preprocessor.required("patch_size")
                return try model.whole.uint32(positionSide(model) &* patch, "image_size")
            },
            .value("clip.vision.patch_size") { model throws(ArchitectureError) in
                try model.preprocessor.uint32(
                    model.preprocessor.required("patch_size"), "patch_size")
            }, .type("phi4"), .patches("image_min_pixels", "min_num_patches"),
            .patches("image_max_pixels", "max_num_patches"), .gelu, .epsilon(or: 1e-6),
        ],
        spellings: [
            .init("model.vision_tower.vision_tower.", means: "vision_tower."),
            .init("model.vision_tower.", means: "vision_tower."),
            .init("model.mm_projector.", means: "mm_projector."),
        ],
        prefixes: ["vision_tower.", "mm_projector."],
        ignored: [".vision_model.head.", ".vision_model.post_layernorm."],
        tensors: [
            .init(
                "vision_tower.vision_model.embeddings.patch_embedding.weight",
                "v.patch_embd.weight", .pixelsToKernels),
            .siglip("vision_tower.vision_model."), .init("mm_projector.{xid}", "mm.{xid}"),
        ],
        leavesOut: { name, model throws(ArchitectureError) in
            let last = try model.blockCount(ofAudio: false)
            return name.hasPrefix("vision_tower.vision_model.encoder.layers.\(last).")
        })

    /// The positions along a side of the grid that positions were learned for.
    private static func positionSide(_ model: ProjectorModel) throws(ArchitectureError) -> Int {
        let name = "vision_tower.vision_model.embeddings.position_embedding.weight"
        guard let count = model.shapes[name]?.first, count > 0 else {
            throw model.whole.fault(.missingKey, name)
        }
        let side = Int(Double(count).squareRoot())
        guard side * side == count else {
            throw model.whole.fault(
                .invalidValue(found: "\(count) positions", expected: "a square"), name)
        }
        return side
    }
}

extension ProjectorKey {
    /// Pixels of so many patches.
    fileprivate static func patches(_ key: String, _ word: String) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            let files = model.preprocessor
            let patch = try files.required("patch_size")
            let (own, other) = (try files.integer([word]), try model.whole.integer([word]))
            guard let count = own ?? other else { throw files.fault(.missingKey, word) }
            guard patch <= 1 << 12, (0...1 << 32).contains(count) else {
                throw files.fault(
                    .invalidValue(found: "\(count)", expected: "a number of patches"), word)
            }
            return try files.uint32(count * patch * patch, word)
        }
    }
}
