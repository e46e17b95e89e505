public import TensorCore

extension Vocabulary {
    /// Reads the `tokenizer.*` keys of a GGUF file.
    ///
    /// Checked: the lists agree in length, types are known, special ids lie in the vocabulary and
    /// every merge has two parts.
    public init(metadata: Metadata, file: String? = nil) throws(TokenizationError) {
        let keys = VocabularyKeys(metadata: metadata, file: file)
        let modelName = try keys.text("tokenizer.ggml.model")
        guard let model = Model(rawValue: modelName) else {
            throw TokenizationError(
                .unknownValue(
                    "\"\(modelName)\"",
                    expected: Model.allCases.map { $0.rawValue }.joined(separator: ", ")),
                file: file, place: "tokenizer.ggml.model")
        }
        let tokens = try keys.strings("tokenizer.ggml.tokens")
        guard (1...Vocabulary.tokenCountLimit).contains(tokens.count) else {
            throw TokenizationError(
                .countOutOfRange(found: tokens.count, limit: Vocabulary.tokenCountLimit),
                file: file, place: "tokenizer.ggml.tokens")
        }
        self.init(model: model, tokens: tokens)
        pre = metadata["tokenizer.ggml.pre"]?.text ?? "default"
        types = try keys.types(count: tokens.count)
        scores = try keys.scores(count: tokens.count)
        if metadata["tokenizer.ggml.merges"] != nil {
            merges = try keys.strings("tokenizer.ggml.merges")
            try Vocabulary.check(merges: merges, file: file, place: "tokenizer.ggml.merges")
        }
        for role in SpecialRole.allCases {
            guard let value = metadata[role.metadataKey] else { continue }
            specialIDs[role] = try keys.id(value, role, count: tokens.count)
        }
        addBOS = try keys.boolean("tokenizer.ggml.add_bos_token")
        addEOS = try keys.boolean("tokenizer.ggml.add_eos_token")
        addSEP = try keys.boolean("tokenizer.ggml.add_sep_token")
        addSpacePrefix = try keys.boolean("tokenizer.ggml.add_space_prefix")
        removeExtraWhitespaces = try keys.boolean("tokenizer.ggml.remove_extra_whitespaces")
        lowercase = try keys.boolean("tokenizer.ggml.normalizer.lowercase")
        stripAccents = try keys.boolean("tokenizer.ggml.normalizer.strip_accents")
        readStripping(
            name: metadata["general.name"]?.text ?? "",
            architecture: metadata["general.architecture"]?.text ?? "")
        switch metadata["tokenizer.ggml.precompiled_charsmap"] {
        case .uint8s(let bytes)?: precompiledCharsmap = bytes
        case .int8s(let bytes)?: precompiledCharsmap = bytes.map { UInt8(bitPattern: $0) }
        default: break
        }
        if case .string(let template)? = metadata["tokenizer.chat_template"] {
            chatTemplate = template
        }
    }

    /// What readers know of a few models by their names: GGUF has no key for it.
    private mutating func readStripping(name: String, architecture: String) {
        func ids(_ texts: [ByteString]) -> Set<Int32> {
            Set(
                tokens.indices.filter { texts.contains(tokens[$0]) }.compactMap {
                    Int32(exactly: $0)
                })
        }
        let name = name.lowercased()
        if ["jina-v2-de", "jina-v2-es", "jina-v2-code"].contains(where: pre.contains)
            || ["nomic-bert-moe", "jina-bert-v3"].contains(where: architecture.contains)
        {
            leftStripping = ids(["<mask>"])
        } else if ["phi-3", "phi3"].contains(where: name.contains) {
            let special = types.indices.filter {
                [.control, .userDefined, .unknown].contains(types[$0])
            }
            rightStripping = Set(special.compactMap { Int32(exactly: $0) })
                .subtracting(ids(["<unk>", "<s>", "<|endoftext|>"])).union(ids(["</s>"]))
        } else if name.contains("modern-bert") {
            leftStripping = ids(["[MASK]"])
        }
    }

