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
        /// The dimensions of a tensor, outermost first; `nil` where there is none of this name.
        public let shape: @Sendable (String) -> [Int]?
        /// The name of a tensor's format; `nil` where there is none of this name.
        public let format: @Sendable (String) -> String?
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
            shape: @escaping @Sendable (String) -> [Int]?,
            format: @escaping @Sendable (String) -> String?
        ) {
            self.format = format
            self.place = place
            self.value = value
            self.tokenizer = tokenizer
            self.tensor = tensor
            self.shape = shape
        }

        /// Whether there is a tensor of this name.
        @Sendable func hasTensor(_ name: String) -> Bool { shape(name) != nil }

        func integer(_ key: String) -> Int? { value(key)?.integer }

        /// Whether a block has a tensor of this name; its number is left out: `attn_q.bias`.
        func anyBlock(has name: String) -> Bool {
            guard let count = integer("block_count"), count <= ModelConfiguration.layerLimit else {
                return false
            }
            return (0..<max(0, count)).contains { hasTensor("blk.\($0).\(name)") }
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
    /// Whether the configuration says for each kind of layers how its heads turn.
    public let turnsByLayerType: Bool
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
        turnsByLayerType: Bool = false,
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
        self.turnsByLayerType = turnsByLayerType
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
            set(rotaryShare, .real(ConfigurationExport.share(count, of: head)))
        }
        if case .bools(let layers)? = source.value("attention.sliding_window_pattern") {
            set(
                "layer_types",
                .array(layers.map { .text($0 ? "sliding_attention" : "full_attention") }))
        }
        let scaling = try rotaryScaling(source)
        if turnsByLayerType {
            entries.removeAll { ["rope_theta", "rope_local_base_freq"].contains($0.key) }
            set("rope_parameters", rotationsByLayerType(source, scaling))
        } else if let scaling {
            set("rope_scaling", scaling)
        }
        for (tensor, key) in presence { set(key, .bool(hasTensor(tensor))) }
        for (key, value) in constants + computed(source) { set(key, value) }
        return entries
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
