package import Tokenization

/// A document's tokens.
package struct EncodedDocument {
    let document: CalibrationDocument
    package let tokens: [Int32]
    /// The Unicode scalars of the text.
    let characterCount: Int
    /// The share of them that no token holds whole; see `ByteSpelling`.
    package let spelledShare: Double

    /// Encodes a document; `chat` writes a conversation in the model's template, where it can.
    package init(
        _ document: CalibrationDocument, tokenizer: Tokenizer,
        chat: (CalibrationDocument.Conversation) throws -> [UInt8]?
    ) throws {
        var text: [UInt8]
        var isTemplated = false
        switch document.content {
        case .text(let bytes): text = bytes
        case .conversation(let conversation):
            let templated = try chat(conversation)
            isTemplated = templated != nil
            text = templated ?? conversation.plainText
        }
        // What follows in a row is another text.
        if !isTemplated { text += "\n\n".utf8 }
        var tokens = try tokenizer.encode(text, addSpecial: false, parseSpecial: isTemplated)
        // BOS is for rows to begin with, not for every conversation in them.
        if isTemplated, let bos = tokenizer.leadingID, tokens.first == bos { tokens.removeFirst() }
        self.document = document
        self.tokens = tokens
        characterCount = text.count { $0 & 0xC0 != 0x80 }
        spelledShare = ByteSpelling.share(of: text, tokens: tokens, tokenizer: tokenizer)
    }
}
