/// Says how many tokens a text has.
public typealias TokenCounter = @Sendable (String) async throws -> Int

/// Prompts of random words, all of the same number of tokens.
///
/// Only words are used that are one token behind a space, so that a text's tokens are counted by
/// its words. Every prompt is another one from its second word on.
public struct SyntheticPrompts: PromptSource {
    /// The fewest different words that prompts are made of.
    static let leastWords = 8
    /// No more are looked for.
    private static let mostWords = 256
    private static let opening = "The"

    private let words: [String]
    private let seed: UInt64
    /// The tokens of the opening word, and of what the server puts around a text.
    private var overhead: Int
    /// The tokens that every prompt is to have.
    public private(set) var tokenCount: Int?

    /// Finds words of one token.
    ///
    /// - Parameters:
    ///   - tokenCount: The tokens of every prompt.
    ///   - count: Tokens of a text; what stands around every text may be counted in.
    ///   - callLimit: The most calls of it.
    /// - Throws: `LoadTestError` when there are too few, and what `count` throws.
    public static func calibrated(
        tokenCount: Int, seed: UInt64, count: TokenCounter, callLimit: Int
    ) async throws -> SyntheticPrompts {
        let overhead = try await count(opening)
        var found: [String] = []
        var calls = 1
        var pending = [PromptWords.all[...]]
        // Words of which each is one token are as many tokens: whole stretches are tried first.
        while let stretch = pending.popLast(), found.count < mostWords, calls < callLimit {
            calls += 1
            let text = opening + " " + stretch.joined(separator: " ")
            if try await count(text) - overhead == stretch.count {
                found += stretch
            } else if stretch.count > 1 {
                let middle = stretch.startIndex + stretch.count / 2
                pending += [stretch[middle...], stretch[..<middle]]
            }
        }
        guard found.count >= leastWords else { throw LoadTestError(.noWords(found: found.count)) }
        return SyntheticPrompts(
            words: found, seed: seed, overhead: overhead, tokenCount: tokenCount)
    }

    /// The same prompts with as many words fewer as the server counts tokens more than were meant.
    ///
    /// - Parameter usage: The tokens that the server counts in a prompt of this source.
    /// - Throws: `LoadTestError` when no word would be left.
    public func corrected(usage: Int) throws(LoadTestError) -> SyntheticPrompts {
        var other = self
        let meant = tokenCount ?? 0
        other.overhead += usage - (overhead + wordCount)
        guard meant > other.overhead else {
            throw LoadTestError(.promptTooShort(asked: meant, least: other.overhead + 1))
        }
        return other
    }

    /// The words behind the opening.
    private var wordCount: Int { max(1, (tokenCount ?? 0) - overhead) }

    /// The prompt of a request.
    public func prompt(at index: Int) -> LoadPrompt {
        var random = SeededNumbers(seed: seed, index: index)
        var text = SyntheticPrompts.opening
        for _ in 0..<wordCount {
            text += " "
            text += words[Int.random(in: words.indices, using: &random)]
        }
        return LoadPrompt(.text(text))
    }
}
