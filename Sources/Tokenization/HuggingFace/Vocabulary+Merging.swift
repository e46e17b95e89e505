import TensorCore

extension Vocabulary {
    /// The vocabulary of a SentencePiece BPE tokenizer that exists as `tokenizer.json`, with its
    /// merges and without scores that mean something, as Gemma 4's files have it.
    ///
    /// Tokens that the tokenizer's configuration gives a part are control tokens, all other tokens of
    /// the base vocabulary are text, also where they were added to it as special.
    init(
        merging definition: HFTokenizerDefinition, added: AddedTokens, tokenizerConfig: JSON?,
        size: Int?, file: String
    ) throws(TokenizationError) {
        guard case .bpe(let bpe) = definition.model, !definition.isByteLevel else {
            throw TokenizationError(
                .unsupported("a tokenizer without SentencePiece's merges"), file: file,
                place: "model")
        }
        self = try Vocabulary(definition: definition, added: added, size: size, file: file)
        model = .sentencePieceMerges
        merges = bpe.merges
        scores = [Float](repeating: -1000, count: tokens.count)
        let named = Vocabulary.namedTokens(tokenizerConfig)
        let base = Set(bpe.vocabulary.lazy.map(\.id))
        for index in tokens.indices where base.contains(index) {
            let token = tokens[index]
            if Vocabulary.visible.contains(token) {
                types[index] = .userDefined
            } else if token.byteTokenValue != nil {
                types[index] = .byte
            } else {
                types[index] = named.contains(token) ? .control : .normal
            }
        }
    }

    /// Texts that structure a conversation and that its reader must see, whatever their part.
    static let visible: Set<ByteString> = [
        "<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>",
        "<tool_response|>", "<|\"|>",
    ]

    /// The tokens that have a part by name, and those of Gemma's tokenizers that always have one.
    static func namedTokens(_ config: JSON?) -> Set<ByteString> {
        var named: Set<ByteString> = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
        func add(_ value: JSON) {
            if let text = value.bytes ?? value["content"]?.bytes { named.insert(text) }
        }
        for member in config?.members ?? [] {
            if member.key.description.hasSuffix("_token") { add(member.value) }
        }
        for key in ["extra_special_tokens", "additional_special_tokens"] {
            let list = config?[key]
            for value in list?.array ?? [] { add(value) }
            for member in list?.members ?? [] { add(member.value) }
        }
        return named
    }

    /// Replaces scores by the merges' order: the first merge has score 0, the next -1.
    mutating func scoreByMerges() {
        var ranks: [ByteString: Int] = [:]
        ranks.reserveCapacity(merges.count)
        for (rank, merge) in merges.enumerated() {
            guard let (left, right) = merge.mergeParts else { continue }
            let whole = ByteString(bytes: Array(left) + Array(right))
            if ranks[whole] == nil { ranks[whole] = rank }
        }
        scores = tokens.map { token in ranks[token].map { -Float($0) } ?? -.infinity }
    }
}
