public import TensorCore

/// The tokens with a part to play, whether they are added to a text, and the chat templates: what
/// all files of a directory say together.
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

    /// Roles and ids in the order in which the peer writes them.
    public var ids: [Entry] = []
    /// Flags `add_{role}_token` in the order in which the peer writes them.
    public var flags: [Flag] = []
    /// Chat templates in file order.
    public var chatTemplates: [HFChatTemplate] = []

    /// Creates an empty list.
    public init() {}

    /// The flag of a role.
    public func flag(_ role: Vocabulary.SpecialRole) -> Bool? {
        flags.first { $0.role == role }?.isAdded
    }

    /// The id of a role's token.
    public func id(_ role: Vocabulary.SpecialRole) -> Int32? {
        ids.first { $0.role == role }?.id
    }

    mutating func set(_ role: Vocabulary.SpecialRole, added: Bool) {
        if let index = flags.firstIndex(where: { $0.role == role }) {
            flags[index].isAdded = added
        } else {
            flags.append(Flag(role: role, isAdded: added))
        }
    }

    mutating func set(_ role: Vocabulary.SpecialRole, id: Int32) {
        if let index = ids.firstIndex(where: { $0.role == role }) {
            ids[index].id = id
        } else {
            ids.append(Entry(role: role, id: id))
        }
    }

    /// What XLM-R's class does where no file speaks of it: its own tokens have their parts, and
    /// both ends stand around a text.
    mutating func completeAsFairseq() {
        for (id, token) in Vocabulary.fairseqTokens.enumerated() where self.id(token.role) == nil {
            set(token.role, id: Int32(id))
        }
        set(.bos, added: true)
        set(.eos, added: true)
    }

    /// Puts a text in the place of the main template.
    public mutating func setChatTemplate(_ text: ByteString) {
        chatTemplates.removeAll(where: \.isMain)
        chatTemplates.append(HFChatTemplate(name: nil, text: text))
    }

    /// Writes ids, flags and the default template into a vocabulary.
    func apply(to vocabulary: inout Vocabulary) {
        for entry in ids { vocabulary.specialIDs[entry.role] = entry.id }
        vocabulary.addBOS = flag(.bos)
        vocabulary.addEOS = flag(.eos)
        vocabulary.addSEP = flag(.sep)
        vocabulary.chatTemplate = chatTemplates.last(where: \.isMain)?.text
    }
}

/// Finds the special tokens of a directory.
///
/// A token's text comes from `TokenNames`, its id from the merged vocabulary; `config.json` and then
/// `generation_config.json` fill what is missing. Whether tokens are added to a text is the
/// post-processor's to say, and `add_bos_token`'s and its kin where there is no `tokenizer.json`.
struct SpecialTokenReader {
    private let files: HFTokenizerFiles
    private let added: AddedTokens
    private let vocabulary: Vocabulary
    private var names: TokenNames
    private(set) var special = HFSpecialTokens()
    private(set) var notices: [String] = []

    /// Reads ids and flags.
    ///
    /// - Parameter isEncoder: Whether the vocabulary is that of an encoder of the unigram kind, whose
    ///   class, not its files, says what stands at the ends of a text.
    init(
        _ files: HFTokenizerFiles, names: TokenNames, added: AddedTokens, vocabulary: Vocabulary,
        isEncoder: Bool
    ) {
        self.files = files
        self.names = names
        self.added = added
        self.vocabulary = vocabulary
        readPostProcessor()
        readFlags()
        readIDs()
        if !isEncoder { settleEnds() }
    }

    // MARK: Ids

    private mutating func readIDs() {
        for role in names.roles {
            guard let name = names[role], let id = added.id(name),
                vocabulary.tokens.indices.contains(id)
            else { continue }
            // Without tokenizer.json the peer writes what config.json says: all else only where
            // readers would take another token.
            if files.definition == nil, files.configuration("\(role.rawValue)_token_id") == nil,
                vocabulary.readersID(role) == id || vocabulary.types[id] == .unknown
            {
                continue
            }
            add(role, id)
        }
        for role in names.roles { readConfiguration(role) }
        // WordPiece's model names the token itself, and readers would take another.
        if case .wordPiece(let model)? = files.definition?.model, special.id(.unk) == nil,
            let id = added.id(model.unknownToken), vocabulary.readersID(.unk) != id
        {
            add(.unk, id)
        }
        for role in [Vocabulary.SpecialRole.bos, .eos, .pad] where special.id(role) == nil {
            let value = files.generationConfig?["\(role.rawValue)_token_id"]
            if let id = value?.integer ?? value?.array?.first?.integer { add(role, id) }
        }
        if files.definition == nil {
            special.ids.sort {
                names.roles.firstIndex(of: $0.role) ?? 0 < names.roles.firstIndex(of: $1.role) ?? 0
            }
        }
    }

