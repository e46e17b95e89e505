public import Inference
import TensorCore
public import Tokenization

extension Tokenizer {
    /// A text as embedding models take it: with BOS, CLS, EOS and SEP where the model wants them.
    ///
    /// Control tokens written in it are text.
    ///
    /// - Throws: `TokenizationError` when the text is too long to be encoded.
    public func embeddingText(
        _ utf8: some Sequence<UInt8>
    ) throws(TokenizationError) -> Embedder.Text {
        Embedder.Text(try encode(utf8))
    }

    /// A pair of texts as classifiers take it: the first with its special tokens, then the second with
    /// the token that ends it; RoBERTa's tokenizers end the first twice.
    ///
    /// - Throws: As `embeddingText`.
    public func embeddingPair(
        _ first: some Sequence<UInt8>, _ second: some Sequence<UInt8>
    ) throws(TokenizationError) -> Embedder.Text {
        var tokens = try encode(first)
        if let trailingID, vocabulary.tokens[Int(trailingID)] == "</s>" {
            tokens.append(trailingID)
        }
        let start = tokens.count
        tokens += try encode(second, addSpecial: false)
        if let trailingID { tokens.append(trailingID) }
        return Embedder.Text(tokens, segmentStart: start)
    }
}
