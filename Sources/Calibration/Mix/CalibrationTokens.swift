public import Tokenization

/// Texts as rows of tokens to gather statistics over.
///
/// Rows of all kinds of text are mixed in shares, in a fixed order in which every beginning has about
/// the shares of the whole; every other row of a text starts with BOS where the tokenizer puts one in
/// front; some rows are tokens drawn at random, which reach columns (and experts) that ordinary text
/// leaves alone. The same texts, tokenizer and options give the same rows.
///
/// ```swift
/// let documents = try CalibrationMix.documents()
/// let rows = try CalibrationTokens(
///     documents: documents.filter { $0.use == .calibration }, tokenizer: tokenizer).rows
/// ```
public struct CalibrationTokens: Sendable {
    /// How texts become rows.
    public struct Options: Sendable, Hashable {
        /// The tokens of a row.
        public var rowLength: Int
        /// The most tokens of all rows together; `nil` for as many as the texts hold.
        public var tokenBudget: Int?
        /// The share of rows that are drawn at random, 0 to less than 1.
        public var randomShare: Double

        /// Creates options; those of the built-in mix by default.
        public init(
            rowLength: Int = 512, tokenBudget: Int? = 1 << 16, randomShare: Double = 0.1
        ) {
            self.rowLength = rowLength
            self.tokenBudget = tokenBudget
            self.randomShare = randomShare
        }
    }

    /// A row of tokens that run together.
    public struct Row: Sendable, Hashable {
        /// The tokens, `Options.rowLength` of them.
        public var tokens: [Int32]
        /// What text they are of.
        public var kind: CalibrationDocument.Kind
    }

    /// How many rows there are of a kind.
    public struct Count: Sendable, Hashable {
        /// The kind of text.
        public var kind: CalibrationDocument.Kind
        /// The rows.
        public var rows: Int
        /// Their tokens.
        public var tokens: Int
    }

    /// A text that was calibrated on, for the record.
    public struct Source: Sendable, Hashable {
        /// What it is called.
        public var name: String
        /// Its SHA-256 digest, 64 hexadecimal digits.
        public var sha256: String

        /// Describes a text.
        public init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    /// The rows, of all kinds in turn.
    public let rows: [Row]
    /// The texts: each of the user's own, and the built-in mix as one.
    public let sources: [Source]
    /// The user's texts that are too short to have a row.
    public let unused: [String]

    /// The tokens of all rows.
    public var tokenCount: Int { rows.reduce(0) { $0 + $1.tokens.count } }

    /// How many rows there are of each kind that has any, in the order of the kinds.
    public var counts: [Count] {
        CalibrationDocument.Kind.allCases.compactMap { kind in
            let own = rows.filter { $0.kind == kind }
            let tokens = own.reduce(0) { $0 + $1.tokens.count }
            return own.isEmpty ? nil : Count(kind: kind, rows: own.count, tokens: tokens)
        }
    }

    /// Makes rows of documents.
    ///
    /// - Parameters:
    ///   - documents: Texts; the shares of their kinds are fixed, those of the user's texts equal (texts
    ///     shorter than a row count as one together).
    ///   - chat: Writes a conversation in the model's template, without an opening for an answer;
    ///     `nil` where the template cannot take it, which is written plainly then.
    /// - Throws: `CalibrationTextError` when the texts have no row; `TokenizationError`; what `chat`
    ///   throws.
    /// - Complexity: Linear in the length of all documents, whatever the budget.
    public init(
        documents: [CalibrationDocument], tokenizer: Tokenizer, options: Options = Options(),
        chat: (CalibrationDocument.Conversation) throws -> [UInt8]? = { _ in nil }
    ) throws {
        precondition(options.rowLength >= 2, "rows have at least two tokens")
        precondition((0..<1).contains(options.randomShare), "a share is from 0 to 1")
        let strata = try CalibrationStratum.strata(
            of: documents.map { try EncodedDocument($0, tokenizer: tokenizer, chat: chat) },
            rowLength: options.rowLength)
        guard strata.contains(where: { !$0.rows.isEmpty }) else {
            throw CalibrationTextError(
                .tooShort(
                    tokens: strata.map(\.tokenCount).max() ?? 0, rowLength: options.rowLength),
                path: documents.first { $0.kind == .own }?.name)
        }
        unused = strata.filter { $0.kind == .own && $0.rows.isEmpty }.flatMap(\.names)
        sources = try Self.sources(of: documents)
        rows = Self.mixed(strata, tokenizer: tokenizer, options: options)
    }

    private static func sources(of documents: [CalibrationDocument]) throws -> [Source] {
        var sources = documents.compactMap { document -> Source? in
            guard document.kind == .own, case .text(let text) = document.content else { return nil }
            return Source(name: document.name, sha256: TextDigest.sha256(of: text))
        }
        if documents.contains(where: { $0.kind != .own }) {
            sources.append(Source(name: CalibrationMix.name, sha256: try CalibrationMix.sha256()))
        }
        return sources
    }

    private static func mixed(
        _ strata: [CalibrationStratum], tokenizer: Tokenizer, options: Options
    ) -> [Row] {
        let length = options.rowLength
        var random = RandomTokens(tokenizer.vocabulary)
        let share = random.isEmpty ? 0 : options.randomShare
        let capacity = strata.reduce(0) { $0 + $1.capacity }
        let budget = options.tokenBudget.map { max(1, $0 / length) } ?? Int.max
        let textCount = min(capacity, max(1, budget - Int((Double(budget) * share).rounded())))
        let randomCount = min(
            budget - textCount, Int((Double(textCount) * share / (1 - share)).rounded()))
        let counts = Apportionment.counts(
            of: textCount, weights: strata.map(\.weight), capacities: strata.map(\.capacity))

        // A row's place among all is the middle of its part of the stratum, so that any beginning has
        // the shares of the whole.
        var placed: [(place: Double, row: Row)] = []
        for (number, stratum) in strata.enumerated() {
            let count = counts[number]
            for index in 0..<count {
                var tokens = stratum.rows[(2 * index + 1) * stratum.rows.count / (2 * count)]
                if (index + number) % 2 == 0, let bos = tokenizer.leadingID {
                    tokens = [bos] + tokens.dropLast()
                }
                placed.append(
                    (
                        (Double(index) + 0.5) / Double(count),
                        Row(tokens: tokens, kind: stratum.kind)
                    ))
            }
        }
        for index in 0..<randomCount {
            let row = Row(tokens: random.next(length), kind: .random)
            placed.append(((Double(index) + 0.5) / Double(randomCount), row))
        }
        return placed.enumerated().sorted {
            ($0.element.place, $0.offset) < ($1.element.place, $1.offset)
        }.map(\.element.row)
    }
}
