public import TensorCore

/// A checkpoint's `config.json` in Hugging Face words, with the defaults of its model class.
///
/// Files of transformers 5 (`dtype`, `rope_parameters`) and older ones (`torch_dtype`,
/// `rope_theta`, `rope_scaling`) read the same. The parts of a multimodal configuration that
/// concern the language model (`text_config`) are seen at the top.
public struct ModelConfiguration: Sendable {
    /// The file that the configuration came from, for messages.
    public let path: String
    private var values: [ByteString: JSON]
    /// Whether the size of a head is given, by the file or the class, and not shared out.
    public private(set) var hasHeadDim: Bool
    /// The keys that the file does not have and the class has a constant for.
    public private(set) var assumed: [(key: String, value: JSON)] = []
    /// What is in the file and is not read, in sentences.
    public var notices: [String] = []
    /// The value of `general.architecture` in the model's GGUF file; empty until its family has said.
    public internal(set) var architecture = ""
    /// `config.json` of the model that a draft is for; `nil` where none was named.
    public var target: JSON?
    /// The pooling of a sentence-embedding model, from `modules.json`; `nil` for all others.
    public var pooling: Pooling?
    /// How many layers follow `num_hidden_layers` as blocks of the file: those that predict further
    /// tokens, in families that keep them.
    public var predictorCount = 0
    /// The layer that dimensions are asked for.
    public var block = 0
    /// The repetition that dimensions are asked for.
    public var turn = 0
    /// The tokens that end a text where `generation_config.json` lists several.
    public var endTokens: [UInt32] = []
    /// The tokens that `generation_config.json` forbids (`suppress_tokens`); `nil` where it has no such
    /// list.
    public var suppressedTokens: [Int32]?

    /// How an embedding model makes one vector of a text; raw values are GGUF's.
    public enum Pooling: UInt32, Sendable {
        case mean = 1
        case cls = 2
        case last = 3
    }

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - json: The whole `config.json`.
    ///   - defaults: What the model class puts in when a key is missing.
    public init(_ json: JSON, defaults: [ConfigurationDefault] = [], path: String) {
        self.path = path
        values = [:]
        for member in json.members ?? [] { values[member.key] = member.value }
        // The output matrix is the whole model's, and so is what is said about it.
        let ofTheWhole: [ByteString] = ["architectures", "tie_word_embeddings"]
        for member in json.languageModel?.members ?? [] where !ofTheWhole.contains(member.key) {
            values[member.key] = member.value
        }
        hasHeadDim = values["head_dim"].map { !$0.isNull } ?? false
        for entry in defaults { apply(entry) }
    }

    private mutating func apply(_ entry: ConfigurationDefault) {
        let key = ByteString(entry.key)
        switch entry.source {
        case .constant(let value):
            if values[key] == nil {
                values[key] = value
                assumed.append((entry.key, value))
            }
            if entry.key == "head_dim", !(values[key]?.isNull ?? true) { hasHeadDim = true }
        case .sameAs(let other):
            if values[key]?.isNull ?? true { values[key] = values[ByteString(other)] }
            if entry.key == "head_dim", !(values[key]?.isNull ?? true) { hasHeadDim = true }
        case .quotient(let dividend, let divisor):
            guard values[key]?.isNull ?? true,
                let above = self[dividend]?.integer, let below = self[divisor]?.integer, below > 0
            else { return }
            values[key] = .integer(above / below)
        case .replacedBy(let other):
            guard let value = self[other] else { return }
            values[key] = value
            if entry.key == "head_dim" { hasHeadDim = true }
        case .computed(let make):
            guard let value = make(self) else { return }
            values[key] = value
            if entry.key == "head_dim" { hasHeadDim = true }
        }
    }

    /// The value of `key`; `nil` when it is missing or null.
    public subscript(key: String) -> JSON? {
        guard let value = values[ByteString(key)], !value.isNull else { return nil }
        return value
    }

    /// Whether `key` is there, be it as null.
    func states(_ key: String) -> Bool { values[ByteString(key)] != nil }

    /// Puts in what other files of the directory say.
    public mutating func set(_ key: String, _ value: JSON) { values[ByteString(key)] = value }

