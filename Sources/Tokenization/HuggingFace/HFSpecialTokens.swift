public import TensorCore

/// The tokens with a part to play, whether they are added to a text, and the chat templates: what
/// `tokenizer.json`, `tokenizer_config.json` and `config.json` say together.
public struct HFSpecialTokens: Sendable, Equatable {
    /// A role and the id of the token that plays it.
    public struct Entry: Sendable, Equatable {
        /// The role.
        public var role: Vocabulary.SpecialRole
        /// The token.
        public var id: Int32

        /// Gives a role to a token.
        public init(role: Vocabulary.SpecialRole, id: Int32) {
            self.role = role
            self.id = id
        }
    }
    /// A role and whether its token is added to a text.
    public struct Flag: Sendable, Equatable {
        /// The role.
        public var role: Vocabulary.SpecialRole
        /// Whether the token is added.
        public var isAdded: Bool
    }
    /// A chat template; the default one has no name or the name `default`.
    public struct ChatTemplate: Sendable, Equatable {
        /// The name.
        public var name: ByteString?
        /// The Jinja text.
        public var text: ByteString
    }

    /// Roles and ids in the order in which the peer writes them.
    public var ids: [Entry] = []
    /// Flags `add_{role}_token` in the order in which the peer writes them.
    public var flags: [Flag] = []
    /// Chat templates in file order.
    public var chatTemplates: [ChatTemplate] = []

    /// Creates an empty list.
    public init() {}

    /// The flag of a role.
    public func flag(_ role: Vocabulary.SpecialRole) -> Bool? {
        flags.first { $0.role == role }?.isAdded
    }

    mutating func set(_ role: Vocabulary.SpecialRole, added: Bool) {
        if let index = flags.firstIndex(where: { $0.role == role }) {
            flags[index].isAdded = added
        } else {
            flags.append(Flag(role: role, isAdded: added))
        }
    }

    /// Says what decoders do at the ends of a text where the files do not: readers of a unigram
    /// vocabulary would end it with EOS, as encoders do, and begin it with nothing.
    public mutating func addEndsOfDecoders(_ model: Vocabulary.Model) {
        guard model == .unigram else { return }
        if flag(.bos) == nil { set(.bos, added: ids.contains { $0.role == .bos }) }
        if flag(.eos) == nil { set(.eos, added: false) }
    }

    /// Collects the special tokens.
    ///
    /// A token's text comes from `tokenizer_config.json` and is looked up among the added tokens of
    /// `tokenizer.json`; `config.json` fills what is missing. Whether tokens are added is read from
    /// the post-processor's template first; `add_bos_token` and its kin overrule it.
    public init(
        definition: HFTokenizerDefinition?, tokenizerConfig: JSON?, config: JSON?,
        templates: [ChatTemplate] = [], tokenCount: Int
    ) {
        var names = SpecialTokenNames(tokenizerConfig)
        if let definition {
            names.adoptClassifierTokens()
            for step in definition.postProcessor?.steps ?? [] {
                read(step, &names, hasConfig: tokenizerConfig != nil)
            }
        }
        if let tokenizerConfig {
            chatTemplates = HFSpecialTokens.templates(tokenizerConfig) ?? templates
            for role in names.roles {
                if let added = tokenizerConfig["add_\(role.rawValue)_token"]?.boolean {
                    set(role, added: added)
                }
                guard let name = names[role],
                    let token = definition?.addedTokens.first(where: { $0.content == name })
                else { continue }
                add(role, token.id, tokenCount)
            }
        }
        for role in names.roles {
            let key = "\(role.rawValue)_token_id"
            let value =
                config?[key].flatMap { $0.isNull ? nil : $0 } ?? config?["text_config"]?[key]
            if case .integer(let id)? = value { add(role, id, tokenCount) }
        }
    }

    private mutating func add(_ role: Vocabulary.SpecialRole, _ id: Int, _ tokenCount: Int) {
        // GGUF has no key of its own for CLS: it is BERT's BOS.
        guard role != .cls, id >= 0, id < tokenCount, let narrow = Int32(exactly: id),
            !ids.contains(where: { $0.role == role })
        else { return }
        ids.append(Entry(role: role, id: narrow))
    }

