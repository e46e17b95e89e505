import Architectures
import GGUF
import TensorCore
import Tokenization

/// Where a model's tokenizer is, and by which rules it is read: a draft model has that of its target.
struct TokenizerDirectory {
    let directory: HuggingFaceDirectory
    let rules: TokenizerRules
    /// Whether it is the model's own.
    let isOwn: Bool

    /// The place of a family's tokenizer.
    ///
    /// - Parameter target: The directory of the model that a draft is for.
    init(
        _ directory: HuggingFaceDirectory, _ family: ModelFamily, target: HuggingFaceDirectory?
    ) throws {
        guard case .ofTarget(let rules) = family.checkpoint.tokenizer, let target else {
            (self.directory, self.rules, isOwn) = (directory, family.tokenizer, true)
            return
        }
        self.directory = target
        isOwn = false
        self.rules =
            rules == .own
            ? family.tokenizer
            : try ModelFamily.of(config: target.config, path: target.file("config.json")).tokenizer
    }
}

extension HFTokenizer {
    /// The tokenizer of a directory, with the parts that family and options give to its tokens.
    static func load(
        _ place: TokenizerDirectory, _ configuration: ModelConfiguration,
        options: ConversionSource.Options
    ) throws -> HFTokenizer {
        let rules = place.rules
        var tokenizer = try HFTokenizer.load(
            directory: place.directory.path,
            modelType: place.isOwn ? configuration["model_type"]?.text : nil,
            // A draft may leave the number of tokens to its target.
            vocabularySize: !place.isOwn && configuration["vocab_size"] == nil
                ? nil : configuration.vocabSize(), pre: options.pre,
            model: rules.model.flatMap { Vocabulary.Model(rawValue: $0) })
        if let expected = rules.otherwise, tokenizer.kind.rawValue != rules.model {
            throw ConversionError(
                .invalidValue(
                    found: "a tokenizer of the kind \(tokenizer.kind.rawValue)",
                    expected: expected), path: tokenizer.file)
        }
        if let template = options.chatTemplate { tokenizer.special.setChatTemplate(template) }
        try tokenizer.give(rules.roles)
        tokenizer.replace(rules.replacements)
        if let prefix = rules.unusedPrefix { tokenizer.markUnused(prefix) }
        tokenizer.keepEndTokens(beside: rules.keys(configuration))
        return tokenizer
    }

    /// Gives parts to tokens by their text, unless another token has the part already.
    mutating func give(_ roles: [TokenizerRules.TokenRole]) throws {
        for entry in roles {
            guard let role = Vocabulary.SpecialRole(rawValue: entry.role) else {
                preconditionFailure("\(entry.role) is no part that a token plays")
            }
            let token = addedTokens.first { $0.content == ByteString(entry.token) }
            guard let id = token.flatMap({ Int32(exactly: $0.id) }) else {
                throw ConversionError(
                    .missingToken(entry.token, role: entry.role), path: file,
                    place: "added_tokens")
            }
            if !special.ids.contains(where: { $0.role == role }) {
                special.ids.append(.init(role: role, id: id))
            }
        }
    }
}

extension HFTokenizer {
    /// Gives parts to tokens by their text, whatever the files say; tokens that are not there get none.
    mutating func replace(_ roles: [TokenizerRules.TokenRole]) {
        for entry in roles {
            guard let role = Vocabulary.SpecialRole(rawValue: entry.role) else {
                preconditionFailure("\(entry.role) is no part that a token plays")
            }
            let token = addedTokens.first { $0.content == ByteString(entry.token) }
            guard let id = token.flatMap({ Int32(exactly: $0.id) }) else { continue }
            if let index = special.ids.firstIndex(where: { $0.role == role }) {
                special.ids[index] = .init(role: role, id: id)
            } else {
                special.ids.append(.init(role: role, id: id))
            }
            vocabulary.specialIDs[role] = id
        }
    }

    /// Marks the model's own tokens that begin so as unused; one of a single zero byte, at which texts
    /// end for some readers, gets the text that the reference converter gives it.
    mutating func markUnused(_ prefix: String) {
        let added = Set(addedTokens.map(\.id))
        for (id, token) in vocabulary.tokens.enumerated() where !added.contains(id) {
            if token.bytes.starts(with: prefix.utf8) { vocabulary.types[id] = .unused }
            if token.bytes == [0] { vocabulary.tokens[id] = "🐉" }
        }
    }
}

extension HFTokenizer {
    /// Whether a space goes in front of a text, where `tokenizer_config.json` speaks of it.
    func addsPrefixSpace(_ tokenizerConfig: JSON?) -> Bool? {
        let asked = tokenizerConfig?["add_prefix_space"]?.boolean
        guard kind == .sentencePieceBPE, asked != nil else { return asked }
        return vocabulary.addSpacePrefix ?? asked
    }

    /// Keeps all ends of generation that the directory lists: those that readers do not take for
    /// ends anyway get the parts `eot` and `eom`.
    ///
    /// - Parameter own: What the family writes itself.
    mutating func keepEndTokens(beside own: [MetadataEntry]) {
        // Encoders generate nothing.
        guard kind != .wordPiece else { return }
        var known = vocabulary
        for role in [Vocabulary.SpecialRole.eos, .eot, .eom] {
            let value = own.last { $0.key == role.metadataKey }?.value
            let id = value?.integer.flatMap { Int32(exactly: $0) } ?? special.id(role)
            if let id { known.specialIDs[role] = id }
        }
        var free = [Vocabulary.SpecialRole.eot, .eom].filter { known.specialIDs[$0] == nil }
        var ends = known.endTokens
        var lost: [String] = []
        for (file, end) in endTokens {
            guard vocabulary.tokens.indices.contains(end), let id = Int32(exactly: end) else {
                notices.append(
                    "\(file): eos_token_id has \(end), expected 0 ..< \(vocabulary.tokens.count); "
                        + "it is not written")
                continue
            }
            if ends.contains(id) { continue }
            guard let role = free.first else {
                lost.append("\(end) \"\(vocabulary.tokens[end])\"")
                continue
            }
            free.removeFirst()
            special.ids.append(.init(role: role, id: id))
            vocabulary.specialIDs[role] = id
            ends.insert(id)
        }
        guard !lost.isEmpty else { return }
        notices.append(
            "of the ends of generation GGUF has room for no more: \(lost.joined(separator: ", ")) "
                + "will not end one")
    }
}

