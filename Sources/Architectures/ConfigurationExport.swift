public import TensorCore

/// How the `config.json` of a family is made from the keys of a GGUF file: what cannot be told from
/// the keys that all families share.
///
/// What is made is converted forward again and compared, so a missing word here is an error and
/// never another model.
public struct ConfigurationExport: Sendable {
    /// What a GGUF file says.
    public struct Source: Sendable {
        /// The value of a key, without the architecture in front: `attention.head_count`.
        public let value: @Sendable (String) -> MetadataValue?
        /// The values of a small tensor.
        public let tensor: @Sendable (String) throws -> [Float]?
        /// Whether there is a tensor of this name.
        public let hasTensor: @Sendable (String) -> Bool
        /// The value of a key of the tokenizer, without `tokenizer.ggml.` in front.
        public let tokenizer: @Sendable (String) -> MetadataValue?
        /// Where a key stands in the file, without the architecture in front.
        public let place: @Sendable (String) -> Int?

        /// Says where keys and tensors are looked up.
        public init(
            value: @escaping @Sendable (String) -> MetadataValue?,
            tokenizer: @escaping @Sendable (String) -> MetadataValue?,
            place: @escaping @Sendable (String) -> Int?,
            tensor: @escaping @Sendable (String) throws -> [Float]?,
            hasTensor: @escaping @Sendable (String) -> Bool
        ) {
            self.place = place
            self.value = value
            self.tokenizer = tokenizer
            self.tensor = tensor
            self.hasTensor = hasTensor
        }

        func integer(_ key: String) -> Int? { value(key)?.integer }

        /// Whether a block has a tensor of this name; its number is left out: `attn_q.bias`.
        func anyBlock(has name: String) -> Bool {
            guard let count = integer("block_count"), count <= ModelConfiguration.layerLimit else {
                return false
            }
            return (0..<max(0, count)).contains { hasTensor("blk.\($0).\(name)") }
        }

        /// The kinds of layers, told by their key-value heads.
        ///
        /// - Parameters:
        ///   - attention: The word for layers with heads.
        ///   - other: The word for layers without.
        func attentionLayers(_ attention: String, others other: String) -> [Entry] {
            guard let heads = value("attention.head_count_kv")?.integers, let most = heads.max()
            else { return [] }
            return [
                ("num_key_value_heads", .integer(most)),
                ("layer_types", .array(heads.map { .text($0 == 0 ? other : attention) })),
            ]
        }

        /// The number of layers, without those behind the last that predict further tokens.
        var layerCount: Int? {
            guard let count = integer("block_count"),
                (1...2 * ModelConfiguration.layerLimit).contains(count)
            else { return nil }
            return count > predictorCount ? count - predictorCount : nil
        }

        /// The number of layers that predict further tokens.
        public var predictorCount: Int {
            let count = integer("nextn_predict_layers") ?? 0
            return (0...ModelConfiguration.layerLimit).contains(count) ? count : 0
        }

        /// The length of a head: what the file says, or the width shared out.
        var headLength: Int? {
            if let length = integer("attention.key_length"), length > 0 { return length }
            guard let width = integer("embedding_length"),
                let heads = integer("attention.head_count"), heads > 0, width >= heads
            else { return nil }
            return width / heads
        }
    }

    /// A key of `config.json`.
    public typealias Entry = (key: String, value: JSON)

    /// `model_type`.
    public let modelType: String
    /// GGUF keys whose word is another than in most families; `nil` for keys that have none.
    public let words: [String: String?]
    /// Entries that are always the same.
    public let constants: [Entry]
    /// Entries that say whether the file has a tensor.
    public let presence: [(tensor: String, key: String)]
    /// Members of `rope_scaling` that are always the same where there is one.
    public let scalingConstants: [Entry]
    /// Members of `rope_scaling` that say what long and short contexts' turned elements are
    /// multiplied by, where families have them.
    public let magnitudeWords: [String]
    /// The word for the part of a head that turns, for which GGUF has a number.
    public let rotaryShare: String?
    /// How many pairs of a head turn by each position, where the configuration must say.
    public let rotarySections: @Sendable (Source) -> [Int]?
    /// The tokenizer's class where there is a SentencePiece model.
    public let tokenizerClass: String
    /// The name of a SentencePiece model's file.
    public let tokenizerFile: String
    /// The architectures of models that also take pictures, whose language models this family's
    /// classes load: the tensors are the same, and so is what is computed of text.
    public let textOf: [String]
    /// Whether a file is this family's, where several have the same architecture.
    public let fits: @Sendable (Source) -> Bool
    /// The model class and `model_type` of files that are not the family's first class'.
    public let otherClass: @Sendable (Source) -> (className: String, modelType: String)?
    /// The tokens that end a text, where `generation_config.json` must list several.
    public let endTokens: @Sendable (Source) -> [Int]
    /// Entries that are computed.
    public let computed: @Sendable (Source) -> [Entry]

