import Grammars
import TensorCore
import Testing

/// Regular expressions of JSON Schema: what they allow and refuse, and where they end.
@Suite struct PatternTests {
    private static func grammar(_ pattern: String) throws -> Grammar {
        try Grammar(
            jsonSchema: .object([
                .init(key: "type", value: .string("string")),
                .init(key: "pattern", value: .string(ByteString(pattern))),
            ]))
    }

    /// A text as JSON writes it, with the escapes that it needs.
    private static func quoted(_ text: String) -> String {
        let escapes: [Character: String] = [
            "\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u{8}": "\\b",
            "\u{C}": "\\f",
        ]
        return "\"" + text.map { escapes[$0] ?? String($0) }.joined() + "\""
    }

    /// A pattern, what it allows, and what it does not.
    static let examples: [(String, allowed: [String], refused: [String])] = [
        ("^a$", ["a"], ["", "aa", "b", "ab", "ba"]),
        ("a", ["a", "ba", "ab", "\na\n"], ["", "b"]),
        ("^a", ["a", "ab"], ["ba"]), ("a$", ["a", "ba"], ["ab"]),
        ("^$", [""], ["a"]), ("", ["", "a"], []),
        ("^a|b$", ["a", "ax", "b", "xb"], ["xa", "bx"]), ("^(a|b|)$", ["a", "b", ""], ["ab"]),
        ("^(?:ab)+$", ["ab", "abab"], ["", "aba"]), ("^a{2}$", ["aa"], ["a", "aaa"]),
        ("^a{2,}$", ["aa", "aaaa"], ["a"]), ("^a{1,2}?$", ["a", "aa"], ["", "aaa"]),
        ("^a{0}$", [""], ["a"]), ("^a{12}$", [String(repeating: "a", count: 12)], ["aa", "a"]),
        ("^a*?b+?c??$", ["b", "abc", "aabb"], ["ac", "bcc"]),
        ("^[a-c]$", ["a", "b", "c"], ["d", "`", "-"]), ("^[a-]$", ["a", "-"], ["b"]),
        ("^[-a]$", ["a", "-"], ["b"]),
        ("^[^a-c]$", ["d", "`", "\n", "\"", "\\"], ["a", "b", "c", "dd"]),
        ("^[\\]\\\\]$", ["]", "\\"], ["a", "["]), ("^[\\d_]$", ["0", "9", "_"], ["a", "/", ":"]),
        ("^[b-da-bf]$", ["a", "b", "c", "d", "f"], ["e", "g"]), ("^[ac]$", ["a", "c"], ["b"]),
        ("^[^\u{0}-\u{10FFFE}]$", ["\u{10FFFF}"], ["a", "\u{10FFFE}"]),
        ("^\\d\\D$", ["1a", "0/", "9:"], ["11", "aa"]),
        ("^\\w\\W$", ["a ", "Z[", "_@", "0`"], ["aa", "  ", "{ "]),
        ("^\\s\\S$", [" a", "\t!", "\u{A0}b", "\u{2028}c"], ["aa", "  "]),
        ("^.$", ["a", "é", "日", "😀", "\"", "\t"], ["\n", "\r", "\u{2028}", "ab", ""]),
        ("^\\n\\r\\t\\f$", ["\n\r\t\u{C}"], ["nrtf", "\n\r\t"]),
        ("^\\x41\\u00e9$", ["Aé"], ["x41", "A"]), ("^\\.\\*\\(\\)\\{\\}$", [".*(){}"], ["x*(){}"]),
        ("^\\[\\^\\$\\|\\/$", ["[^$|/"], ["[^$|"]), ("^\\\\$", ["\\"], ["\\\\", ""]),
        ("^é日😀$", ["é日😀"], ["é日"]),
    ]

    @Test(arguments: examples.indices)
    func allowsWhatItSays(_ index: Int) throws {
        let (pattern, allowed, refused) = Self.examples[index]
        let grammar = try Self.grammar(pattern)
        for text in allowed { #expect(follows(Self.quoted(text), grammar), "\(pattern) \(text)") }
        for text in refused { #expect(!follows(Self.quoted(text), grammar), "\(pattern) \(text)") }
    }

    /// What is no regular expression, or more than one; with the character that it is found at.
    @Test(
        arguments: [
            ("(", 2), ("(a", 3), (")", 1), ("a)", 2), ("(?=a)", 2), ("(?<a>b)", 2), ("(?", 2),
            ("[", 2), ("[a", 3),
            ("[^", 3), ("[b-a]", 5), ("[\\d-z]", 6), ("[a-\\d]", 6), ("a**", 3), ("a{1}{2}", 5),
            ("a+*", 3),
            ("a??+", 4), ("*", 1), ("a|*", 3), ("+a", 1), ("?", 1), ("^*", 2), ("a^b", 2),
            ("a$b", 3), ("(a$)", 3),
            ("a{", 3), ("a{}", 3), ("a{,2}", 3), ("a{2", 4), ("a{3,2}", 6), ("a{1x}", 4), ("\\", 2),
            ("\\1", 3),
            ("\\k", 3), ("\\x4", 4), ("\\u12g4", 5), ("\\é", 3), ("[\\x00]", 1),
        ])
    func refusesAndSaysWhere(_ pattern: String, _ place: Int) throws {
        let error = try #require(throws: GrammarError.self) { try Self.grammar(pattern) }
        #expect(error.description.contains(" at character \(place) is not supported"), "\(error)")
    }

    @Test func limitsAreKept() throws {
        func nested(_ count: Int) -> String {
            String(repeating: "(", count: count) + "a" + String(repeating: ")", count: count)
        }
        // The whole is the first level.
        #expect(follows("\"a\"", try Self.grammar("^" + nested(49) + "$")))
        #expect(throws: GrammarError.self) { try Self.grammar("^" + nested(50) + "$") }
        // Groups beside one another are no levels.
        #expect(throws: Never.self) { try Self.grammar(String(repeating: nested(40), count: 40)) }
        #expect(throws: Never.self) { try Self.grammar(String(repeating: "a", count: 4096)) }
        #expect(throws: GrammarError.self) { try Self.grammar(String(repeating: "a", count: 4097)) }
        func levels(_ count: Int) throws -> Grammar {
            var schema: JSON = true
            for _ in 0..<count {
                let properties = JSON.object([.init(key: "a", value: schema)])
                schema = .object([
                    .init(key: "properties", value: properties),
                    .init(key: "required", value: .array([.string("a")])),
                ])
            }
            return try Grammar(jsonSchema: schema)
        }
        // The innermost is a level too.
        #expect(throws: Never.self) { try levels(40) }
        func isTooDeep(_ count: Int) -> Bool {
            do { _ = try levels(count) } catch { return "\(error)".contains("more than 64 levels") }
            return false
        }
        #expect(!isTooDeep(63) && isTooDeep(64))
    }
}
