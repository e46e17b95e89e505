import TensorCore

/// Metadata of a projector file, made of the configuration.
public struct ProjectorKey: Sendable {
    /// Makes the entries.
    let make: @Sendable (ProjectorModel) throws(ArchitectureError) -> [MetadataEntry]

    /// The words that configurations have for the number of layers.
    static let blockKeys = [
        "n_layers", "num_hidden_layers", "n_layer", "num_layers", "depth", "layers",
        "encoder_layers", "vt_num_hidden_layers",
    ]

    /// The metadata of a file, in its order, behind `general.*`.
    ///
    /// - Parameter fileType: The number under `general.file_type`.
    @inline(never)
    public static func entries(
        _ family: ProjectorFamily, _ model: ProjectorModel, fileType: UInt32
    ) throws(ArchitectureError) -> [MetadataEntry] {
        var entries: [MetadataEntry] = [.init("general.file_type", .uint32(fileType))]
        if let vision = model.vision { entries += try pictures(vision, model) }
        if let audio = model.audio { entries += try sound(audio, model) }
        for key in family.keys { entries += try key.make(model) }
        return entries
    }

    /// The width of the language model, into which an encoder's output is projected.
    private static func textWidth(_ model: ProjectorModel) throws(ArchitectureError) -> Int {
        try model.text.required("hidden_size", "n_embd")
    }

    private static func pictures(
        _ vision: ModelConfiguration, _ model: ProjectorModel
    ) throws(ArchitectureError) -> [MetadataEntry] {
        var entries: [MetadataEntry] = [
            .init("clip.has_vision_encoder", .bool(true)),
            .init(
                "clip.vision.projection_dim",
                try vision.uint32(textWidth(model), "hidden_size")),
        ]
        let counts: [(key: String, words: [String])] = [
            ("image_size", ["image_size"]), ("patch_size", ["patch_size"]),
            ("embedding_length", ["hidden_size", "width", "vt_hidden_size"]),
            ("feed_forward_length", ["intermediate_size", "vt_intermediate_size"]),
            ("block_count", blockKeys),
            (
                "attention.head_count",
                ["num_attention_heads", "num_heads", "heads", "vt_num_attention_heads"]
            ),
        ]
        for (key, words) in counts {
            guard let value = try vision.integer(words) else {
                throw vision.fault(.missingKey, words[0])
            }
            entries.append(.init("clip.vision.\(key)", try vision.uint32(value, words[0])))
        }
        for key in ["image_mean", "image_std"] {
            entries.append(
                .init("clip.vision.\(key)", .float32s(try model.preprocessor.numbers(key))))
        }
        return entries
    }

    private static func sound(
        _ audio: ModelConfiguration, _ model: ProjectorModel
    ) throws(ArchitectureError) -> [MetadataEntry] {
        var entries: [MetadataEntry] = [
            .init("clip.has_audio_encoder", .bool(true)),
            .init("clip.audio.projection_dim", try audio.uint32(textWidth(model), "hidden_size")),
        ]
        let counts: [(key: String, words: [String])] = [
            ("embedding_length", ["hidden_size"]), ("feed_forward_length", ["intermediate_size"]),
            ("block_count", blockKeys), ("attention.head_count", ["num_attention_heads"]),
        ]
        for (key, words) in counts {
            guard let value = try audio.integer(words) else {
                throw audio.fault(.missingKey, words[0])
            }
            entries.append(.init("clip.audio.\(key)", try audio.uint32(value, words[0])))
        }
        return entries
    }
}

extension ProjectorKey {
    /// A key with a value that is computed; none where that is `nil`.
    @inline(never)
    static func value(
        _ key: String,
        _ compute: @escaping @Sendable (ProjectorModel) throws(ArchitectureError) -> MetadataValue?
    ) -> Self {
        .init { model throws(ArchitectureError) in
            guard let value = try compute(model) else { return [] }
            return [.init(key, value)]
        }
    }

