import TensorCore

/// What the files of a directory say about its tokenizer, each for itself.
struct HFTokenizerFiles {
    let folder: HFTokenizerFolder
    /// `config.json`, and the part of it that is the language model's.
    let config: JSON?
    let generationConfig: JSON?
    let tokenizerConfig: JSON?
    let specialTokensMap: JSON?
    /// `added_tokens.json`: texts and ids.
    let addedTokens: [(text: ByteString, id: Int)]
    /// `tokenizer.json`, or what bare vocabulary files stand for.
    let definition: HFTokenizerDefinition?
    /// The file that `definition` came from.
    let definitionFile: String
    /// Whether `definition` is a `tokenizer.json`, which has a say in what stands around a text.
    let hasTokenizerJSON: Bool
    /// What the class calls its tokens when no file says: known of bare vocabulary files and of
    /// BERT.
    let defaultNames: [(role: Vocabulary.SpecialRole, text: String)]
    /// Whether a token for what the vocabulary lacks is of no use: it has every byte.
    private(set) var hasEveryByte = false
    /// Where the files disagree about what is done to a text.
    private(set) var notices: [String] = []

    /// Reads them all but the SentencePiece model.
    ///
    /// - Throws: `TokenizationError`, `JSONError` or `FileError`.
    init(directory: String, modelType: String?) throws {
        folder = HFTokenizerFolder(path: directory)
        config = try folder.json("config.json")
        // Not every published model has a sound one.
        generationConfig = try? folder.json("generation_config.json")
        tokenizerConfig = try folder.json("tokenizer_config.json")
        specialTokensMap = try folder.json("special_tokens_map.json")
        var added: [(text: ByteString, id: Int)] = []
        for member in try folder.json("added_tokens.json")?.members ?? [] {
            guard let id = member.value.integer else {
                throw TokenizationError(
                    .wrongKind(found: member.value.kindName, expected: "an integer"),
                    file: folder.file("added_tokens.json"), place: member.key.description)
            }
            added.append((member.key, id))
        }
        addedTokens = added
        if let json = try folder.json("tokenizer.json") {
            definitionFile = folder.file("tokenizer.json")
            var definition = try HFTokenizerDefinition(json, file: definitionFile)
            hasTokenizerJSON = true
            if let tokenizerConfig {
                notices = definition.followBERTOptions(of: tokenizerConfig)
            }
            self.definition = definition
            if case .wordPiece = definition.model {
                defaultNames = VocabularyFiles.namesOfBERT
            } else {
                defaultNames = []
            }
            return
        }
        hasTokenizerJSON = false
        let sentencePiece = try folder.existing(SentencePieceModel.fileNames)
        if sentencePiece == nil,
            let files = try VocabularyFiles(
                folder, tokenizerConfig: tokenizerConfig, specialTokensMap: specialTokensMap)
        {
            definitionFile = files.path
            let type =
                modelType ?? (config?["model_type"] ?? config?["text_config"]?["model_type"])?.text
            definition = try files.definition(modelType: type)
            defaultNames = try files.defaultNames(modelType: type)
        } else if sentencePiece == nil,
            let file = try TiktokenFile(
                folder, tokenizerConfig: tokenizerConfig,
                size: (config?["vocab_size"] ?? config?["text_config"]?["vocab_size"])?.integer)
        {
            definitionFile = file.path
            definition = try file.definition()
            defaultNames = file.defaultNames
            hasEveryByte = !defaultNames.contains { $0.role == .unk }
        } else {
            definitionFile = directory
            definition = nil
            defaultNames = []
        }
    }

    /// A number of `config.json` or of its language model's part.
    func configuration(_ key: String) -> JSON? {
        config?[key].flatMap { $0.isNull ? nil : $0 } ?? config?["text_config"]?[key]
    }

    /// Where generation ends: `eos_token_id` of `generation_config.json`, else of `config.json`.
    var endTokens: [(file: String, id: Int)] {
        let key = "eos_token_id"
        for (file, value) in [
            ("generation_config.json", generationConfig?[key]), ("config.json", configuration(key)),
        ] {
            if let id = value?.integer { return [(file, id)] }
            if let ids = value?.array { return ids.compactMap { $0.integer.map { (file, $0) } } }
        }
        return []
    }

    /// The tokens that all files add to a model's vocabulary, in transformers' order: those of
    /// `tokenizer.json`; then those of `added_tokens_decoder` or, where there is none, of
    /// `added_tokens.json`, by their ids; then the named ones.
    func addedTokens(
        to base: some Sequence<(token: ByteString, id: Int)>, pieces: [ByteString] = [],
        file: String, names: TokenNames
    ) throws(TokenizationError) -> AddedTokens {
        var added = AddedTokens(base, pieces: pieces, file: file)
        for token in definition?.addedTokens ?? [] {
            added.add(token, claimed: token.id, from: .definition, in: definitionFile)
        }
        if let decoder = tokenizerConfig?["added_tokens_decoder"] {
            for (id, token) in try decoded(decoder).sorted(by: { $0.id < $1.id }) {
                added.add(token, claimed: id, from: .decoder, in: "tokenizer_config.json")
            }
        } else {
            for (text, id) in addedTokens.sorted(by: { $0.id < $1.id }) {
                // The file does not say how a token is found in a text.
                if added.contains(text) {
                    added.check(text, claimed: id, in: "added_tokens.json")
                } else {
                    added.add(
                        .init(content: text, special: names.contains(text)), claimed: id,
                        from: .list, in: "added_tokens.json")
                }
            }
        }
        for (token, file) in names.tokens where !added.contains(token.content) {
            added.add(token, claimed: nil, from: .name, in: file)
        }
        for (_, text) in defaultNames {
            let text = ByteString(text)
            guard !added.contains(text), added.id(text) != nil else { continue }
            added.add(
                .init(content: text, special: true), claimed: nil, from: .name, in: definitionFile)
        }
        return added
    }

    /// Ids and tokens of `added_tokens_decoder`.
    private func decoded(
        _ json: JSON
    ) throws(TokenizationError) -> [(id: Int, token: HFTokenizerDefinition.AddedToken)] {
        var result: [(id: Int, token: HFTokenizerDefinition.AddedToken)] = []
        for member in json.members ?? [] {
            guard let id = Int(member.key.description),
                let token = HFTokenizerDefinition.AddedToken(member.value)
            else {
                throw TokenizationError(
                    .wrongKind(
                        found: "\"\(member.key)\": \(member.value.line)",
                        expected: "an id and a token"),
                    file: folder.file("tokenizer_config.json"), place: "added_tokens_decoder")
            }
            result.append((id, token))
        }
        return result
    }
}

/// The files of a model directory that concern the tokenizer.
struct HFTokenizerFolder {
    let path: String

    func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    func existing(_ names: [String]) throws -> String? {
        try names.map { file($0) }.first { try FileIdentity.of($0) != nil }
    }

    /// The parsed file, or `nil` when there is none.
    func json(_ name: String) throws -> JSON? {
        guard let path = try existing([name]) else { return nil }
        return try JSON.parse(path: path)
    }
}