    /// Checks that every merge has two parts with a space between (a part may begin with a space).
    static func check(
        merges: [ByteString], file: String?, place: String
    ) throws(TokenizationError) {
        for (index, merge) in merges.enumerated() where merge.mergeParts == nil {
            throw TokenizationError(
                .malformedMerge(merge.description), file: file, place: "\(place)[\(index)]")
        }
    }
}

extension ByteString {
    /// The two parts of a merge, separated by the first space that is not the first byte.
    var mergeParts: (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
        guard let space = bytes.dropFirst().firstIndex(of: UInt8(ascii: " ")),
            space + 1 < bytes.count
        else { return nil }
        return (bytes[..<space], bytes[(space + 1)...])
    }
}

/// Typed access to the tokenizer's keys, with errors that name the key.
private struct VocabularyKeys {
    let metadata: Metadata
    let file: String?

    func fault(_ kind: TokenizationError.Kind, _ key: String) -> TokenizationError {
        TokenizationError(kind, file: file, place: key)
    }

    func value(_ key: String, _ expected: String) throws(TokenizationError) -> MetadataValue {
        guard let value = metadata[key] else { throw fault(.missing(expected), key) }
        return value
    }

    func text(_ key: String) throws(TokenizationError) -> String {
        let value = try value(key, "a string")
        guard let text = value.text else {
            throw fault(.wrongKind(found: value.typeName, expected: "STRING"), key)
        }
        return text
    }

    func strings(_ key: String) throws(TokenizationError) -> [ByteString] {
        let value = try value(key, "an array of strings")
        guard case .strings(let strings) = value else {
            throw fault(.wrongKind(found: value.typeName, expected: "ARRAY[STRING]"), key)
        }
        return Array(strings)
    }

    func boolean(_ key: String) throws(TokenizationError) -> Bool? {
        guard let value = metadata[key] else { return nil }
        guard let boolean = value.boolean else {
            throw fault(.wrongKind(found: value.typeName, expected: "BOOL"), key)
        }
        return boolean
    }

    func types(count: Int) throws(TokenizationError) -> [Vocabulary.TokenType] {
        let key = "tokenizer.ggml.token_type"
        guard let value = metadata[key] else {
            return [Vocabulary.TokenType](repeating: .normal, count: count)
        }
        guard let numbers = value.integers else {
            throw fault(.wrongKind(found: value.typeName, expected: "ARRAY[INT32]"), key)
        }
        guard numbers.count == count else {
            throw fault(.countMismatch(found: numbers.count, expected: count), key)
        }
        var types: [Vocabulary.TokenType] = []
        types.reserveCapacity(count)
        for (index, number) in numbers.enumerated() {
            // 0 is "undefined": old files have it for ordinary tokens.
            let raw = number == 0 ? 1 : Int32(exactly: number)
            guard let raw, let type = Vocabulary.TokenType(rawValue: raw) else {
                throw fault(
                    .unknownValue("type \(number)", expected: "1 ... 6"), "\(key)[\(index)]")
            }
            types.append(type)
        }
        return types
    }

    func scores(count: Int) throws(TokenizationError) -> [Float]? {
        let key = "tokenizer.ggml.scores"
        guard let value = metadata[key] else { return nil }
        guard case .float32s(let scores) = value else {
            throw fault(.wrongKind(found: value.typeName, expected: "ARRAY[FLOAT32]"), key)
        }
        guard scores.count == count else {
            throw fault(.countMismatch(found: scores.count, expected: count), key)
        }
        return scores
    }

    func id(
        _ value: MetadataValue, _ role: Vocabulary.SpecialRole, count: Int
    ) throws(TokenizationError) -> Int32? {
        // An id of -1 (or its unsigned form) says "none".
        if case .uint32(.max) = value { return nil }
        guard let id = value.integer else {
            throw fault(.wrongKind(found: value.typeName, expected: "UINT32"), role.metadataKey)
        }
        if id == -1 { return nil }
        guard id >= 0, id < count, let narrow = Int32(exactly: id) else {
            throw fault(
                .idOutOfRange(token: role.rawValue, id: id, limit: count), role.metadataKey)
        }
        return narrow
    }
}