    private mutating func add(_ role: Vocabulary.SpecialRole, _ id: Int) {
        // GGUF has no key of its own for CLS: it is BERT's BOS.
        guard role != .cls, vocabulary.tokens.indices.contains(id), let narrow = Int32(exactly: id),
            special.id(role) == nil
        else { return }
        special.set(role, id: narrow)
    }

    /// An id of `config.json`, which must be one of the vocabulary.
    private mutating func readConfiguration(_ role: Vocabulary.SpecialRole) {
        let key = "\(role.rawValue)_token_id"
        guard let value = files.configuration(key) else { return }
        guard let id = value.integer else {
            // Lists are the ends of texts, see `endTokens`.
            if role == .eos, let first = value.array?.first?.integer {
                add(role, first)
            } else {
                notices.append(
                    "config.json: \(key) is \(value.line), not an id; it is not written")
            }
            return
        }
        guard vocabulary.tokens.indices.contains(id) else {
            notices.append(
                "config.json: \(key) is \(id), expected 0 ..< \(vocabulary.tokens.count); it is not "
                    + "written")
            return
        }
        if let other = special.id(role), Int(other) != id, role != .cls {
            notices.append(
                "config.json says \(key) \(id), the tokenizer \(other) "
                    + "(\"\(vocabulary.tokens[Int(other)])\"); the latter is written")
        }
        add(role, id)
    }

    // MARK: Flags

    /// Flags for the roles about which the post-processor says nothing.
    private mutating func readFlags() {
        for role in names.roles {
            let key = "add_\(role.rawValue)_token"
            guard let isAdded = files.tokenizerConfig?[key]?.boolean else { continue }
            if let other = special.flag(role) {
                guard other != isAdded else { continue }
                notices.append(
                    "tokenizer_config.json says \(key) \(isAdded), the post-processor of "
                        + "tokenizer.json \(other); the latter is written, as transformers has it")
            } else {
                special.set(role, added: isAdded)
            }
        }
    }

    /// Makes flags and ids say what transformers puts around a text.
    private mutating func settleEnds() {
        let ends = files.hasTokenizerJSON ? definedEnds() : flaggedEnds()
        let readers = vocabulary.readersEnds
        for (role, id, isDefault) in [
            (Vocabulary.SpecialRole.bos, ends.first, readers.bos),
            (.eos, ends.last, readers.eos),
        ] {
            if let id, let narrow = Int32(exactly: id), vocabulary.tokens.indices.contains(id),
                special.id(role) != narrow
            {
                if let other = special.id(role) {
                    notices.append(
                        "\(role.rawValue)_token is \"\(vocabulary.tokens[Int(other)])\" (\(other)), "
                            + "the post-processor of tokenizer.json adds "
                            + "\"\(vocabulary.tokens[id])\" (\(id)); the latter is written")
                }
                if special.id(role) != nil || vocabulary.readersID(role) != id {
                    special.set(role, id: narrow)
                }
            }
            // BERT's readers put both ends around a text whatever the flags say.
            if vocabulary.model == .wordPiece {
                if role == .bos, id != nil, special.flag(role) == false {
                    special.set(role, added: true)
                }
                continue
            }
            let isAdded = id != nil
            guard let flag = special.flag(role) else {
                if isAdded != isDefault || vocabulary.model == .unigram {
                    special.set(role, added: isAdded)
                }
                continue
            }
            guard flag != isAdded else { continue }
            special.set(role, added: isAdded)
            if files.hasTokenizerJSON, files.tokenizerConfig?["add_\(role.rawValue)_token"] != nil {
                notices.append(
                    "tokenizer_config.json says add_\(role.rawValue)_token \(flag), tokenizer.json "
                        + "\(isAdded ? "adds it" : "adds none"); the latter is written, as "
                        + "transformers has it")
            }
        }
        if vocabulary.model == .wordPiece, special.id(.sep) == nil, let id = ends.last,
            let narrow = Int32(exactly: id), vocabulary.readersID(.sep) != id
        {
            special.set(.sep, id: narrow)
        }
    }

