public import Grammars
public import TensorCore
public import Tokenization

/// What is known of a vocabulary's tokens where texts follow grammars.
public final class TextVocabulary: Sendable {
    /// The vocabulary's tokenizer.
    public let tokenizer: Tokenizer
    /// Tokens that end a text.
    public let ends: Set<Int32>
    /// What each token adds to a text; control tokens add nothing.
    private let pieces: [[UInt8]]
    private let trie: TokenTrie

    /// Looks at the tokens that a model gives logits of.
    ///
    /// - Complexity: O(n log n) in their number.
    public init(_ tokenizer: Tokenizer, count: Int) {
        self.tokenizer = tokenizer
        ends = tokenizer.vocabulary.endTokens
        let types = tokenizer.vocabulary.types
        pieces = (0..<count).map { index in
            guard types.indices.contains(index) else { return [] }
            switch types[index] {
            case .normal, .byte, .userDefined:
                // No text has this byte, which stands for control tokens in grammars.
                let piece = tokenizer.piece(of: Int32(index))
                return piece.contains(0xFF) ? [] : piece
            case .control, .unknown, .unused: return []
            }
        }
        trie = TokenTrie(pieces: pieces, ends: ends)
    }

    /// Keeps a text to a grammar, from its beginning.
    ///
    /// - Parameter controls: Control tokens that the grammar may have markers of.
    public func constraint(
        _ grammar: Grammar, controls: Set<Int32> = []
    ) -> TokenConstraint {
        let tokens = tokenizer.vocabulary.tokens
        let markers = controls.filter { tokens.indices.contains(Int($0)) && !ends.contains($0) }
            .map { ($0, Grammar.Marker.bytes(ofControl: tokens[Int($0)].bytes)) }
        return TokenConstraint(
            grammar, trie: trie, pieces: pieces,
            markers: Dictionary(uniqueKeysWithValues: markers))
    }
}

extension TokenConstraint {
    /// Picks a token among those that fit, and goes on with it.
    ///
    /// - Throws: `GrammarDeadEnd` where there is none.
    /// - Complexity: As `allowed` and `Sampler.draw`; where nothing is drawn and the most probable
    ///   token fits, O(n) in the size of the vocabulary.
    public mutating func pick(
        _ logits: [Float], with sampler: inout Sampler
    ) throws(GrammarDeadEnd) -> Int32 {
        // The most probable token needs no look at all others when it fits.
        if sampler.settings.temperature <= 0 {
            let token = Sampler.mostProbable(logits)
            if accept(token) { return token }
        }
        let allowed = allowed()
        var fitting = logits
        var isOpen = false
        for index in fitting.indices {
            if allowed.indices.contains(index), allowed[index] {
                isOpen = true
            } else {
                fitting[index] = -.infinity
            }
        }
        guard !isTooAmbiguous else { throw GrammarDeadEnd(.tooAmbiguous) }
        guard isOpen else { throw GrammarDeadEnd(.noToken) }
        let token = sampler.draw(fitting)
        guard accept(token) else { throw GrammarDeadEnd(.noToken) }
        return token
    }
}

/// A text that cannot be gone on with as its grammar says.
public struct GrammarDeadEnd: IngotError, Hashable {
    /// The kinds of end.
    public enum Kind: Sendable, Hashable {
        /// No token fits.
        case noToken
        /// The grammar allows too much at a time.
        case tooAmbiguous
    }

    /// What is wrong.
    public let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    /// No file is to blame.
    public var file: String? { nil }
    /// No place is.
    public var place: String? { nil }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .noToken: "the vocabulary has no token that goes on as the grammar says"
        case .tooAmbiguous: "the grammar is too ambiguous to follow the text"
        }
    }
    /// What the user can do about it.
    public var remedy: String? { nil }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}
