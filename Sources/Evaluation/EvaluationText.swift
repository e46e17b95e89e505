public import Inference
public import Tokenization

/// A text cut into context windows.
///
/// The whole text is tokenized at once, with BOS in front where the tokenizer adds one; the texts
/// of control tokens in it stay text unless asked for. `Windowing` tells how it is cut. The first
/// token of a window is replaced by BOS where the tokenizer adds one (not by the sliding protocol).
public struct EvaluationText: Sendable {
    /// A window of the text.
    struct Span: Sendable, Hashable {
        /// The window's tokens in the text.
        var tokens: Range<Int>
        /// The positions of the window whose logits are scored; each predicts the token after it.
        var scored: Range<Int>
    }

    /// The number of tokens of a full window.
    public let contextLength: Int
    /// How the text is cut.
    public let windowing: Windowing
    /// What was found on the way.
    public let warnings: [EvaluationWarning]

    let tokens: [Int32]
    let bos: Int32?
    let spans: [Span]

    /// The number of windows.
    public var windowCount: Int { spans.count }
    /// The number of tokens of the whole text, BOS included.
    public var tokenCount: Int { tokens.count }
    /// The number of tokens that are scored.
    public var scoredTokenCount: Int { spans.reduce(0) { $0 + $1.scored.count } }

    /// The tokens of the text from its start to the end of the last window.
    public var evaluatedTokens: ArraySlice<Int32> {
        tokens.prefix(spans.map(\.tokens.upperBound).max() ?? 0)
    }

    /// The tokens of some windows.
    public func tokenCount(ofWindows windows: Range<Int>) -> Int {
        spans[windows].reduce(0) { $0 + $1.tokens.count }
    }

    /// What is warned of before models run over the text: windows longer than what they were
    /// trained with.
    public func contextWarnings(_ models: [Model]) -> [EvaluationWarning] {
        models.filter { contextLength > $0.contextLength }.map {
            .contextBeyondTraining(
                contextLength: contextLength, trained: $0.contextLength, model: $0.path)
        }
    }

    /// The tokens of a window.
    public func window(_ index: Int) -> [Int32] {
        var window = Array(tokens[spans[index].tokens])
        if let bos, windowing.replacesFirst { window[0] = bos }
        return window
    }

    /// The positions of a window whose logits are scored; each predicts the token after it.
    public func scored(inWindow index: Int) -> Range<Int> { spans[index].scored }

    /// Cuts tokens into windows.
    ///
    /// - Parameters:
    ///   - bos: The token that each window's first is replaced by; `nil` leaves it.
    ///   - windowLimit: Only so many windows; `nil` for all.
    /// - Throws: `EvaluationError` when there are fewer tokens than one window needs, or the stride
    ///   is not one of 1 to the context's length.
    public init(
        tokens: [Int32], bos: Int32?, contextLength: Int, windowing: Windowing = .halves,
        windowLimit: Int? = nil, path: String? = nil
    ) throws(EvaluationError) {
        try self.init(
            tokens: tokens, bos: bos, contextLength: contextLength, windowing: windowing,
            windowLimit: windowLimit, path: path, warnings: [])
    }

    /// Tokenizes a text and cuts it into windows.
    ///
    /// - Parameters:
    ///   - parseSpecial: Whether the texts of control tokens become those tokens.
    ///   - warnings: What is known of the text, such as `TextFiles` finds; by default it is looked
    ///     at for bytes that are not UTF-8.
    /// - Throws: `EvaluationError` when it is empty or shorter than a window, `TokenizationError`
    ///   when it is too long to be tokenized.
    public init(
        _ utf8: [UInt8], tokenizer: Tokenizer, contextLength: Int, windowing: Windowing = .halves,
        windowLimit: Int? = nil, parseSpecial: Bool = false, path: String? = nil,
        warnings: [EvaluationWarning]? = nil
    ) throws {
        guard !utf8.isEmpty else { throw EvaluationError(.emptyText, path: path) }
        let tokens = try tokenizer.encode(utf8, addSpecial: true, parseSpecial: parseSpecial)
        let found =
            warnings
            ?? EvaluationText.firstInvalidByte(utf8).map {
                [.invalidUTF8(text: path, firstByte: $0)]
            } ?? []
        try self.init(
            tokens: tokens, bos: tokenizer.leadingID, contextLength: contextLength,
            windowing: windowing, windowLimit: windowLimit, path: path,
            warnings: found)
    }

    private init(
        tokens: [Int32], bos: Int32?, contextLength: Int, windowing: Windowing, windowLimit: Int?,
        path: String?, warnings: [EvaluationWarning]
    ) throws(EvaluationError) {
        guard contextLength >= 4 else {
            throw EvaluationError(.contextTooShort(contextLength), path: path)
        }
        guard contextLength <= Int(Int32.max) else {
            throw EvaluationError(
                .textTooShort(tokens: tokens.count, contextLength: contextLength), path: path)
        }
        if let stride = windowing.stride, !(1...contextLength).contains(stride) {
            throw EvaluationError(
                .invalidStride(stride, contextLength: contextLength), path: path)
        }
        let all = windowing.spans(tokenCount: tokens.count, contextLength: contextLength)
        // By the sliding protocol a shorter text is a shorter window.
        guard let first = all.first else {
            let needed =
                switch windowing {
                case .halves: contextLength
                case .sliding: 2
                case .trailing(let stride): contextLength + stride / 2 + 1
                }
            throw EvaluationError(
                .textTooShort(tokens: tokens.count, contextLength: needed), path: path)
        }
        self.init(
            tokens: tokens, bos: bos, contextLength: first.tokens.count, windowing: windowing,
            spans: Array(all.prefix(max(1, windowLimit ?? all.count))), warnings: warnings)
    }

    /// Windows that are there already, such as a file of logits tells them.
    init(
        tokens: [Int32], bos: Int32?, contextLength: Int, windowing: Windowing, spans: [Span],
        warnings: [EvaluationWarning] = []
    ) {
        self.tokens = tokens
        self.bos = bos
        self.contextLength = contextLength
        self.windowing = windowing
        self.spans = spans
        self.warnings = warnings
    }

    /// The first `count` windows; all where it is `nil` or −1.
    public func limited(to count: Int?) -> EvaluationText {
        guard let count, count >= 1, count < spans.count else { return self }
        return EvaluationText(
            tokens: tokens, bos: bos, contextLength: contextLength, windowing: windowing,
            spans: Array(spans.prefix(count)), warnings: warnings)
    }

    /// Windows that can run together, in order: of equal length, scored at the same positions,
    /// `tokenLimit` tokens at most (or one window).
    func batches(from start: Int = 0, upTo limit: Int? = nil, tokenLimit: Int) -> [Range<Int>] {
        let limit = limit ?? spans.count
        var batches: [Range<Int>] = []
        var first = start
        while first < limit {
            let (length, scored) = (spans[first].tokens.count, spans[first].scored)
            let most = max(1, tokenLimit / length)
            var end = first + 1
            while end < limit, end - first < most, spans[end].tokens.count == length,
                spans[end].scored == scored
            {
                end += 1
            }
            batches.append(first..<end)
            first = end
        }
        return batches
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