extension Metadata {
    /// Says that no space goes in front of a text where readers would put one.
    mutating func settleSpacePrefix(_ tokenizer: HFTokenizer) {
        let key = "tokenizer.ggml.add_space_prefix"
        guard tokenizer.kind == .sentencePieceBPE, tokenizer.vocabulary.addSpacePrefix == false,
            self[key] == nil
        else { return }
        self[key] = .bool(false)
    }

    /// Appends the tokenizer's keys in the order in which the reference converter writes them.
    ///
    /// - Parameters:
    ///   - segments: Keys that stand among those about spaces.
    ///   - prefixSpace: Whether a space goes in front of a text, where it is said behind the tokens.
    mutating func append(
        _ tokenizer: HFTokenizer, segments: [MetadataEntry], prefixSpace: Bool?
    ) {
        let vocabulary = tokenizer.vocabulary
        self["tokenizer.ggml.model"] = .string(vocabulary.model.rawValue)
        if vocabulary.model != .sentencePieceMerges, vocabulary.model != .byteStrings {
            self["tokenizer.ggml.pre"] = .string(vocabulary.pre)
        }
        self["tokenizer.ggml.tokens"] = .strings(vocabulary.tokens)
        if let scores = vocabulary.scores { self["tokenizer.ggml.scores"] = .float32s(scores) }
        self["tokenizer.ggml.token_type"] = .int32s(vocabulary.types.map(\.rawValue))
        if let prefixSpace { self["tokenizer.ggml.add_space_prefix"] = .bool(prefixSpace) }
        if vocabulary.model == .unigram {
            self["tokenizer.ggml.add_space_prefix"] = .bool(vocabulary.addSpacePrefix ?? true)
            for entry in segments { self[entry.key] = entry.value }
            self["tokenizer.ggml.remove_extra_whitespaces"] = .bool(
                vocabulary.removeExtraWhitespaces ?? false)
            if let map = vocabulary.precompiledCharsmap {
                self["tokenizer.ggml.precompiled_charsmap"] = .uint8s(map)
            }
        }
        let hasMerges = [.byteLevelBPE, .sentencePieceMerges].contains(vocabulary.model)
        if hasMerges, !vocabulary.merges.isEmpty {
            self["tokenizer.ggml.merges"] = .strings(vocabulary.merges)
        }
        for entry in tokenizer.special.ids {
            self[entry.role.metadataKey] = .uint32(UInt32(clamping: entry.id))
        }
        for flag in tokenizer.special.flags where [.bos, .eos, .sep].contains(flag.role) {
            self["tokenizer.ggml.add_\(flag.role.rawValue)_token"] = .bool(flag.isAdded)
        }
        // Spaces in front are said behind the special tokens here.
        if vocabulary.model == .plamo { self["tokenizer.ggml.add_space_prefix"] = .bool(false) }
        appendChatTemplates(tokenizer.special.chatTemplates)
        if let normalizer = tokenizer.definition?.normalizer { append(normalizer) }
    }

    /// What a normalizer does to case and accents; of several steps the last counts.
    private mutating func append(_ normalizer: Normalizer) {
        var lowercases: Bool?
        var stripsAccents: Bool?
        for step in normalizer.steps {
            switch step {
            case .lowercase: lowercases = true
            case .stripAccents: stripsAccents = true
            case .bert(_, _, let accents, let lowercase):
                lowercases = lowercase
                if let accents { stripsAccents = accents }
            default: break
            }
        }
        let prefix = "tokenizer.ggml.normalizer."
        if let lowercases { self[prefix + "lowercase"] = .bool(lowercases) }
        if let stripsAccents { self[prefix + "strip_accents"] = .bool(stripsAccents) }
    }

    private mutating func appendChatTemplates(_ templates: [HFChatTemplate]) {
        var names: [ByteString] = []
        for template in templates {
            guard let given = template.name else { continue }
            // GGUF keys are plain: all other characters become `_`.
            let name = given.description.unicodeScalars.reduce(into: "") { name, scalar in
                let isPlain =
                    scalar.isASCII
                    && (scalar.properties.isAlphabetic
                        || scalar.properties.numericType != nil)
                name.unicodeScalars.append(isPlain ? scalar : "_")
            }
            guard !name.isEmpty, name != "default" else { continue }
            if !template.text.bytes.isEmpty {
                self["tokenizer.chat_template.\(name)"] = .string(template.text)
            }
            if !names.contains(ByteString(name)) { names.append(ByteString(name)) }
        }
        if !names.isEmpty { self["tokenizer.chat_templates"] = .strings(names) }
        appendMainTemplate(of: templates)
    }

    /// Writes the template that counts where none is asked for by name.
    mutating func appendMainTemplate(of tokenizer: HFTokenizer) {
        appendMainTemplate(of: tokenizer.special.chatTemplates)
    }

    private mutating func appendMainTemplate(of templates: [HFChatTemplate]) {
        let main = templates.last { $0.name == nil || $0.name == "default" }
        if let main, !main.text.bytes.isEmpty {
            self["tokenizer.chat_template"] = .string(main.text)
        }
    }
}
