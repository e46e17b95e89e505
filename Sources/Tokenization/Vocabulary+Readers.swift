import TensorCore

/// What readers of GGUF take a vocabulary to say where its file is silent.
extension Vocabulary {
    /// The id that models of this kind have for a role when their file does not say.
    func readersID(_ role: SpecialRole) -> Int? {
        let id: Int? =
            switch (model, role) {
            case (.sentencePieceBPE, .bos): 1
            case (.sentencePieceBPE, .eos): 2
            case (.sentencePieceBPE, .unk): 0
            case (.unigram, .eos): 1
            case (.unigram, .unk): 2
            case (.unigram, .pad): 0
            case (.byteLevelBPE, .bos), (.byteLevelBPE, .eos): 11
            case (.plamo, .bos): 1
            case (.plamo, .eos): 2
            case (.plamo, .unk): 0
            case (.plamo, .pad): 3
            case (.wordPiece, .bos): 101
            case (.wordPiece, .unk): 100
            case (.wordPiece, .sep): 102
            case (.wordPiece, .pad): 0
            case (.wordPiece, .mask): 103
            default: nil
            }
        return id.flatMap { $0 < tokens.count ? $0 : nil }
    }

    /// Whether a text begins with BOS and ends with EOS when the flags are not there.
    var readersEnds: (bos: Bool, eos: Bool) {
        switch model {
        case .byteLevelBPE: (PreTokenizerName.row(named: pre)?.addsBOS ?? false, false)
        case .sentencePieceBPE, .sentencePieceMerges, .wordPiece: (true, false)
        case .unigram: (false, true)
        case .byteStrings, .plamo: (false, false)
        }
    }

    /// Whether a space goes in front of a text.
    var addsSpacePrefix: Bool {
        addSpacePrefix ?? (model == .sentencePieceBPE || model == .unigram)
    }

    /// Texts by which readers know an end of generation, whatever the file says.
    private static let endTexts: Set<ByteString> = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
        "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
        "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
        "<｜end▁of▁sentence｜>", "[e~[",
    ]
    /// Texts that structure code to fill in and end a generation as well.
    private static let fillInTexts: [(role: SpecialRole, texts: Set<ByteString>)] = [
        (.fimPad, ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"]),
        (.fimRep, ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"]),
        (.fimSep, ["<|file_sep|>"]),
    ]

    /// The tokens at which readers end a generation: those with the part, and those that they know
    /// by their texts.
    public var endTokens: Set<Int32> {
        var ids: [ByteString: Int32] = [:]
        let known = Self.fillInTexts.reduce(Self.endTexts) { $0.union($1.texts) }
        for (index, token) in tokens.enumerated() where known.contains(token) {
            if let id = Int32(exactly: index) { ids[token] = id }
        }
        var ends = Set(ids.filter { Self.endTexts.contains($0.key) }.values)
        for (role, texts) in Self.fillInTexts {
            if let id = specialIDs[role] {
                ends.insert(id)
            } else if let id = ids.filter({ texts.contains($0.key) }).values.min() {
                ends.insert(id)
            }
        }
        ends.formUnion([.eos, .eot, .eom].compactMap { specialIDs[$0] })
        // In these formats the token separates parts of an answer.
        let names = Set(ids.filter { ends.contains($0.value) }.keys)
        if names.isSuperset(of: ["<|return|>", "<|call|>"])
            || names.contains("<|flush|>") && !names.isDisjoint(with: ["<|call|>", "<|calls|>"])
        {
            ids["<|end|>"].map { _ = ends.remove($0) }
        }
        let isText = names.contains("<|tool_response>") || endsWithPlamoText(ends)
        if isText { ids["</s>"].map { _ = ends.remove($0) } }
        return ends
    }

    private func endsWithPlamoText(_ ends: Set<Int32>) -> Bool {
        ends.contains { tokens.indices.contains(Int($0)) && tokens[Int($0)] == "<|plamo:eos|>" }
    }
}