    /// Declares how a configuration is made.
    public init(
        modelType: String, words: [String: String?] = [:], constants: [Entry] = [],
        presence: [(tensor: String, key: String)] = [], scalingConstants: [Entry] = [],
        magnitudeWords: [String] = [], rotaryShare: String? = nil,
        rotarySections: @escaping @Sendable (Source) -> [Int]? = { _ in nil },
        tokenizerClass: String = "LlamaTokenizer", tokenizerFile: String = "tokenizer.model",
        textOf: [String] = [],
        fits: @escaping @Sendable (Source) -> Bool = { _ in true },
        otherClass: @escaping @Sendable (Source) -> (className: String, modelType: String)? = { _ in
            nil
        },
        endTokens: @escaping @Sendable (Source) -> [Int] = { _ in [] },
        computed: @escaping @Sendable (Source) -> [Entry] = { _ in [] }
    ) {
        self.modelType = modelType
        self.words = words
        self.constants = constants
        self.presence = presence
        self.scalingConstants = scalingConstants
        self.magnitudeWords = magnitudeWords
        self.rotaryShare = rotaryShare
        self.rotarySections = rotarySections
        self.tokenizerClass = tokenizerClass
        self.tokenizerFile = tokenizerFile
        self.textOf = textOf
        self.fits = fits
        self.otherClass = otherClass
        self.endTokens = endTokens
        self.computed = computed
    }

    /// The words that most families share.
    static let commonWords: [(key: String, word: String)] = [
        ("vocab_size", "vocab_size"),
        ("embedding_length", "hidden_size"), ("feed_forward_length", "intermediate_size"),
        ("block_count", "num_hidden_layers"), ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("attention.key_length", "head_dim"), ("context_length", "max_position_embeddings"),
        ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
        ("attention.layer_norm_epsilon", "layer_norm_eps"),
        ("rope.freq_base", "rope_theta"), ("rope.freq_base_swa", "rope_local_base_freq"),
        ("attention.sliding_window", "sliding_window"),
        ("attn_logit_softcapping", "attn_logit_softcapping"),
        ("final_logit_softcapping", "final_logit_softcapping"),
        ("logit_scale", "logit_scale"), ("use_parallel_residual", "use_parallel_residual"),
        ("expert_count", "num_experts"), ("expert_used_count", "num_experts_per_tok"),
        ("expert_group_count", "n_group"), ("expert_group_used_count", "topk_group"),
        ("expert_feed_forward_length", "moe_intermediate_size"),
        ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ("expert_shared_count", "n_shared_experts"),
        ("expert_weights_scale", "routed_scaling_factor"),
        ("leading_dense_block_count", "first_k_dense_replace"),
        ("attention.q_lora_rank", "q_lora_rank"), ("attention.kv_lora_rank", "kv_lora_rank"),
    ]