    /// What a post-processor says about the tokens at the ends of a text.
    private mutating func read(
        _ step: PostProcessor, _ names: inout SpecialTokenNames, hasConfig: Bool
    ) {
        switch step {
        case .roberta(let cls, let sep):
            for role in [Vocabulary.SpecialRole.bos, .eos, .sep] { set(role, added: true) }
            if hasConfig, names[.cls] == nil { names[.cls] = ByteString(cls) }
            if hasConfig, names[.sep] == nil { names[.sep] = ByteString(sep) }
        case .template(let single, let pair):
            read(single: single, pair: pair, &names, hasConfig: hasConfig)
        default: break
        }
    }

    private mutating func read(
        single: [PostProcessor.Piece], pair: [PostProcessor.Piece],
        _ names: inout SpecialTokenNames, hasConfig: Bool
    ) {
        var first: ByteString?
        var last: ByteString?
        if single.count > 1 {
            first = single.first?.special
            last = single.last?.special
        }
        if let first {
            if !hasConfig { names[.bos] = first }
            set(.bos, added: first == names[.bos] || first == names[.cls])
        }
        if let last {
            if hasConfig, last != names[.eos] { names.demoteEndOfText() }
            names[.eos] = last
            set(.eos, added: true)
        }
        guard !pair.isEmpty else { return }
        let startsSpecial = first != nil && pair.first?.special == first
        let endsSpecial = last != nil && pair.last?.special == last
        var inner = pair.dropFirst(startsSpecial ? 1 : 0).dropLast(endsSpecial ? 1 : 0)
        guard inner.count > 2, inner.first == .sequence("A"), inner.last == .sequence("B") else {
            return
        }
        inner = inner.dropFirst().dropLast()
        let separators = [names[.sep], names[.eos]].compactMap { $0 }
        var added = false
        if let token = inner.first?.special, separators.contains(token), last == nil {
            added = true
        }
        if inner.count == 2, let token = inner.last?.special, separators.contains(token) {
            added = true
        }
        set(.sep, added: added)
        if added, hasConfig, names[.sep] == nil { names[.sep] = names[.eos] }
    }

    /// The templates of `tokenizer_config.json`: one text or a list with names.
    private static func templates(_ config: JSON) -> [ChatTemplate]? {
        switch config["chat_template"] {
        case .string(let text)?: [ChatTemplate(name: nil, text: text)]
        case .array(let values)?:
            values.compactMap { value in
                value["template"]?.bytes.map {
                    ChatTemplate(name: value["name"]?.bytes, text: $0)
                }
            }
        default: nil
        }
    }

    /// Writes ids, flags and the default template into a vocabulary.
    func apply(to vocabulary: inout Vocabulary) {
        for entry in ids { vocabulary.specialIDs[entry.role] = entry.id }
        vocabulary.addBOS = flag(.bos)
        vocabulary.addEOS = flag(.eos)
        vocabulary.addSEP = flag(.sep)
        vocabulary.chatTemplate =
            chatTemplates.first { $0.name == nil || $0.name == "default" }?.text
    }
}

/// The texts of the special tokens, by role.
private struct SpecialTokenNames {
    var roles: [Vocabulary.SpecialRole] = [.bos, .eos, .unk, .sep, .pad, .cls, .mask]
    private var texts: [Vocabulary.SpecialRole: ByteString] = [:]

    /// Reads `bos_token` and its kin: a text or an object with `content`.
    init(_ config: JSON?) {
        for role in roles + [.eot, .eom] {
            let entry = config?["\(role.rawValue)_token"]
            texts[role] = entry?.bytes ?? entry?["content"]?.bytes
        }
    }

    subscript(role: Vocabulary.SpecialRole) -> ByteString? {
        get { texts[role] }
        set { texts[role] = newValue }
    }

    /// BERT names its ends `cls` and `sep`.
    mutating func adoptClassifierTokens() {
        if texts[.bos] == nil { texts[.bos] = texts[.cls] }
        if texts[.eos] == nil { texts[.eos] = texts[.sep] }
    }

    /// The template ends a text with another token than `eos_token`: that one ends a turn then.
    mutating func demoteEndOfText() {
        if !roles.contains(.eot) {
            roles.append(.eot)
            texts[.eot] = texts[.eos]
        } else if !roles.contains(.eom) {
            roles.append(.eom)
            texts[.eom] = texts[.eos]
        }
    }
}

extension PostProcessor.Piece {
    fileprivate var special: ByteString? {
        if case .specialToken(let name) = self { ByteString(name) } else { nil }
    }
}
