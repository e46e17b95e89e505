import TensorCore

extension HFTokenizerDefinition {
    /// What byte-level BPE does in GGUF: the name of the pre-tokenizer says all the rules there are.
    func byteLevelLimits(_ bpe: HFModel.BPE, pre: String) -> [ReaderLimit] {
        var limits = normalizerLimits { _ in false } + bpe.limits
        let addsSpace = (preTokenizer?.steps ?? []).contains {
            if case .byteLevel(true, _) = $0 { true } else { false }
        }
        if addsSpace {
            limits.append(
                ReaderLimit(
                    "a space goes in front of every text (add_prefix_space); readers of byte-level "
                        + "BPE add none"
                ) { source in
                    source.editDefinition { $0.editPreTokenizer { $0.withoutPrefixSpace } }
                })
        }
        if let row = PreTokenizerName.row(named: pre), row.ignoresMerges != bpe.ignoreMerges {
            limits.append(
                ReaderLimit(
                    "words that are tokens are \(bpe.ignoreMerges ? "" : "not ")taken whole "
                        + "(ignore_merges); by the rules of \"\(pre)\" they are"
                        + (bpe.ignoreMerges ? " not" : ""), isSaid: false
                ) { source in
                    source.editDefinition {
                        $0.editBPE { $0.ignoreMerges = row.ignoresMerges }
                    }
                })
        }
        return limits
    }

    /// What SentencePiece's BPE does in GGUF: spaces become marks, and nothing is split.
    func sentencePieceLimits(_ bpe: HFModel.BPE, _ vocabulary: Vocabulary) -> [ReaderLimit] {
        var limits = normalizerLimits(isKept: \.writesSpaces) + bpe.limits
        let lacksBytes = vocabulary.types.count { $0 == .byte } < 256
        if lacksBytes {
            limits.append(
                ReaderLimit(
                    "the vocabulary has no token for some bytes; llama.cpp fails at text that no "
                        + "token covers")
            )
        }
        if !bpe.byteFallback {
            limits.append(
                ReaderLimit(
                    "byte_fallback is off, and text that no token covers is unknown; readers write "
                        + "it as bytes", isSaid: !lacksBytes
                ) { source in source.editDefinition { $0.editBPE { $0.byteFallback = true } } })
        }
        let splits = preTokenizer?.steps ?? []
        let cuts = splits.filter { step in
            switch step {
            case .metaspace: false
            // After spaces have become marks there is nothing to cut at.
            case .split(.literal(" "), _, _): false
            default: true
            }
        }
        if !cuts.isEmpty {
            limits.append(
                ReaderLimit(
                    "words are cut by \(cuts.map(\.name).joined(separator: ", ")); readers of "
                        + "SentencePiece's BPE join tokens across words"
                ) { source in source.editDefinition { $0.cutNothing() } })
        }
        if splits.contains(where: { if case .metaspace = $0 { true } else { false } }) {
            limits.append(
                ReaderLimit(
                    "readers put a space in front of every piece of text, also after an added token "
                        + "and where a space stands already, and join tokens across words",
                    isSaid: false
                ) { source in source.editDefinition { $0.cutNothing() } })
        }
        return limits
    }

    /// What a unigram model does in GGUF: SentencePiece's own rules around the pieces.
    var unigramLimits: [ReaderLimit] {
        let isKept: (Normalizer) -> Bool = { step in
            switch step {
            case .precompiled, .strip: true
            case .replace(.regex(" {2,}"), let content): content == " " || content == "▁"
            default: step.writesSpaces
            }
        }
        return normalizerLimits(isKept: isKept) + [
            ReaderLimit(
                "readers apply SentencePiece's own rules to spaces and to its map of characters, "
                    + "which tokenizers only approach", isSaid: false
            ) { source in
                guard case .definition(let definition) = source.rules,
                    let model = SentencePieceModel(unigram: definition)
                else { return }
                source = source.with(model, of: definition)
            }
        ]
    }

