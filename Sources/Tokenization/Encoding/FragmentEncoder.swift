/// A model's way to make tokens of the text between special tokens.
///
/// An encoder serves one text: each text takes a copy, which may remember what it has seen.
protocol FragmentEncoder: Sendable {
    /// Appends the tokens of a fragment.
    ///
    /// - Parameter isFirst: Whether the fragment begins the text or comes after a special token.
    mutating func encode(
        fragment: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32])
}

extension Vocabulary {
    /// The encoder of the vocabulary's model.
    ///
    /// - Throws: `TokenizationError` when the pre-tokenizer name is not known or scores are missing.
    func encoder() throws(TokenizationError) -> any FragmentEncoder {
        switch model {
        case .byteLevelBPE: try ByteLevelEncoder(self)
        case .sentencePieceBPE, .sentencePieceMerges: try SentencePieceBPEEncoder(self)
        case .unigram: try UnigramEncoder(self)
        case .wordPiece: WordPieceEncoder(self)
        case .byteStrings: ByteStringEncoder(self)
        case .plamo: try PlamoEncoder(self)
        }
    }
}
