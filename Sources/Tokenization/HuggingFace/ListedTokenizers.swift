import TensorCore

extension HFTokenizer {
    /// The tokenizer of a directory whose vocabulary is a list in a file of its model's own.
    ///
    /// - Returns: `nil` for a kind that has no such list.
    /// - Throws: `TokenizationError`, `JSONError` or `FileError`.
    static func listed(
        _ model: Vocabulary.Model?, directory: String, vocabularySize: Int?
    ) throws -> HFTokenizer? {
        let folder = HFTokenizerFolder(path: directory)
        switch model {
        case .byteStrings: return try byteStrings(folder, size: vocabularySize)
        case .plamo: return try plamo(folder, size: vocabularySize)
        default: return nil
        }
    }

    private init(
        _ vocabulary: Vocabulary, _ special: HFSpecialTokens, folder: HFTokenizerFolder,
        file: String
    ) throws {
        var (vocabulary, special) = (vocabulary, special)
        let templates = try HFChatTemplates(
            folder, tokenizerConfig: try folder.json("tokenizer_config.json"))
        if !templates.templates.isEmpty { special.chatTemplates = templates.templates }
        special.apply(to: &vocabulary)
        self.init(
            vocabulary: vocabulary, special: special, definition: nil, addedTokens: [],
            endTokens: [], notices: templates.notices, file: file)
    }

    // MARK: RWKV

    /// RWKV's world tokenizer: a line for each token with its number, a string or bytes as Python
    /// writes them, and the number of bytes.
    private static func byteStrings(
        _ folder: HFTokenizerFolder, size: Int?
    ) throws -> HFTokenizer {
        let file = folder.file("rwkv_vocab_v20230424.txt")
        guard try folder.existing(["rwkv_vocab_v20230424.txt"]) != nil else {
            throw TokenizationError(.missing("rwkv_vocab_v20230424.txt"), file: folder.path)
        }
        var tokens: [ByteString] = ["<s>"]
        let bytes = try InputFile.contents(path: file, limit: listLimit)
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let token = PythonLiteral.token(ofLine: line) else {
                throw TokenizationError(
                    .wrongKind(
                        found: "\"\(String(decoding: line.prefix(60), as: UTF8.self))\"",
                        expected: "a number, a Python string or bytes, and their length"),
                    file: file, place: "line \(number + 1)")
            }
            tokens.append(ByteString(bytes: PythonLiteral.escaped(token)))
        }
        let count = tokens.count
        var vocabulary = Vocabulary(
            model: .byteStrings,
            tokens: try padded(tokens, to: size ?? 65536, file: file) {
                .padding($0)
            })
        vocabulary.types[0] = .control
        for id in count..<vocabulary.tokens.count { vocabulary.types[id] = .unused }
        let config = try folder.json("config.json")
        var special = HFSpecialTokens()
        for role in [Vocabulary.SpecialRole.bos, .eos, .unk, .sep, .pad, .mask] {
            guard let id = config?["\(role.rawValue)_token_id"]?.integer,
                vocabulary.tokens.indices.contains(id)
            else { continue }
            special.set(role, id: Int32(truncatingIfNeeded: id))
        }
        // An empty line ends a turn; both ends of a text are the first token, whatever the files say.
        if vocabulary.tokens.count > 261 { special.set(.eot, id: 261) }
        special.set(.bos, id: 0)
        special.set(.eos, id: 0)
        let tokenizerConfig = try folder.json("tokenizer_config.json")
        for role in [Vocabulary.SpecialRole.bos, .eos, .sep] {
            if let adds = tokenizerConfig?["add_\(role.rawValue)_token"]?.boolean {
                special.set(role, added: adds)
            }
        }
        special.chatTemplates = [HFChatTemplate(name: nil, text: worldTemplate)]
        return try HFTokenizer(vocabulary, special, folder: folder, file: file)
    }

    // MARK: PLaMo

    /// PLaMo's `tokenizer.jsonl`: a list for each token with its text, its score and its kind.
    private static func plamo(_ folder: HFTokenizerFolder, size: Int?) throws -> HFTokenizer {
        let file = folder.file("tokenizer.jsonl")
        guard try folder.existing(["tokenizer.jsonl"]) != nil else {
            throw TokenizationError(.missing("tokenizer.jsonl"), file: folder.path)
        }
        var tokens: [ByteString] = []
        var scores: [Float] = []
        var types: [Vocabulary.TokenType] = []
        let bytes = try InputFile.contents(path: file, limit: listLimit)
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard line.contains(where: { $0 > 0x20 }) else { continue }
            let row = try JSON.parse(Array(line), file: file).array
            guard let row, row.count >= 2, let text = row[0].bytes, let score = row[1].double else {
                throw TokenizationError(
                    .wrongKind(
                        found: String(decoding: line.prefix(60), as: UTF8.self),
                        expected: "a list of a text, a score and a kind"),
                    file: file, place: "line \(number + 1)")
            }
            tokens.append(text)
            scores.append(Float(score))
            types.append(type(of: text, kind: row.count > 2 ? row[2].text : nil))
        }
        let count = tokens.count
        tokens = try padded(tokens, to: max(size ?? 0, count), file: file) {
            ByteString("[PAD\($0 - count + 1)]")
        }
        scores += [Float](repeating: -1000, count: tokens.count - count)
        types += [Vocabulary.TokenType](repeating: .unused, count: tokens.count - count)
        var vocabulary = Vocabulary(
            model: .plamo, tokens: tokens, scores: scores, types: types)
        vocabulary.addSpacePrefix = false
        var special = HFSpecialTokens()
        let config = try folder.json("tokenizer_config.json")
        for role in [Vocabulary.SpecialRole.bos, .eos, .pad, .sep, .unk] {
            guard let name = config?["\(role.rawValue)_token"]?.bytes else { continue }
            guard let id = tokens.firstIndex(of: name), let narrow = Int32(exactly: id) else {
                throw TokenizationError(
                    .missing("the token \"\(name)\""), file: file,
                    place: "tokenizer_config.json: \(role.rawValue)_token")
            }
            special.set(role, id: narrow)
        }
        // <|plamo:op|>, which ends a turn.
        if tokens.count > 4 { special.set(.eot, id: 4) }
        return try HFTokenizer(vocabulary, special, folder: folder, file: file)
    }

    private static func type(of text: ByteString, kind: String?) -> Vocabulary.TokenType {
        switch kind {
        case "UNKNOWN": return .unknown
        case "CONTROL": return .control
        case "BYTE": return .byte
        default:
            let bytes = text.bytes
            let isControl =
                bytes.starts(with: "<|plamo:".utf8) && bytes.suffix(2).elementsEqual("|>".utf8)
            return isControl ? .control : .normal
        }
    }

    // MARK: Both

    /// The most bytes of a list that are read: the published ones have 1 and 3 MB.
    private static let listLimit = 1 << 28

    private static func padded(
        _ tokens: [ByteString], to size: Int, file: String, _ text: (Int) -> ByteString
    ) throws(TokenizationError) -> [ByteString] {
        guard tokens.count <= size, size <= Vocabulary.tokenCountLimit else {
            throw TokenizationError(
                .countOutOfRange(
                    found: max(tokens.count, size), limit: min(size, Vocabulary.tokenCountLimit)),
                file: file)
        }
        return tokens + (tokens.count..<size).map(text)
    }
}
