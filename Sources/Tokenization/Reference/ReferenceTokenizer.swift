import TensorCore

/// Encodes text with a tokenizer's own definition, as Hugging Face's `tokenizers` or SentencePiece
/// would, written for clarity and not for speed.
///
/// It exists to check the encoders that work from a GGUF file's vocabulary, and shares with them
/// only the regular expressions and the tables of Unicode.
public struct ReferenceTokenizer {
    private enum Engine {
        case pipeline(ReferencePreTokenizer, ReferenceModel)
        case sentencePiece(ReferenceSentencePiece)
    }

    private let normalizer: ReferenceNormalizer
    private let added: ReferenceAddedTokens
    private let engine: Engine
    private(set) var leading: [Int32] = []
    private(set) var trailing: [Int32] = []

    /// Prepares a `tokenizer.json`.
    ///
    /// - Throws: `TokenizationError` when the definition has a step that cannot be run here, or one
    ///   that `tokenizers` refuse.
    public init(_ definition: HFTokenizerDefinition) throws(TokenizationError) {
        try self.init(definition, search: [], marksWords: false)
    }

    /// Prepares the definition of a directory's tokenizer: its `tokenizer.json`, with what other files
    /// add, or its SentencePiece model.
    ///
    /// - Throws: `TokenizationError` when the definition has a step that cannot be run here, or one
    ///   that `tokenizers` refuse; `FileError`.
    public init(_ tokenizer: HFTokenizer) throws {
        self = try ReferenceSource(tokenizer).tokenizer()
    }

    init(
        _ definition: HFTokenizerDefinition, search: AddedTokenSearch, marksWords: Bool
    ) throws(TokenizationError) {
        let model = try ReferenceModel(definition.model, marksWords: marksWords)
        normalizer = try ReferenceNormalizer(definition.normalizer)
        engine = .pipeline(try ReferencePreTokenizer(definition.preTokenizer), model)
        added = ReferenceAddedTokens(
            definition.addedTokens, model.ids, normalizer, search: search)
        func id(_ token: PostProcessor.EndToken) throws(TokenizationError) -> Int32 {
            if let id = token.id { return Int32(truncatingIfNeeded: id) }
            let text = ByteString(token.text)
            guard let id = added.ids[text] ?? model.ids[text] else {
                throw TokenizationError(.missing("the token \"\(text)\""), place: "post_processor")
            }
            return id
        }
        let ends = definition.postProcessor?.ends ?? PostProcessor.Ends()
        if let step = ends.unknown.first {
            throw TokenizationError(
                .unsupported("the post-processor \(step)"), place: "post_processor")
        }
        for token in ends.first { leading.append(try id(token)) }
        for token in ends.last { trailing.append(try id(token)) }
    }

    /// Prepares a SentencePiece model with the tokens that a directory adds to it.
    init(_ model: SentencePieceModel, _ source: ReferenceSource) throws(TokenizationError) {
        normalizer = try ReferenceNormalizer(nil)
        let ids = source.added.map { ($0.content, Int32(truncatingIfNeeded: $0.id)) }
        added = ReferenceAddedTokens(
            source.added, Dictionary(ids) { first, _ in first }, normalizer, search: source.search)
        engine = .sentencePiece(try ReferenceSentencePiece(model, isFairseq: source.isFairseq))
        leading = source.ends.leading.map { [$0] } ?? []
        trailing = source.ends.trailing.map { [$0] } ?? []
    }

    /// The tokens of a text; the texts of added tokens in it become those tokens.
    ///
    /// - Parameter addSpecial: Whether the post-processor adds its tokens.
    /// - Throws: `TokenizationError` where the definition cannot express the text.
    public func encode(
        _ text: String, addSpecial: Bool
    ) throws(TokenizationError) -> [Int32] {
        var result = addSpecial ? leading : []
        for piece in added.pieces(of: ReferenceText(text), normalizer) {
            switch (piece, engine) {
            case (.token(let id), _): result.append(id)
            case (.text(let text), .pipeline(let preTokenizer, let model)):
                for word in preTokenizer.words(text) { result += try model.encode(word.scalars) }
            case (.text(let text), .sentencePiece(let model)):
                result += model.encode(text.scalars)
            }
        }
        return result + (addSpecial ? trailing : [])
    }
}
