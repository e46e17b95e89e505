import TensorCore

extension ProjectorFamily {
    /// Granite 4 Vision: SigLIP, and for several layers of the language model a Q-Former each.
    public static let granite4Vision = ProjectorFamily(
        name: "Granite4Vision", classes: ["Granite4VisionForConditionalGeneration"],
        vision: .init("vision_config"),
        keys: [
            .type("granite4_vision"), .epsilon(or: 1e-6), .gelu,
            .count("preproc_image_size", "image_size", of: \.vision, or: 384),
            .rate("projector.query_side", 0), .rate("projector.window_side", 1),
            .value("clip.vision.feature_layer") { model throws(ArchitectureError) in
                .int32s(try GraniteProjectors(model).all.map { Int32(clamping: $0.encoderLayer) })
            },
            .value("clip.vision.projector.spatial_offsets") { model throws(ArchitectureError) in
                .int32s(
                    try GraniteProjectors(model).all.map {
                        $0.isSpatial ? Int32(clamping: $0.number) : -1
                    })
            },
            .value("clip.vision.image_grid_pinpoints") { model in
                // Pairs are of height and width; readers take the width first.
                let pairs = model.whole["image_grid_pinpoints"]?.array?.compactMap(\.array) ?? []
                let sides = pairs.flatMap { $0.compactMap(\.integer).reversed() }
                return sides.isEmpty ? nil : .int32s(sides.map { Int32(clamping: $0) })
            },
        ],
        prefixes: [
            "model.vision_tower.", "model.layerwise_projectors.", "model.spatial_projectors.",
            "model.image_newline",
        ],
        ignored: ["vision_tower.head.", "vision_model.head"],
        tensors: [
            .siglip("model.vision_tower."), .siglip("model.vision_tower.vision_model."),
            .init("model.image_newline", "v.image_newline"),
            .qFormers("model.layerwise_projectors.{xid}.", isSpatial: false),
            .qFormers("model.spatial_projectors.{xid}.", isSpatial: true),
        ])
}

/// The projectors of a Granite 4 Vision model, in the order of the language model's layers that they
/// are for.
private struct GraniteProjectors {
    struct Projector {
        let encoderLayer: Int
        let textLayer: Int
        let isSpatial: Bool
        /// The number among those of its kind.
        let number: Int
    }

    let all: [Projector]

    init(_ model: ProjectorModel) throws(ArchitectureError) {
        let encoderCount = try model.blockCount(ofAudio: false)
        let textCount = try model.text.required("num_hidden_layers")
        func layer(_ number: Int, of count: Int) -> Int { number < 0 ? count &+ number : number }
        var pairs: [(Int, Int)] = []
        for pair in model.whole["deepstack_layer_map"]?.array ?? [] {
            let layers = pair.array?.compactMap(\.integer) ?? []
            guard layers.count == 2 else {
                throw model.whole.fault(
                    .invalidValue(found: pair.kindName, expected: "a pair of layers"),
                    "deepstack_layer_map")
            }
            pairs.append((layers[0], layers[1]))
        }
        var found = pairs.sorted { $0 < $1 }.enumerated().map { number, pair in
            Projector(
                encoderLayer: layer(pair.0, of: encoderCount),
                textLayer: layer(pair.1, of: textCount), isSpatial: false, number: number)
        }
        let spatial = try model.whole.integer(["spatial_vision_layer"]) ?? -1
        let targets = try model.whole.integers("spatial_target_layers") ?? []
        found += targets.enumerated().map { number, target in
            Projector(
                encoderLayer: layer(spatial, of: encoderCount), textLayer: target, isSpatial: true,
                number: number)
        }
        // Sorted by the layer alone, those of one layer as they stand.
        all = found.enumerated().sorted {
            ($0.element.textLayer, $0.offset) < ($1.element.textLayer, $1.offset)
        }.map(\.element)
    }
}

extension ProjectorTensors {
    /// The Q-Formers of one kind, each of one layer.
    fileprivate static func qFormers(_ source: String, isSpatial: Bool) -> Self {
        let modules =
            [
                ("image_positions", "img_pos"), ("query", "query"), ("out_linear", "linear"),
                ("norm", "norm"), ("qformer.layernorm", "post_norm"),
            ] + qFormerLayer.map { ("qformer.encoder.layer.0." + $0.0, $0.1) }
        return .init(
            modules.flatMap { module, name in
                Self(
                    source + module, "v.proj_blk.{xid}." + name,
                    number: { number, model throws(ArchitectureError) in
                        try GraniteProjectors(model).all.firstIndex {
                            $0.isSpatial == isSpatial && $0.number == number
                        }
                    }
                ).rules
            })
    }

    /// The modules of a Q-Former's layer, and what files call them.
    static let qFormerLayer = [
        ("attention.attention.query", "self_attn_q"), ("attention.attention.key", "self_attn_k"),
        ("attention.attention.value", "self_attn_v"),
        ("attention.output.dense", "self_attn_out"),
        ("attention.output.LayerNorm", "self_attn_norm"),
        ("crossattention.attention.query", "cross_attn_q"),
        ("crossattention.attention.key", "cross_attn_k"),
        ("crossattention.attention.value", "cross_attn_v"),
        ("crossattention.output.dense", "cross_attn_out"),
        ("crossattention.output.LayerNorm", "cross_attn_norm"),
        ("intermediate_query.dense", "ffn_up"), ("output_query.dense", "ffn_down"),
        ("output_query.LayerNorm", "ffn_norm"),
    ]
}

extension ProjectorKey {
    /// One of the two numbers of `downsample_rate`, "queries/window".
    fileprivate static func rate(_ key: String, _ index: Int) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            let text = model.whole["downsample_rate"]?.text ?? ""
            let sides = text.split(separator: "/", omittingEmptySubsequences: false).map {
                UInt32($0)
            }
            guard sides.count == 2, let side = sides[index] else {
                throw model.whole.fault(
                    .invalidValue(found: "\"\(text)\"", expected: "two numbers as \"4/8\""),
                    "downsample_rate")
            }
            return .uint32(side)
        }
    }
}
