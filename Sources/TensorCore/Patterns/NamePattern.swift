/// A regular expression that is searched for in names, as C++'s `std::regex` does it.
///
/// The grammar is ECMAScript's of 1999 (ES3) with POSIX's bracket expressions, in the form that
/// libstdc++ gives it, because that is what the patterns on users' command lines were written for.
/// Names and patterns are bytes; classes and ranges know ASCII only. Where libstdc++ departs from
/// ECMAScript, so does this: `\cX` is the letter X, a reference to a group that took no part fails,
/// and a lookahead sees nothing to its left when the search is at the name's start.
public struct NamePattern: Sendable, Hashable {
    /// The pattern as it was written.
    public let source: String
    private let program: PatternProgram

    /// Reads a pattern.
    ///
    /// - Throws: `PatternError` when it is none or makes too large a machine.
    /// - Complexity: O(states), of which there are 100,000 at most.
    public init(_ source: String) throws(PatternError) {
        var parser = PatternParser(source)
        program = try PatternProgram(parser.parse(), groupCount: parser.groupCount, of: source)
        self.source = source
    }

    /// Whether the pattern occurs somewhere in `name`.
    ///
    /// - Throws: `PatternError` when finding out takes too many steps.
    /// - Complexity: O(states × length²); with references exponential, up to the limit of steps.
    public func occurs(in name: String) throws(PatternError) -> Bool {
        var search = PatternSearch(program, in: Array(name.utf8))
        do {
            return try search.run()
        } catch {
            throw PatternError(.tooManySteps(name: name), pattern: source)
        }
    }

    /// Patterns are equal when they are written alike.
    public static func == (left: NamePattern, right: NamePattern) -> Bool {
        left.source == right.source
    }

    /// Hashes the pattern as it was written.
    public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}

/// Why a pattern cannot be read or searched for.
public struct PatternError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// What was found at a byte, counted from 0, and what was expected.
        case syntax(offset: Int, found: String, expected: String)
        /// Repetitions that make more states than a pattern may have.
        case tooLarge(limit: Int)
        /// Groups in groups, or quantifiers of quantifiers.
        case tooDeep(limit: Int)
        /// The search was given up.
        case tooManySteps(name: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The pattern.
    public let pattern: String

    /// Creates an error about a pattern.
    public init(_ kind: Kind, pattern: String) {
        self.kind = kind
        self.pattern = pattern
    }

    /// A pattern is no file: `nil`.
    public var file: String? { nil }
    /// The pattern.
    public var place: String? { "pattern \"\(pattern)\"" }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .syntax(let offset, let found, let expected):
            "\(found) found at character \(offset + 1), expected \(expected)"
        case .tooLarge(let limit): "repetitions make more than \(limit) states"
        case .tooDeep(let limit): "groups or quantifiers are nested more than \(limit) deep"
        case .tooManySteps(let name): "looking for it in \"\(name)\" takes too many steps"
        }
    }
    /// What to do about it.
    public var remedy: String? {
        switch kind {
        case .syntax: "A special character stands for itself after a backslash: \\. or \\(."
        case .tooLarge, .tooDeep: "Use a shorter pattern."
        case .tooManySteps: "Use fewer repetitions inside repetitions."
        }
    }
    /// A fault on the command line.
    public var exitCode: ExitCode { .usage }
}

/// A set of bytes.
struct ByteSet: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}

    init(_ bytes: some Sequence<UInt8>) { for byte in bytes { insert(byte) } }

    /// The bytes for which `predicate` holds.
    init(where predicate: (UInt8) -> Bool) {
        for byte in UInt8.min...UInt8.max where predicate(byte) { insert(byte) }
    }

    func contains(_ byte: UInt8) -> Bool { word(byte) >> UInt64(byte & 63) & 1 != 0 }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    mutating func formUnion(_ other: ByteSet) {
        words = (
            words.0 | other.words.0, words.1 | other.words.1, words.2 | other.words.2,
            words.3 | other.words.3
        )
    }

    var inverted: ByteSet {
        var set = ByteSet()
        set.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return set
    }

    private func word(_ byte: UInt8) -> UInt64 {
        switch byte >> 6 {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
    }

    static func == (left: ByteSet, right: ByteSet) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