    /// The first of `keys` that is there, with its value unless it is null.
    ///
    /// A null under an earlier key hides the later ones, as in the reference converter.
    public func first(of keys: [String]) -> (key: String, value: JSON)? {
        guard let key = keys.first(where: { values[ByteString($0)] != nil }),
            let value = self[key]
        else { return nil }
        return (key, value)
    }

    /// An error about one of this configuration's keys.
    public func fault(_ kind: ArchitectureError.Kind, _ key: String? = nil) -> ArchitectureError {
        ArchitectureError(kind, path: path, key: key)
    }

    /// The integer under the first of `keys` that is there.
    public func integer(_ keys: String...) throws(ArchitectureError) -> Int? {
        try integer(keys)
    }

    func integer(_ keys: [String]) throws(ArchitectureError) -> Int? {
        guard let (key, value) = first(of: keys) else { return nil }
        guard let integer = value.integer else {
            throw fault(.invalidValue(found: value.kindName, expected: "an integer"), key)
        }
        return integer
    }

    /// The number under the first of `keys` that is there.
    func number(_ keys: [String]) throws(ArchitectureError) -> Double? {
        guard let (key, value) = first(of: keys) else { return nil }
        guard let number = value.double else {
            throw fault(.invalidValue(found: value.kindName, expected: "a number"), key)
        }
        return number
    }

    /// The integer under the first of `keys` that is there, which must be positive.
    public func required(_ keys: String...) throws(ArchitectureError) -> Int {
        guard let value = try integer(keys) else { throw fault(.missingKey, keys.first) }
        guard value > 0 else {
            throw fault(
                .invalidValue(found: "\(value)", expected: "a positive integer"), keys.first)
        }
        return value
    }
}

/// What a model class of transformers assumes when its configuration does not say.
public struct ConfigurationDefault: Sendable {
    /// Where the value comes from.
    public enum Source: Sendable {
        /// This value; a null in the file stays null.
        case constant(JSON)
        /// The value of another key; also in place of a null.
        case sameAs(String)
        /// One key divided by another, rounded down; also in place of a null.
        case quotient(String, by: String)
        /// The value of another key where that is there, whatever the key itself says.
        case replacedBy(String)
        /// What the closure makes of the configuration, unless that is `nil`.
        case computed(@Sendable (ModelConfiguration) -> JSON?)
    }

    /// The configuration key.
    public let key: String
    /// Where its value comes from.
    public let source: Source

    /// A constant integer.
    @inline(never)
    public static func integer(_ key: String, _ value: Int) -> Self {
        .init(key: key, source: .constant(.integer(value)))
    }
    /// A constant number.
    @inline(never)
    public static func real(_ key: String, _ value: Double) -> Self {
        .init(key: key, source: .constant(.real(value)))
    }
    /// A constant Boolean.
    @inline(never)
    public static func boolean(_ key: String, _ value: Bool) -> Self {
        .init(key: key, source: .constant(.bool(value)))
    }
    /// A constant text.
    @inline(never)
    public static func text(_ key: String, _ value: String) -> Self {
        .init(key: key, source: .constant(.string(ByteString(value))))
    }
    /// The value of another key.
    @inline(never)
    public static func same(_ key: String, as other: String) -> Self {
        .init(key: key, source: .sameAs(other))
    }
    /// A key divided by another.
    @inline(never)
    public static func quotient(_ key: String, _ dividend: String, by divisor: String) -> Self {
        .init(key: key, source: .quotient(dividend, by: divisor))
    }
    /// A value made of the whole configuration, defaults in front of this one included.
    @inline(never)
    public static func computed(
        _ key: String, _ make: @escaping @Sendable (ModelConfiguration) -> JSON?
    ) -> Self {
        .init(key: key, source: .computed(make))
    }
    /// The value of another key where that is there.
    @inline(never)
    public static func replacement(_ key: String, by other: String) -> Self {
        .init(key: key, source: .replacedBy(other))
    }
}

extension [ConfigurationDefault] {
    /// Constants of the configuration classes of one `model_type`, where a family has several classes.
    @inline(never)
    static func ofType(
        _ types: String..., values: KeyValuePairs<String, JSON>
    ) -> Self {
        values.map { key, value in
            .computed(key) { configuration in
                guard !configuration.states(key), let type = configuration["model_type"]?.text
                else { return nil }
                return types.contains(type) ? value : nil
            }
        }
    }
}