    /// What WordPiece does in GGUF: BERT's cleaning and splitting.
    func wordPieceLimits(
        _ model: HFModel.WordPiece, _ vocabulary: Vocabulary
    ) -> [ReaderLimit] {
        var limits: [ReaderLimit] = []
        let cleans = (normalizer?.steps ?? []).contains {
            if case .bert(true, true, _, _) = $0 { true } else { false }
        }
        let isKnown = (normalizer?.steps ?? []).allSatisfy {
            switch $0 {
            case .bert, .lowercase, .stripAccents, .nfd: true
            default: false
            }
        }
        if !cleans || !isKnown {
            limits.append(
                ReaderLimit(
                    "the normalizer is not BERT's; readers clean the text and put ideographs apart "
                        + "all the same"
                ) { source in
                    source.editDefinition {
                        $0.normalizer = .bert(
                            cleanText: true, handleChineseChars: true,
                            stripAccents: vocabulary.stripAccents,
                            lowercase: vocabulary.lowercase ?? true)
                    }
                })
        }
        if preTokenizer != .bert {
            limits.append(
                ReaderLimit("words are not cut as BERT cuts them; readers do that all the same") {
                    $0.editDefinition { $0.preTokenizer = .bert }
                })
        }
        limits.append(
            ReaderLimit(
                "GGUF marks beginnings of words by \"▁\"; readers take that character in a text for "
                    + "one", isSaid: false
            ) { $0.marksWords = true })
        if model.characterLimit != 100 {
            limits.append(
                ReaderLimit(
                    "words of more than \(model.characterLimit) characters are unknown; readers "
                        + "have another limit", isSaid: false
                ) { source in
                    source.editDefinition { definition in
                        guard case .wordPiece(var model) = definition.model else { return }
                        model.characterLimit = 100
                        definition.model = .wordPiece(model)
                    }
                })
        }
        return limits
    }

    /// The steps of the normalizer that readers leave out.
    private func normalizerLimits(isKept: (Normalizer) -> Bool) -> [ReaderLimit] {
        (normalizer?.steps ?? []).filter { !isKept($0) }.map { step in
            ReaderLimit(
                "\(step.effect); readers take the text as it stands", isSaid: step != .nfc
            ) { source in
                source.editDefinition { definition in
                    let left = (definition.normalizer?.steps ?? []).filter { $0 != step }
                    definition.normalizer = left.isEmpty ? nil : .sequence(left)
                }
            }
        }
    }

    fileprivate mutating func editBPE(_ edit: (inout HFModel.BPE) -> Void) {
        guard case .bpe(var bpe) = model else { return }
        edit(&bpe)
        model = .bpe(bpe)
    }

    fileprivate mutating func editPreTokenizer(_ edit: (PreTokenizer) -> PreTokenizer) {
        preTokenizer = preTokenizer.map { .sequence($0.steps.map(edit)) }
    }

    /// Writes spaces as readers of SentencePiece's BPE do, and cuts nowhere.
    fileprivate mutating func cutNothing() {
        let isPrefixed = addsSpacePrefix
        let others = (normalizer?.steps ?? []).filter { !$0.writesSpaces }
        let mark = Normalizer.replace(.literal(" "), content: "▁")
        normalizer = .sequence(others + (isPrefixed ? [.prepend("▁")] : []) + [mark])
        preTokenizer = nil
    }
}

extension HFModel.BPE {
    fileprivate var limits: [ReaderLimit] {
        var limits: [ReaderLimit] = []
        if let endOfWordSuffix {
            limits.append(
                ReaderLimit(
                    "ends of words are marked by \"\(endOfWordSuffix)\" (end_of_word_suffix), which "
                        + "readers do not do: most words become other tokens, and the file is of "
                        + "little use"))
        }
        if let continuingSubwordPrefix {
            limits.append(
                ReaderLimit(
                    "insides of words are marked by \"\(continuingSubwordPrefix)\" "
                        + "(continuing_subword_prefix), which readers do not do: most words become "
                        + "other tokens, and the file is of little use"))
        }
        if let dropout, dropout > 0 {
            limits.append(
                ReaderLimit(
                    "merges are left out at random (dropout \(dropout)), which is for training; "
                        + "readers leave none out"))
        }
        return limits
    }
}

extension Normalizer {
    /// Whether the step writes spaces as SentencePiece does.
    var writesSpaces: Bool {
        switch self {
        case .prepend("▁"), .replace(.literal(" "), "▁"): true
        default: false
        }
    }

    /// What the step does, a clause.
    fileprivate var effect: String {
        switch self {
        case .nfc: "the text is normalized to NFC"
        case .nfd: "the text is normalized to NFD"
        case .nfkc: "the text is normalized to NFKC"
        case .nfkd: "the text is normalized to NFKD"
        case .lowercase: "the text is lower-cased (Lowercase)"
        case .stripAccents: "accents are removed (StripAccents)"
        case .strip: "white space at the ends is removed (Strip)"
        case .replace(.literal(let text), let content):
            "\"\(text)\" is replaced by \"\(content)\" (Replace)"
        case .replace(.regex(let text), let content):
            "what matches \(text) is replaced by \"\(content)\" (Replace)"
        case .prepend(let text): "\"\(text)\" is put in front (Prepend)"
        case .bert: "the text is cleaned as BERT cleans it (BertNormalizer)"
        case .precompiled: "characters are replaced by a map (Precompiled)"
        case .nmt: "control characters are removed (Nmt)"
        case .byteLevel: "bytes are written in the byte alphabet (ByteLevel)"
        case .sequence, .other: "the text is normalized"
        }
    }
}

