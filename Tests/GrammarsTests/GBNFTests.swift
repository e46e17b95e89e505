import Grammars
import TensorCore
import Testing

/// Whether a text follows a grammar as a whole.
func follows(_ text: String, _ grammar: Grammar) -> Bool {
    var matcher = GrammarMatcher(grammar)
    return matcher.accept(Array(text.utf8)) && matcher.isComplete
}

@Suite struct GBNFTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var grammar: String
        var allowed: [String]
        var refused: [String]
        var testDescription: String { grammar }
    }

    static let examples = [
        Example(
            grammar: #"root ::= "yes" | "no""#, allowed: ["yes", "no"],
            refused: ["", "y", "yesno", "maybe"]),
        Example(
            grammar: "root ::= [0-9]{1,3} ( b | c )* # a comment\nb ::= \"b\"\nc ::= \"c\"+",
            allowed: ["1", "123", "12bcc", "7cbcb"], refused: ["", "1234", "b", "12d"]),
        Example(
            grammar: "root ::= \"a\"{2} [^x\\n]? .",
            allowed: ["aab", "aabc", "aax", "aaé日", "aa😀"], refused: ["aa", "abb", "aaxx", "aabcd"]),
        Example(
            grammar: "root ::= (\n  \"(\" root \")\" |\n  \"\"\n)", allowed: ["", "()", "((()))"],
            refused: ["(", "())", "()()"]),
        Example(
            grammar: "root ::= \"\\x41\\u00e9\\U0001F600\\\"\\\\\"", allowed: ["Aé😀\"\\"],
            refused: ["A", "Aé😀\""]),
        Example(
            grammar: "root ::= [a-c-]+ [\\]\\[]", allowed: ["a-c]", "--["], refused: ["d]", "a"]),
        Example(
            grammar: "root ::= [α-ω]{2,}", allowed: ["αω", "βγδ"], refused: ["α", "ab", "ΑΩ"]),
        Example(
            grammar: "root ::= (\"a\"?)* \"b\"", allowed: ["b", "aab"], refused: ["", "ba"]),
        Example(
            grammar: "root ::= expression\nexpression ::= term ([-+*/] term)*\n"
                + "term ::= [0-9]+ | \"(\" expression \")\"",
            allowed: ["1+2", "(1+2)*3", "((7))"], refused: ["1+", "()", "1 2"]),
    ]

    @Test(arguments: examples)
    func allowsWhatItSays(_ example: Example) throws {
        let grammar = try Grammar(gbnf: example.grammar)
        for text in example.allowed { #expect(follows(text, grammar), "\(text)") }
        for text in example.refused { #expect(!follows(text, grammar), "\(text)") }
    }

    @Test(arguments: [
        ("root ::= a", "the rule a is used and not defined"),
        ("a ::= \"x\"", "the rule root is used and not defined"),
        ("root ::= root \"a\" | \"b\"", "the rule root begins with itself"),
        ("root ::= \"b\"? root", "the rule root begins with itself"),
        ("root ::= \"a", "found the end, expected \""),
        ("root ::= [a", "found the end, expected ]"),
        ("root ::= \"a\" )", "found ')', expected the end of a rule"),
        ("root = \"a\"", "found '=', expected ::="),
        ("root ::= \"\\q\"", "expected an escape"),
        ("root ::= \"a\"{3,1}", "numbers of repetitions in order"),
        ("root ::= *", "something to repeat"),
        ("root ::= [z-a]", "a range from low to high"),
        ("root ::= \"a\"\nroot ::= \"b\"", "one rule root"),
    ])
    func refuses(_ text: String, _ problem: String) throws {
        let error = try #require(throws: GrammarError.self) { try Grammar(gbnf: text) }
        #expect(error.description.contains(problem), "\(error)")
    }

    @Test func faultsTellTheLine() throws {
        let error = try #require(throws: GrammarError.self) {
            try Grammar(gbnf: "root ::= a\na ::= \"b\"\nc ::= ]")
        }
        #expect(error.place == "line 3")
    }

    /// Small texts that mean large grammars.
    @Test(arguments: [
        "root ::= " + String(repeating: "\"a\"{65000} ", count: 200),
        "root ::= " + String(repeating: "(", count: 5) + "\"a\""
            + String(repeating: "){0,65000}", count: 5),
        "root ::= " + String(repeating: "(", count: 5000) + "\"a\"",
        String(repeating: "#", count: 1 << 19),
    ])
    func largeGrammarsAreRefused(_ text: String) {
        #expect(throws: GrammarError.self) { try Grammar(gbnf: text) }
    }

    /// Twice as many readings with every letter.
    @Test func ambiguityIsBounded() throws {
        let grammar = try Grammar(
            gbnf: "root ::= x\nx ::= \"a\" x \"b\" | \"a\" x \"c\" | \"a\"")
        var matcher = GrammarMatcher(grammar)
        let short = matcher.accept(Array("aaab".utf8))
        matcher = GrammarMatcher(grammar)
        let long = matcher.accept([UInt8](repeating: 97, count: 64))
        #expect(short && !long)
    }

    /// Every set of scalars is a set of UTF-8 sequences.
    @Test(arguments: [
        (0x20, 0x7F), (0x7E, 0x80), (0x7F, 0x801), (0x7FE, 0xFFFF), (0xD7F0, 0xE010),
        (0xFFF0, 0x1_0020), (0x1_F5FF, 0x1_F601), (0x10_FF00, 0x10_FFFF),
    ])
    func rangesOfScalars(_ low: Int, _ high: Int) throws {
        func hexadecimal(_ value: Int) -> String {
            let digits = String(value, radix: 16)
            return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
        let grammar = try Grammar(
            gbnf: "root ::= [\(hexadecimal(low))-\(hexadecimal(high))]")
        for value in [low - 1, low, low + 1, (low + high) / 2, high - 1, high, high + 1] {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            #expect(follows(String(Character(scalar)), grammar) == (low...high).contains(value))
        }
    }
}

@Suite struct TokenConstraintTests {
    private static let pieces: [[UInt8]] =
        [
            "", "{", "}", "\"", "{\"", "a", "ab", "abc", "\":", "1", "12", "12}", ",", " ", "é",
            "x",
        ].map { Array($0.utf8) } + [[0xC3], [0xA9], []]

    /// What may come is what is accepted, for every token, wherever a text stands.
    @Test func theMaskIsWhatIsAccepted() throws {
        let grammar = try Grammar(
            gbnf: "root ::= \"{\" (\"\\\"\" [a-cé]+ \"\\\":\" [0-9]{1,3} \",\"?)* \"}\" ")
        let end = Int32(Self.pieces.count - 1)
        let trie = TokenTrie(pieces: Self.pieces, ends: [end])
        var todo = [TokenConstraint(grammar, trie: trie, pieces: Self.pieces)]
        for _ in 0..<4 {
            var next: [TokenConstraint] = []
            for constraint in todo {
                var constraint = constraint
                let allowed = constraint.allowed()
                for token in Self.pieces.indices {
                    var copy = constraint
                    let isAccepted = copy.accept(Int32(token))
                    #expect(isAccepted == allowed[token], "\(token)")
                    if allowed[token], Int32(token) != end { next.append(copy) }
                }
            }
            todo = next
        }
        #expect(!todo.isEmpty)
    }

    @Test func nothingFollowsTheEnd() throws {
        let grammar = try Grammar(gbnf: "root ::= \"ab\"")
        var constraint = TokenConstraint(
            grammar, trie: TokenTrie(pieces: Self.pieces, ends: [0]), pieces: Self.pieces)
        #expect(!constraint.isComplete)
        let first = constraint.allowed()
        #expect(first.indices.filter { first[$0] } == [5, 6])
        let ends = constraint.accept(0)
        let follows = constraint.accept(6)
        #expect(!ends && follows)
        #expect(constraint.isAtEnd && constraint.isComplete)
        let last = constraint.allowed()
        #expect(last.indices.filter { last[$0] } == [0])
    }
}