    /// No key, but a look at the configuration.
    @inline(never)
    static func checking(
        _ check: @escaping @Sendable (ProjectorModel) throws(ArchitectureError) -> Void
    ) -> Self {
        .init { model throws(ArchitectureError) in
            try check(model)
            return []
        }
    }

    /// `clip.projector_type`.
    @inline(never)
    static func type(_ name: String) -> Self {
        .value("clip.projector_type") { _ in .string(name) }
    }

    /// `clip.use_gelu`.
    static let gelu = value("clip.use_gelu") { _ in .bool(true) }
    /// `clip.use_silu`.
    static let silu = value("clip.use_silu") { _ in .bool(true) }

    /// `clip.use_gelu` or `clip.use_silu` by `hidden_act` of the encoder of pictures.
    ///
    /// - Parameter isLenient: Whether another activation goes without a key.
    @inline(never)
    static func activation(isLenient: Bool = false) -> Self {
        .init { model throws(ArchitectureError) in
            guard let vision = model.vision else { return [] }
            switch vision["hidden_act"]?.text {
            case "gelu"?: return [.init("clip.use_gelu", .bool(true))]
            case "silu"?: return [.init("clip.use_silu", .bool(true))]
            case let other:
                guard !isLenient else { return [] }
                throw vision.fault(
                    .notExpressible(
                        found: other.map { "\"\($0)\"" } ?? "nothing",
                        expected: "gelu or silu", architecture: "clip"), "hidden_act")
            }
        }
    }

    /// A number of the encoder of pictures as FLOAT32, or the default.
    @inline(never)
    static func epsilon(_ key: String = "layer_norm_eps", or other: Double) -> Self {
        .value("clip.vision.attention.layer_norm_epsilon") { model throws(ArchitectureError) in
            .float32(Float(try model.vision?.number([key]) ?? other))
        }
    }

    /// A count of some configuration under a key of pictures; without default it may be missing.
    @inline(never)
    static func count(
        _ key: String, _ word: String,
        of part: @escaping @Sendable (ProjectorModel) -> ModelConfiguration?,
        or other: Int? = nil
    ) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            guard let configuration = part(model),
                let value = try configuration.integer([word]) ?? other
            else { return nil }
            return try configuration.uint32(value, word)
        }
    }

    /// A count that no configuration changes.
    @inline(never)
    static func constant(_ key: String, _ value: UInt32) -> Self {
        .value("clip.vision.\(key)") { _ in .uint32(value) }
    }

    /// `int(1 / ratio)`, as the reference converter takes it.
    @inline(never)
    static func inverse(
        _ key: String, _ word: String,
        of part: @escaping @Sendable (ProjectorModel) -> ModelConfiguration?
    ) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            guard let configuration = part(model), let ratio = try configuration.number([word])
            else { throw model.whole.fault(.missingKey, word) }
            guard ratio > 1e-6, ratio <= 1 else {
                throw configuration.fault(
                    .invalidValue(found: "\(ratio)", expected: "more than 0 and at most 1"), word)
            }
            return .uint32(UInt32(1 / ratio))
        }
    }
}

extension ModelConfiguration {
    /// The numbers under a key that must be there.
    func numbers(_ key: String) throws(ArchitectureError) -> [Float] {
        guard let value = self[key] else { throw fault(.missingKey, key) }
        let numbers = value.array?.compactMap(\.double)
        guard let numbers, !numbers.isEmpty, numbers.count == value.array?.count else {
            throw fault(.invalidValue(found: value.kindName, expected: "a list of numbers"), key)
        }
        return numbers.map { Float($0) }
    }

    /// The integers under a key.
    func integers(_ key: String) throws(ArchitectureError) -> [Int]? {
        guard let value = self[key] else { return nil }
        let numbers = value.array?.compactMap(\.integer)
        guard let numbers, numbers.count == value.array?.count else {
            throw fault(.invalidValue(found: value.kindName, expected: "a list of integers"), key)
        }
        return numbers
    }
}