    /// The tokens that a post-processor puts around a text.
    private mutating func definedEnds() -> (first: Int?, last: Int?) {
        guard let processor = files.definition?.postProcessor else { return (nil, nil) }
        let ends = processor.ends
        for type in ends.unknown {
            notices.append("the post-processor \(type) of tokenizer.json is not known and left out")
        }
        func id(_ token: PostProcessor.EndToken) -> Int? {
            token.id ?? added.id(ByteString(token.text))
        }
        for (side, list) in [("in front of", ends.first), ("behind", ends.last)]
        where list.count > 1 {
            notices.append(
                "tokenizer.json puts \(list.map { "\"\($0.text)\"" }.joined(separator: ", ")) "
                    + "\(side) a text; GGUF has room for one, the outer one is written")
        }
        return (ends.first.first.flatMap(id), ends.last.last.flatMap(id))
    }

    /// The tokens that transformers puts around a text where there is no `tokenizer.json`.
    private mutating func flaggedEnds() -> (first: Int?, last: Int?) {
        func id(_ role: Vocabulary.SpecialRole) -> Int? { names[role].flatMap { added.id($0) } }
        if vocabulary.model == .wordPiece { return (id(.bos), id(.sep)) }
        if special.flag(.bos) == nil, vocabulary.readersEnds.bos {
            notices.append(
                "no file says whether BOS goes in front of a text; none is added, as transformers "
                    + "has it")
        }
        func end(_ role: Vocabulary.SpecialRole) -> Int? {
            special.flag(role) ?? false ? id(role) ?? special.id(role).map { Int($0) } : nil
        }
        return (end(.bos), end(.eos))
    }

    // MARK: The post-processor

    /// What a post-processor says about the tokens at the ends of a text, as the peer reads it.
    private mutating func readPostProcessor() {
        guard let definition = files.definition else { return }
        names.adoptClassifierTokens()
        let hasNames = files.tokenizerConfig != nil
        for step in definition.postProcessor?.steps ?? [] {
            switch step {
            case .byteLevel:
                for role in [Vocabulary.SpecialRole.bos, .eos] where special.flag(role) == nil {
                    special.set(role, added: false)
                }
            case .roberta(let cls, let sep):
                for role in [Vocabulary.SpecialRole.bos, .eos, .sep] {
                    special.set(role, added: true)
                }
                if hasNames, names[.cls] == nil { names[.cls] = ByteString(cls.text) }
                if hasNames, names[.sep] == nil { names[.sep] = ByteString(sep.text) }
            case .template(let single, let pair, _): read(single: single, pair: pair, hasNames)
            default: break
            }
        }
    }

    private mutating func read(
        single: [PostProcessor.Piece], pair: [PostProcessor.Piece], _ hasNames: Bool
    ) {
        var first: ByteString?
        var last: ByteString?
        if single.count > 1 {
            first = single.first?.special
            last = single.last?.special
        }
        if let first {
            if names[.bos] == nil || !hasNames { names[.bos] = first }
            if names[.cls] == nil, first != names[.bos] { names[.cls] = first }
            special.set(.bos, added: first == names[.bos] || first == names[.cls])
        }
        if let last {
            if hasNames, last != names[.eos] { names.demoteEndOfText() }
            names[.eos] = last
            special.set(.eos, added: true)
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
        var isAdded = false
        if let token = inner.first?.special, separators.contains(token), last == nil {
            isAdded = true
        }
        if inner.count == 2, let token = inner.last?.special, separators.contains(token) {
            isAdded = true
        }
        special.set(.sep, added: isAdded)
        if isAdded, hasNames, names[.sep] == nil { names[.sep] = names[.eos] }
    }
}

extension PostProcessor.Piece {
    fileprivate var special: ByteString? {
        if case .specialToken(let name) = self { ByteString(name) } else { nil }
    }
}
