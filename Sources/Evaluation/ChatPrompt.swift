public import Templates
public import Tokenization

extension Tokenizer {
    /// The tokens of a conversation as a template wrote it.
    ///
    /// What users wrote is text, also where it spells a control token. Where the model's texts begin
    /// with BOS and the template did not write it, it is put in front.
    ///
    /// - Throws: `TokenizationError` when the text is too long.
    public func tokens(of prompt: RenderedText) throws(TokenizationError) -> [Int32] {
        let tokens = try encode(prompt.utf8, parsingSpecialIn: prompt.templateRanges)
        guard let leadingID, tokens.first != leadingID else { return tokens }
        return [leadingID] + tokens
    }
}
