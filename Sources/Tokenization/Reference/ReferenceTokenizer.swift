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
    private var leading: [Int32] = []
    private var trailing: [Int32] = []

    /// Prepares a `tokenizer.json`.
    ///
    /// - Throws: `TokenizationError` when the definition has a step that cannot be run here, or one
    ///   that `tokenizers` refuse.
    public init(_ definition: HFTokenizerDefinition) throws(TokenizationError) {
        try self.init(definition, findsLongestFirst: false)
    }

    init(
        _ definition: HFTokenizerDefinition, findsLongestFirst: Bool
    ) throws(TokenizationError) {
        let model = try ReferenceModel(definition.model)
        normalizer = try ReferenceNormalizer(definition.normalizer)
        engine = .pipeline(try ReferencePreTokenizer(definition.preTokenizer), model)
        added = ReferenceAddedTokens(
            definition.addedTokens, model.ids, normalizer, isLongestFirst: findsLongestFirst)
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
    ///
    /// - Parameters:
    ///   - added: Tokens that are taken out of the text before SentencePiece sees it.
    ///   - leading: What goes in front of every text.
    ///   - trailing: What goes after it.
    init(
        _ model: SentencePieceModel, added: [(content: ByteString, id: Int32)],
        leading: Int32?, trailing: Int32?, findsLongestFirst: Bool = false
    ) throws(TokenizationError) {
        let tokens = added.map {
            HFTokenizerDefinition.AddedToken(
                id: Int($0.id), content: $0.content, special: true, normalized: false,
                lstrip: false, rstrip: false, singleWord: false)
        }
        normalizer = try ReferenceNormalizer(nil)
        self.added = ReferenceAddedTokens(
            tokens, Dictionary(added.map { ($0.content, $0.id) }) { first, _ in first }, normalizer,
            isLongestFirst: findsLongestFirst)
        engine = .sentencePiece(try ReferenceSentencePiece(model))
        self.leading = leading.map { [$0] } ?? []
        self.trailing = trailing.map { [$0] } ?? []
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
