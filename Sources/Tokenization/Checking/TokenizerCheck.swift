public import TensorCore

/// Compares a tokenizer's own definition with the vocabulary that a GGUF file of it holds.
///
/// Hostile texts are encoded by the definition, as Hugging Face's `tokenizers` or SentencePiece do,
/// and by the vocabulary, as readers of the file do, each with and without the tokens that go around
/// a text; added tokens in a text are parsed on both sides.
public struct TokenizerCheck {
    /// What a check found.
    public struct Result: Sendable {
        /// The number of texts that both sides encode alike.
        public var equalCount = 0
        /// The number of texts that the definition itself cannot encode.
        public var unencodableCount = 0
        /// Differences that no file can avoid: what readers do otherwise, in how many texts, and the
        /// first of them.
        public var limits: [(sentence: String, count: Int, text: String)] = []

        /// What is to be said about the differences.
        public var notices: [String] {
            limits.map { limit in
                "tokenizer: \(limit.sentence): \(limit.count) "
                    + (limit.count == 1 ? "text differs" : "texts differ")
                    + ", \(TokenizerCheck.quoted(limit.text)) for one"
            }
                + (unencodableCount > 0
                    ? [
                        "tokenizer: \(unencodableCount) texts cannot be expressed by the "
                            + "definition and were not compared"
                    ] : [])
        }

        /// One line about what agrees.
        public var summary: String {
            let limited = limits.reduce(0) { $0 + $1.count }
            return "tokenizer: \(equalCount) texts encode alike by the definition and by the file"
                + (limited > 0 ? ", \(limited) differ by what no file can say" : "")
        }
    }

    private let source: ReferenceSource
    private let limits: [ReaderLimit]
    private let tokens: [String]
    private let tokenizer: Tokenizer
    private let file: String

    /// Prepares both sides.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer of a directory.
    ///   - metadata: The metadata of the file.
    /// - Throws: `TokenizationError` when one of the sides has what cannot be run, or `FileError`.
    public init(_ tokenizer: HFTokenizer, metadata: Metadata) throws {
        file = tokenizer.file
        let vocabulary = try Vocabulary(metadata: metadata, file: tokenizer.file)
        self.tokenizer = try Tokenizer(vocabulary: vocabulary)
        source = try ReferenceSource(tokenizer)
        limits = try tokenizer.readerLimits(of: vocabulary)
        tokens = source.addedTokens.map(\.content.description)
    }

    /// Encodes the texts.
    ///
    /// - Throws: `TokenizerDifference` for the first text on which the sides disagree where a file
    ///   could agree; `TokenizationError` when the definition cannot be run.
    public func run() throws -> Result {
        let reference = try source.tokenizer()
        var explanation = LimitExplanation(source: source, limits: limits.filter { $0.edit != nil })
        var result = Result()
        for text in HostileText.texts + HostileText.around(tokens) {
            var isEqual = true
            for addSpecial in [false, true] {
                let expected: [Int32]
                do {
                    expected = try reference.encode(text, addSpecial: addSpecial)
                } catch {
                    result.unencodableCount += 1
                    isEqual = false
                    break
                }
                let found = try tokenizer.encode(
                    text.utf8, addSpecial: addSpecial, parseSpecial: true)
                if found == expected { continue }
                guard let causes = try explanation.limits(text, addSpecial, giving: found) else {
                    throw difference(text, addSpecial, expected, found)
                }
                isEqual = false
                for cause in causes { result.count(limits: cause, text) }
                break
            }
            if isEqual { result.equalCount += 1 }
        }
        return result
    }

    private func difference(
        _ text: String, _ addSpecial: Bool, _ expected: [Int32], _ found: [Int32]
    ) -> TokenizerDifference {
        let place =
            zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            ?? min(expected.count, found.count)
        let names = { (ids: [Int32]) in
            ids.map { id in
                self.tokenizer.vocabulary.tokens.indices.contains(Int(id))
                    ? self.tokenizer.vocabulary.tokens[Int(id)].description : "?"
            }
        }
        return TokenizerDifference(
            text: text, expected: expected, found: found, expectedTokens: names(expected),
            foundTokens: names(found), position: place, addsSpecial: addSpecial,
            pre: tokenizer.vocabulary.model == .byteLevelBPE ? tokenizer.vocabulary.pre : nil,
            addedTokens: tokens, file: file)
    }

    /// A text with everything but printable characters spelled out.
    static func quoted(_ text: String) -> String {
        let short = text.unicodeScalars.count > 80
        var result = "\""
        for scalar in text.unicodeScalars.prefix(80) {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case " "..."~": result.unicodeScalars.append(scalar)
            default: result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            }
        }
        return result + "\"" + (short ? "…" : "")
    }
}

extension TokenizerCheck.Result {
    fileprivate mutating func count(limits sentence: String, _ text: String) {
        if let index = limits.firstIndex(where: { $0.sentence == sentence }) {
            limits[index].count += 1
        } else {
            limits.append((sentence, 1, text))
        }
    }
}

/// Finds out whether what readers do otherwise accounts for a difference.
private struct LimitExplanation {
    let source: ReferenceSource
    let limits: [ReaderLimit]
    /// References with some of the limits, by their places.
    private var references: [Set<Int>: ReferenceTokenizer] = [:]

    init(source: ReferenceSource, limits: [ReaderLimit]) {
        self.source = source
        self.limits = limits
    }

    /// The fewest limits that make the definition give some tokens; `nil` when they do not.
    mutating func limits(
        _ text: String, _ addSpecial: Bool, giving found: [Int32]
    ) throws -> [String]? {
        var chosen = Set(limits.indices)
        func sentences(_ places: Set<Int>) -> [String] {
            places.sorted().map { limits[$0].sentence }
        }
        for place in limits.indices
        where try encode(text, addSpecial, [place]) == found {
            return sentences([place])
        }
        guard try encode(text, addSpecial, chosen) == found else { return nil }
        for place in limits.indices {
            let fewer = chosen.subtracting([place])
            if try encode(text, addSpecial, fewer) == found { chosen = fewer }
        }
        return sentences(chosen)
    }

    private mutating func encode(
        _ text: String, _ addSpecial: Bool, _ places: Set<Int>
    ) throws -> [Int32]? {
        if references[places] == nil {
            var edited = source
            for place in places.sorted() { limits[place].edit?(&edited) }
            references[places] = try edited.tokenizer()
        }
        return try? references[places]?.encode(text, addSpecial: addSpecial)
    }
}
