import TensorCore

/// The texts of the tokens with a part to play, as `tokenizer_config.json` and
/// `special_tokens_map.json` name them.
struct TokenNames {
    /// The roles in the order in which the peer writes them; `eot` and `eom` join when needed.
    private(set) var roles: [Vocabulary.SpecialRole] = [.bos, .eos, .unk, .sep, .pad, .cls, .mask]
    /// All named tokens in the order in which transformers adds them, and the file of each.
    private(set) var tokens: [(token: HFTokenizerDefinition.AddedToken, file: String)] = []
    private var texts: [Vocabulary.SpecialRole: ByteString] = [:]
    private(set) var notices: [String] = []

    private static let configFile = "tokenizer_config.json"
    private static let mapFile = "special_tokens_map.json"

    /// Reads both files.
    ///
    /// transformers lets `special_tokens_map.json` overrule, unless the other file has an
    /// `added_tokens_decoder`: then it is not read, and only fills here what no other file says.
    init(_ files: HFTokenizerFiles) {
        let config = files.tokenizerConfig
        let map = files.specialTokensMap
        let mapRules = config?["added_tokens_decoder"] == nil
        for role in roles + [.eot, .eom] {
            let key = "\(role.rawValue)_token"
            let ours = config?[key].flatMap { HFTokenizerDefinition.AddedToken($0, special: true) }
            let theirs = map?[key].flatMap { HFTokenizerDefinition.AddedToken($0, special: true) }
            if let ours, let theirs, ours.content != theirs.content {
                notices.append(
                    "\(key) is \"\(ours.content)\" in \(Self.configFile) and \"\(theirs.content)\" "
                        + "in \(Self.mapFile); the \(mapRules ? "latter" : "former") is taken, as "
                        + "transformers does")
            }
            let usesMap = theirs != nil && (mapRules || ours == nil)
            guard let token = usesMap ? theirs : ours else { continue }
            texts[role] = token.content
            tokens.append((token, usesMap ? Self.mapFile : Self.configFile))
        }
        collectOthers(config, Self.configFile)
        collectOthers(map, Self.mapFile)
        for (role, text) in files.hasTokenizerJSON ? [] : files.defaultNames
        where texts[role] == nil {
            texts[role] = ByteString(text)
        }
    }

    /// Tokens with a name of the model's own, and those of the lists.
    private mutating func collectOthers(_ json: JSON?, _ file: String) {
        let known = Set((roles + [.eot, .eom]).map { "\($0.rawValue)_token" })
        var found: [JSON] = []
        for member in json?.members ?? [] {
            let key = member.key.description
            if key.hasSuffix("_token"), !known.contains(key) { found.append(member.value) }
        }
        let extra = json?["extra_special_tokens"]
        found += extra?.members?.map(\.value) ?? []
        let list = extra?.array ?? []
        found += list.isEmpty ? json?["additional_special_tokens"]?.array ?? [] : list
        for value in found {
            guard let token = HFTokenizerDefinition.AddedToken(value, special: true) else {
                continue
            }
            tokens.append((token, file))
        }
    }

    subscript(role: Vocabulary.SpecialRole) -> ByteString? {
        get { texts[role] }
        set { texts[role] = newValue }
    }

    /// Whether the text is that of a named token.
    func contains(_ text: ByteString) -> Bool {
        tokens.contains { $0.token.content == text }
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
