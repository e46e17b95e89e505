public import Tokenization

/// A text cut into context windows, as llama.cpp's `llama-perplexity` cuts it.
///
/// The whole text is tokenized at once, with BOS in front where the tokenizer adds one; the texts
/// of control tokens in it stay text. Windows of equal length follow one another without overlap
/// from the first token on, and a remainder is left out. The first token of every window is
/// replaced by BOS where the tokenizer adds one. In each window the predictions made from its
/// second half are scored, so that every one has at least half a window before it:
/// those of the tokens `n/2 + 1 ..< n` for a window of n.
public struct EvaluationText: Sendable {
    /// The windows, token ids.
    public let windows: [[Int32]]
    /// The number of tokens of a window.
    public let contextLength: Int
    /// The number of tokens of the whole text, BOS included.
    public let tokenCount: Int
    /// What was found on the way.
    public let warnings: [EvaluationWarning]

    /// The positions of a window whose logits are scored; each predicts the token after it.
    public var scored: Range<Int> { contextLength / 2..<contextLength - 1 }

    /// Cuts tokens into windows.
    ///
    /// - Parameters:
    ///   - bos: The token that each window's first is replaced by; `nil` leaves it.
    ///   - windowLimit: Only so many windows; `nil` for all.
    /// - Throws: `EvaluationError` when there are fewer tokens than one window needs.
    public init(
        tokens: [Int32], bos: Int32?, contextLength: Int, windowLimit: Int? = nil,
        path: String? = nil
    ) throws(EvaluationError) {
        try self.init(
            tokens: tokens, bos: bos, contextLength: contextLength, windowLimit: windowLimit,
            path: path, warnings: [])
    }

    /// Tokenizes a text and cuts it into windows.
    ///
    /// - Throws: `EvaluationError` when it is empty or shorter than a window, `TokenizationError`
    ///   when it is too long to be tokenized.
    public init(
        _ utf8: [UInt8], tokenizer: Tokenizer, contextLength: Int, windowLimit: Int? = nil,
        path: String? = nil
    ) throws {
        guard !utf8.isEmpty else { throw EvaluationError(.emptyText, path: path) }
        let tokens = try tokenizer.encode(utf8, addSpecial: true, parseSpecial: false)
        let fault = EvaluationText.firstInvalidByte(utf8)
        try self.init(
            tokens: tokens, bos: tokenizer.leadingID, contextLength: contextLength,
            windowLimit: windowLimit, path: path,
            warnings: fault.map { [.invalidUTF8(text: path, firstByte: $0)] } ?? [])
    }

    private init(
        tokens: [Int32], bos: Int32?, contextLength: Int, windowLimit: Int?, path: String?,
        warnings: [EvaluationWarning]
    ) throws(EvaluationError) {
        guard contextLength >= 4 else {
            throw EvaluationError(.contextTooShort(contextLength), path: path)
        }
        guard tokens.count >= contextLength else {
            throw EvaluationError(
                .textTooShort(tokens: tokens.count, contextLength: contextLength), path: path)
        }
        let available = tokens.count / contextLength
        windows = (0..<min(available, max(1, windowLimit ?? available))).map { index in
            var window = Array(tokens[index * contextLength..<(index + 1) * contextLength])
            if let bos { window[0] = bos }
            return window
        }
        self.contextLength = contextLength
        tokenCount = tokens.count
        self.warnings = warnings
    }

    /// Where the text stops being UTF-8.
    static func firstInvalidByte(_ bytes: [UInt8]) -> Int? {
        var parser = Unicode.UTF8.ForwardParser()
        var remaining = bytes.makeIterator()
        var position = 0
        while true {
            switch parser.parseScalar(from: &remaining) {
            case .valid(let scalar): position += scalar.count
            case .error: return position
            case .emptyInput: return nil
            }
        }
    }
}
