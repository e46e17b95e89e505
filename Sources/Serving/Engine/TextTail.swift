import Evaluation
import Tokenization

/// Makes the text of a generation of its tokens: whole characters, up to a stop text.
struct TextTail: Sendable {
    private let tokenizer: Tokenizer
    private let shownControl: Set<Int32>
    private let stops: [String]
    private var matcher: StopMatcher
    private var assembler = UTF8Assembler()
    private var previous: Int32
    /// Tokens whose text is held back, with where it begins among all bytes.
    private var waiting: [(token: ScoredToken, start: Int)] = []
    private var (addedCount, releasedCount) = (0, 0)
    /// The stop text that was found.
    private(set) var stop: String?

    /// Starts after a prompt's last token.
    init(
        tokenizer: Tokenizer, after previous: Int32, stops: [String], shownControl: Set<Int32>
    ) {
        self.tokenizer = tokenizer
        self.shownControl = shownControl
        self.stops = stops.filter { !$0.isEmpty }
        self.previous = previous
        matcher = StopMatcher(stops)
    }

    /// What a token adds.
    func bytes(of token: Int32) -> [UInt8] {
        tokenizer.bytes(
            of: token, after: previous, showsControl: shownControl.contains(token))
    }

    /// The bytes of a token that could have been added; a control token is shown by its name.
    func name(of token: Int32) -> [UInt8] {
        tokenizer.bytes(of: token, after: previous, showsControl: true)
    }

    /// Adds a token.
    ///
    /// - Returns: The characters that are complete and no beginning of a stop text, and the tokens
    ///   that belong to them.
    mutating func add(_ token: ScoredToken) -> (text: String, tokens: [ScoredToken]) {
        waiting.append((token, addedCount))
        addedCount += token.bytes.count
        previous = token.token
        let (released, found) = matcher.add(token.bytes)
        releasedCount += released.count
        var text = assembler.add(released)
        if let found {
            stop = stops[found]
            text += assembler.finish()
        }
        return (text, releaseTokens())
    }

    /// What is held back when nothing more comes; of a character that is not whole there is nothing.
    mutating func finish() -> (text: String, tokens: [ScoredToken]) {
        guard stop == nil else { return ("", []) }
        let released = matcher.finish()
        releasedCount += released.count
        return (assembler.add(released), releaseTokens())
    }

    private mutating func releaseTokens() -> [ScoredToken] {
        let count = waiting.prefix { token, start in
            start < releasedCount || (token.bytes.isEmpty && start <= releasedCount)
        }.count
        defer { waiting.removeFirst(count) }
        return waiting.prefix(count).map(\.token)
    }
}
