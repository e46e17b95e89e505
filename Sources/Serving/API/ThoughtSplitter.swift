/// Tells what a model thinks from what it answers, as the text comes.
///
/// Thoughts stand between `<think>` and `</think>` at the beginning of an answer. White space around
/// them belongs to neither.
package struct ThoughtSplitter: Sendable {
    package enum Part: Sendable, Hashable {
        case thought(String)
        case answer(String)
    }

    private enum State: Sendable {
        /// What comes may still begin with a thought.
        case beginning
        case thinking
        case answering
    }

    static let opening = "<think>"
    static let closing = "</think>"

    private var state: State
    /// Text that may belong to a marker, or white space that may be dropped.
    private var held = ""
    /// Whether white space that comes next is left out.
    private var skipsSpace = true

    /// Tells the thoughts of an answer to a prompt, which may have begun one.
    package init(after prompt: String) {
        let end = prompt.suffix(64).reversed().drop(while: \.isWhitespace).prefix(7)
        state = String(end.reversed()) == Self.opening ? .thinking : .beginning
    }

    /// Adds text.
    package mutating func add(_ text: String) -> [Part] {
        held += text
        if state == .beginning {
            let start = held.drop(while: \.isWhitespace)
            if start.hasPrefix(Self.opening) {
                held = String(start.dropFirst(Self.opening.count))
                state = .thinking
            } else if Self.opening.hasPrefix(start) {
                return []
            } else {
                state = .answering
                skipsSpace = false
            }
        }
        var parts: [Part] = []
        if state == .thinking {
            skipSpace()
            guard let found = held.firstRange(of: Self.closing) else {
                return parts + release(keptCount: heldCount).map { .thought($0) }
            }
            let thought = held[..<found.lowerBound].reversed().drop(while: \.isWhitespace)
            if !thought.isEmpty { parts.append(.thought(String(thought.reversed()))) }
            held = String(held[found.upperBound...])
            state = .answering
            skipsSpace = true
        }
        skipSpace()
        return parts + release(keptCount: 0).map { .answer($0) }
    }

    /// What is left when nothing more comes.
    package mutating func finish() -> [Part] {
        let isThought = state == .thinking
        return release(keptCount: 0).map { isThought ? .thought($0) : .answer($0) }
    }

    private mutating func skipSpace() {
        guard skipsSpace else { return }
        held = String(held.drop(while: \.isWhitespace))
        if !held.isEmpty { skipsSpace = false }
    }

    /// How many characters at the end may be the beginning of the closing marker, with the white
    /// space before it.
    private var heldCount: Int {
        var count = min(held.count, Self.closing.count - 1)
        while count > 0, !held.hasSuffix(Self.closing.prefix(count)) { count -= 1 }
        return count + held.dropLast(count).reversed().prefix(while: \.isWhitespace).count
    }

    private mutating func release(keptCount: Int) -> [String] {
        let text = String(held.dropLast(keptCount))
        held = String(held.suffix(keptCount))
        return text.isEmpty ? [] : [text]
    }
}

extension ServedModel {
    /// Whether the model's chat template knows thoughts.
    var thinks: Bool { templateSource?.contains(ThoughtSplitter.closing) == true }

    /// The control tokens that stand around thoughts, where they are control tokens.
    var thoughtTokens: Set<Int32> { tokens(named: thoughtTexts) }

    /// What these tokens read.
    var thoughtTexts: [String] {
        [ThoughtSplitter.opening, ThoughtSplitter.closing].filter { !tokens(named: [$0]).isEmpty }
    }
}
