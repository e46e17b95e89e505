public import TensorCore

/// The tokenizer files of a Hugging Face directory that say what a GGUF file's vocabulary says.
public struct VocabularyExport: Sendable {
    /// File names and contents.
    public private(set) var files: [(name: String, bytes: [UInt8])] = []
    /// Entries for `config.json`: the numbers of tokens with a part to play.
    public private(set) var configuration: [(key: String, value: JSON)] = []

    let vocabulary: Vocabulary
    let metadata: Metadata
    let file: String

    /// Makes the files.
    ///
    /// - Parameters:
    ///   - metadata: The metadata of the GGUF file that the vocabulary was read from.
    ///   - tokenizerClass: transformers' class for a SentencePiece model.
    ///   - piecesFile: The name of the file for a SentencePiece model; `tokenizer.json` where a unigram
    ///     model is to be written as such.
    /// - Throws: `TokenizationError` when a file cannot hold the vocabulary: two tokens with the
    ///   same text, a pre-tokenizer name that is not known.
    public init(
        _ vocabulary: Vocabulary, metadata: Metadata, tokenizerClass: String,
        piecesFile: String = "tokenizer.model", file: String
    ) throws(TokenizationError) {
        self.vocabulary = vocabulary
        self.metadata = metadata
        self.file = file
        var settings: [JSON.Member] = []
        func define(_ document: JSON, _ name: String = "PreTrainedTokenizerFast") {
            files.append(("tokenizer.json", document.written()))
            settings.append(.init("tokenizer_class", .text(name)))
        }
        switch vocabulary.model {
        case .byteLevelBPE: define(try byteLevel())
        case .wordPiece: define(try wordPiece(), "BertTokenizer")
        case .sentencePieceMerges: define(try mergedPieces())
        case .unigram where piecesFile == "tokenizer.json": define(try scoredPieces())
        case .byteStrings, .plamo:
            throw TokenizationError(
                .unsupported("writing the files of a \(vocabulary.model.rawValue) tokenizer"),
                file: file)
        case .sentencePieceBPE, .unigram:
            let split = sentencePieces()
            files.append((piecesFile, split.bytes))
            settings.append(.init("tokenizer_class", .text(tokenizerClass)))
            settings.append(.init("added_tokens_decoder", .object(split.added)))
        }
        settings += specialTokens()
        settings += flags() + templates()
        if case .bool(let adds)? = metadata["tokenizer.ggml.add_space_prefix"] {
            settings.append(.init("add_prefix_space", .bool(adds)))
        }
        if let lowercase = vocabulary.lowercase {
            settings.append(.init("do_lower_case", .bool(lowercase)))
        }
        settings.append(.init("clean_up_tokenization_spaces", .bool(false)))
        files.append(("tokenizer_config.json", JSON.object(settings).written()))
    }
}

// MARK: tokenizer_config.json

extension VocabularyExport {
    private static let roles: [Vocabulary.SpecialRole] = [
        .bos, .eos, .unk, .sep, .pad, .mask,
    ]

    /// `bos_token` and its kin, and the numbers for `config.json`.
    ///
    /// A conversion takes a role from the token's text where `tokenizer.json` lists the token, and
    /// all others from `config.json`.
    private mutating func specialTokens() -> [JSON.Member] {
        var members: [JSON.Member] = []
        let added = addedByFamily
        for role in VocabularyExport.roles {
            let id = vocabulary.specialIDs[role]
            let key = "\(role.rawValue)_token"
            guard !added.contains(role) else {
                if [.bos, .eos, .pad].contains(role) { configuration.append((key + "_id", .null)) }
                continue
            }
            // A token with a name is found in the text: text itself is not.
            if let id, ![.normal, .byte, .unused].contains(vocabulary.types[Int(id)]) {
                members.append(.init(key, .string(vocabulary.tokens[Int(id)])))
            }
            // transformers has numbers of its own for these where the file says nothing.
            if id != nil || [.bos, .eos, .pad].contains(role) {
                configuration.append((key + "_id", id.map { .integer(Int($0)) } ?? .null))
            }
        }
        if vocabulary.model == .wordPiece, let id = vocabulary.specialIDs[.bos] {
            members.append(.init("cls_token", .string(vocabulary.tokens[Int(id)])))
        }
        // What has no part is text there, unless it is listed.
        if vocabulary.model == .sentencePieceMerges {
            let named = Vocabulary.namedTokens(.object(members))
            let others = zip(vocabulary.tokens, vocabulary.types).filter {
                $1 == .control && !named.contains($0)
            }
            members.append(
                .init("additional_special_tokens", .array(others.map { .string($0.0) })))
        }
        return members
    }

    /// The roles that a conversion adds by itself: those that do not stand in the order in which it
    /// writes what the tokenizer's files say, or stand behind its flags.
    private var addedByFamily: Set<Vocabulary.SpecialRole> {
        var added: Set<Vocabulary.SpecialRole> = []
        var last: Int?
        for entry in metadata.entries where entry.key.hasPrefix("tokenizer.ggml.") {
            if entry.key.hasPrefix("tokenizer.ggml.add_"), last != nil {
                last = VocabularyExport.roles.endIndex
            }
            guard entry.key.hasSuffix("_token_id") else { continue }
            let role = VocabularyExport.roles.firstIndex { $0.metadataKey == entry.key }
            let place = role ?? VocabularyExport.roles.endIndex
            if let role, let last, place < last { added.insert(VocabularyExport.roles[role]) }
            last = max(last ?? place, place)
        }
        return added
    }

    /// A flag behind the chat template is the family's own: a conversion adds it by itself.
    private func flags() -> [JSON.Member] {
        let keys = metadata.entries.map(\.key)
        let template = keys.firstIndex(of: "tokenizer.chat_template") ?? keys.endIndex
        var members: [JSON.Member] = []
        for role in ["bos", "eos", "sep"] {
            guard let place = keys.firstIndex(of: "tokenizer.ggml.add_\(role)_token"),
                place < template, case .bool(let isAdded) = metadata.entries[place].value
            else { continue }
            members.append(.init("add_\(role)_token", .bool(isAdded)))
        }
        return members
    }

    private func templates() -> [JSON.Member] {
        let main = metadata["tokenizer.chat_template"].flatMap { value -> ByteString? in
            if case .string(let text) = value { text } else { nil }
        }
        guard case .strings(let names)? = metadata["tokenizer.chat_templates"] else {
            return main.map { [.init("chat_template", .string($0))] } ?? []
        }
        var templates: [JSON] = []
        func add(_ name: ByteString, _ text: ByteString) {
            templates.append(
                .object([.init("name", .string(name)), .init("template", .string(text))]))
        }
        for name in names {
            if case .string(let text)? = metadata["tokenizer.chat_template.\(name)"] {
                add(name, text)
            }
        }
        if let main { add("default", main) }
        return [.init("chat_template", .array(templates))]
    }
}