extension PreTokenizer {
    fileprivate var withoutPrefixSpace: PreTokenizer {
        if case .byteLevel(_, let usesRegex) = self {
            return .byteLevel(addPrefixSpace: false, usesRegex: usesRegex)
        }
        return self
    }

    /// The kind, as `tokenizer.json` calls it.
    fileprivate var name: String {
        switch self {
        case .split: "Split"
        case .byteLevel: "ByteLevel"
        case .digits: "Digits"
        case .punctuation: "Punctuation"
        case .metaspace: "Metaspace"
        case .whitespace: "Whitespace"
        case .whitespaceSplit: "WhitespaceSplit"
        case .bert: "BertPreTokenizer"
        case .characterDelimiter: "CharDelimiterSplit"
        case .unicodeScripts: "UnicodeScripts"
        case .fixedLength: "FixedLength"
        case .sequence: "Sequence"
        case .other(let type): type
        }
    }
}

extension SentencePieceModel {
    /// What a SentencePiece model does and GGUF cannot say.
    var limits: [ReaderLimit] {
        var limits: [ReaderLimit] = []
        if treatsWhitespaceAsSuffix {
            limits.append(
                ReaderLimit(
                    "the mark of a space goes after words (treat_whitespace_as_suffix); readers put "
                        + "it before them: most words become other tokens, and the file is of little "
                        + "use"
                ) { $0.editModel { $0.treatsWhitespaceAsSuffix = false } })
        }
        if !escapeWhitespaces {
            limits.append(
                ReaderLimit("spaces stay spaces (escape_whitespaces is off); readers mark them") {
                    $0.editModel { $0.escapeWhitespaces = true }
                })
        }
        guard algorithm == .bpe else { return limits }
        let lacksBytes = pieces.count { $0.type == .byte } < 256
        if lacksBytes {
            limits.append(
                ReaderLimit(
                    "the vocabulary has no piece for some bytes; llama.cpp fails at text that no "
                        + "piece covers"))
        }
        if !byteFallback {
            limits.append(
                ReaderLimit(
                    "byte_fallback is off, and text that no piece covers is unknown; readers write "
                        + "it as bytes", isSaid: !lacksBytes
                ) { $0.editModel { $0.byteFallback = true } })
        }
        if removeExtraWhitespaces {
            limits.append(
                ReaderLimit(
                    "runs of spaces become one (remove_extra_whitespaces); readers of "
                        + "SentencePiece's BPE keep them"
                ) { $0.editModel { $0.removeExtraWhitespaces = false } })
        }
        if !precompiledCharsmap.isEmpty {
            limits.append(
                ReaderLimit(
                    "characters are replaced by a map (precompiled_charsmap); readers of "
                        + "SentencePiece's BPE take the text as it stands"
                ) { $0.editModel { $0.precompiledCharsmap = [] } })
        }
        return limits
    }

    /// A unigram model of `tokenizer.json` as SentencePiece would have it.
    fileprivate init?(unigram definition: HFTokenizerDefinition) {
        guard case .unigram(let unigram) = definition.model else { return nil }
        let special = Set(definition.addedTokens.filter(\.special).map(\.content))
        file = "tokenizer.json"
        algorithm = .unigram
        byteFallback = unigram.byteFallback
        addDummyPrefix = definition.addsSpacePrefix
        removeExtraWhitespaces = definition.removesExtraWhitespaces
        precompiledCharsmap = (try? definition.characterMap(file: file)) ?? []
        pieces = unigram.vocabulary.enumerated().map { id, piece in
            let type: PieceType =
                if id == unigram.unknownID {
                    .unknown
                } else if special.contains(piece.token) {
                    .control
                } else if piece.token.byteTokenValue != nil {
                    .byte
                } else {
                    // A learned piece has a logarithm of a probability below 1.
                    piece.score == 0 ? .userDefined : .normal
                }
            return Piece(text: piece.token, score: piece.score, type: type)
        }
    }
}

extension ReferenceSource {
    /// The same with a SentencePiece model in place of a `tokenizer.json`.
    fileprivate func with(
        _ model: SentencePieceModel, of definition: HFTokenizerDefinition
    ) -> ReferenceSource {
        var source = self
        source.rules = .sentencePiece(model)
        source.added = definition.addedTokens
        let reference = try? tokenizer()
        source.ends = (reference?.leading.first, reference?.trailing.first)
        return source
    }
}