    /// The entries of `config.json`, without the tokens' numbers.
    ///
    /// - Parameters:
    ///   - className: The model class.
    ///   - vocabularySize: The number of tokens.
    ///   - dataType: transformers' name for the type of the weights.
    public func configuration(
        className: String, vocabularySize: Int, dataType: String, source: Source
    ) throws -> [Entry] {
        let hasTensor = source.hasTensor
        var entries: [Entry] = [
            ("architectures", .array([.text(className)])),
            ("model_type", .text(otherClass(source)?.modelType ?? modelType)),
            ("torch_dtype", .text(dataType)), ("vocab_size", .integer(vocabularySize)),
            ("tie_word_embeddings", .bool(!hasTensor("output.weight"))),
        ]
        func set(_ key: String, _ value: JSON) {
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value = value
            } else {
                entries.append((key, value))
            }
        }
        for (key, common) in ConfigurationExport.commonWords {
            guard let word = words[key] ?? common, let value = source.value(key)?.json else {
                continue
            }
            // Where 0 says that there is no window, transformers says nothing.
            set(word, key == "attention.sliding_window" && value == .integer(0) ? .null : value)
        }
        for (key, word) in words.sorted(by: { $0.key < $1.key }) {
            guard let word, !ConfigurationExport.commonWords.contains(where: { $0.key == key }),
                let value = source.value(key)?.json
            else { continue }
            set(word, value)
        }
        if let rotaryShare, let count = source.integer("rope.dimension_count"),
            let head = source.headLength
        {
            set(rotaryShare, .real(Double(count) / Double(head)))
        }
        if case .bools(let layers)? = source.value("attention.sliding_window_pattern") {
            set(
                "layer_types",
                .array(layers.map { .text($0 ? "sliding_attention" : "full_attention") }))
        }
        if let scaling = try rotaryScaling(source) { set("rope_scaling", scaling) }
        for (tensor, key) in presence { set(key, .bool(hasTensor(tensor))) }
        for (key, value) in constants + computed(source) { set(key, value) }
        return entries
    }

    /// How the rotary embedding is stretched, from keys or from tensors of factors.
    private func rotaryScaling(_ source: Source) throws -> JSON? {
        if let factors = try source.tensor("rope_freqs.weight") {
            return llama3Scaling(factors, source)
        }
        if let long = try source.tensor("rope_factors_long.weight"),
            let short = try source.tensor("rope_factors_short.weight")
        {
            func list(_ factors: [Float]) -> JSON {
                .array(factors.map { MetadataValue.float32($0).json ?? .null })
            }
            let magnitude = source.value("rope.scaling.attn_factor")?.json ?? .real(1)
            return .object(
                [
                    .init(key: "type", value: .text("longrope")),
                    .init(key: "long_factor", value: list(long)),
                    .init(key: "short_factor", value: list(short)),
                ] + magnitudeWords.map { .init(key: ByteString($0), value: magnitude) })
        }
        // Without a factor nothing is stretched, whatever the kind.
        let given = source.value("rope.scaling.factor").flatMap { _ in
            source.value("rope.scaling.type")?.text
        }
        let sections = rotarySections(source)
        guard let type = given == nil || given == "none" ? sections.map({ _ in "default" }) : given
        else { return nil }
        var members: [JSON.Member] = [
            .init(key: "rope_type", value: .text(type)), .init(key: "type", value: .text(type)),
        ]
        for (key, word) in [
            ("factor", "factor"),
            ("original_context_length", "original_max_position_embeddings"),
            ("yarn_ext_factor", "extrapolation_factor"),
            ("yarn_attn_factor", "attention_factor"), ("yarn_beta_fast", "beta_fast"),
            ("yarn_beta_slow", "beta_slow"),
        ] {
            if let value = source.value("rope.scaling.\(key)")?.json {
                members.append(.init(key: ByteString(word), value: value))
            }
        }
        // DeepSeek's magnitude: files have a tenth of it.
        if case .float32(let tenth)? = source.value("rope.scaling.yarn_log_multiplier"),
            let scale = Double("\(tenth)").map({ ($0 * 1e8).rounded() / 1e7 })
        {
            members.append(.init(key: "mscale", value: .real(scale)))
            members.append(.init(key: "mscale_all_dim", value: .real(scale)))
        }
        if let sections {
            members.append(
                .init(key: "mrope_section", value: .array(sections.map { .integer($0) })))
            members.append(.init(key: "mrope_interleaved", value: .bool(true)))
        }
        members += scalingConstants.map { .init(key: ByteString($0.key), value: $0.value) }
        return .object(members)
    }

    /// The parameters of Llama 3's scaling that give these factors.
    ///
    /// The file has the factors only. The largest is `factor`; the usual frequencies' bounds are
    /// tried with the contexts that a model may have been trained with. What fits none is found
    /// when the factors are computed from the result and compared.
    private func llama3Scaling(_ factors: [Float], _ source: Source) -> JSON? {
        guard let factor = factors.max(), let context = source.integer("context_length") else {
            return nil
        }
        func scaling(_ original: Int, high: Double) -> JSON {
            .object([
                .init(key: "rope_type", value: .text("llama3")),
                .init(key: "factor", value: MetadataValue.float32(factor).json ?? .null),
                .init(key: "low_freq_factor", value: .real(1)),
                .init(key: "high_freq_factor", value: .real(high)),
                .init(key: "original_max_position_embeddings", value: .integer(original)),
            ])
        }
        let theta = source.value("rope.freq_base")?.json ?? .real(10000)
        // 4 in Llama 3, 1 in Llama 4.
        for high in [4.0, 1] {
            for original in (4..<20).map({ 1 << $0 }) + [context] {
                let configuration = ModelConfiguration(
                    .object([
                        .init(key: "rope_theta", value: theta),
                        .init(key: "rope_scaling", value: scaling(original, high: high)),
                    ]), path: "")
                let made = try? RotaryParameters(configuration).llama3Factors(
                    dimension: 2 * factors.count, contextLength: original)
                if made == factors { return scaling(original, high: high) }
            }
        }
        return scaling(8192, high: 4)
    }
}

extension JSON {
    /// A string.
    static func text(_ text: String) -> JSON { .string(ByteString(text)) }
}

extension MetadataValue {
    /// The value in JSON; reals with the fewest digits that mean the same.
    var json: JSON? {
        switch self {
        case .float32(let value): Double("\(value)").map { .real($0) }
        case .float64(let value): .real(value)
        case .bool(let value): .bool(value)
        case .string(let text): .string(text)
        case .uint32s, .int32s: integers.map { .array($0.map { .integer($0) }) }
        default: integer.map { .integer($0) }
        }
    }
}
