import TensorCore

extension Tokenizer {
    /// The text of some tokens, as bytes: a token may end inside a character.
    ///
    /// - Parameters:
    ///   - tokens: Ids; those outside the vocabulary give nothing.
    ///   - showsControl: Whether control tokens appear with their names, such as `<|im_end|>`.
    public func decode(_ tokens: some Sequence<Int32>, showsControl: Bool = false) -> [UInt8] {
        var result: [UInt8] = []
        var isFirst = true
        for id in tokens {
            guard let index = Int(exactly: id), vocabulary.tokens.indices.contains(index) else {
                continue
            }
            switch vocabulary.types[index] {
            case .control, .unknown:
                if showsControl { result += vocabulary.tokens[index].bytes }
                continue
            case .unused: continue
            case .userDefined: result += vocabulary.tokens[index].bytes
            case .byte:
                if let byte = vocabulary.tokens[index].byteTokenValue { result.append(byte) }
            case .normal:
                let piece = bytes(of: vocabulary.tokens[index])
                // The space in front of the text was not part of it.
                let drops = isFirst && hidesFirstSpace && piece.first == UInt8(ascii: " ")
                result += piece.dropFirst(drops ? 1 : 0)
            }
            isFirst = false
        }
        return result
    }

    /// The text that one token stands for anywhere in a text, as bytes; control tokens give their
    /// names.
    ///
    /// A space in front belongs to it. Ids outside the vocabulary give nothing.
    public func piece(of id: Int32) -> [UInt8] {
        guard let index = Int(exactly: id), vocabulary.tokens.indices.contains(index) else {
            return []
        }
        let token = vocabulary.tokens[index]
        return switch vocabulary.types[index] {
        case .normal: bytes(of: token)
        case .byte: token.byteTokenValue.map { [$0] } ?? token.bytes
        case .control, .unknown, .userDefined, .unused: token.bytes
        }
    }

    private func bytes(of token: ByteString) -> [UInt8] {
        switch vocabulary.model {
        case .byteLevelBPE: ByteAlphabet.decode(token.bytes) ?? token.bytes
        case .sentencePieceBPE, .sentencePieceMerges, .unigram, .wordPiece:
            token.withSpaces.bytes
        case .byteStrings: PythonLiteral.unescaped(token.bytes)
        case .plamo: token.bytes
        }
    }

    private var hidesFirstSpace: Bool {
        switch vocabulary.model {
        case .byteLevelBPE, .sentencePieceMerges, .byteStrings, .plamo: false
        case .wordPiece: true
        case .sentencePieceBPE, .unigram: vocabulary.addsSpacePrefix
        }
    }
}
