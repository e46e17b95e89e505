import TensorCore
import Testing

/// Patterns as `std::regex` reads them, libstdc++'s of GCC 12.
@Suite struct NamePatternTests {
    static let names = [
        "token_embd.weight", "output.weight", "blk.0.attn_k.weight", "blk.10.attn_v.weight",
        "blk.3.ffn_down_exps.weight", "output_norm.weight", "blk.1.attn_k_norm.weight", "aab",
        "abab", "", "a-b_c d", "x[0]{2}",
    ]

    /// What `std::regex_search` says for each name.
    static let searches: [(pattern: String, found: String)] = [
        (#"attn_k"#, "001000100000"),
        (#"attn_k\b"#, "001000000000"),
        (#"\battn_k\b"#, "001000000000"),
        (#"attn_k\B"#, "000000100000"),
        (#"attn_v\.weight\z"#, "000000000000"),
        (#"attn_(?=v)"#, "000100000000"),
        (#"attn_(?!v)"#, "001000100000"),
        (#"attn_(?=\bk)"#, "000000000000"),
        (#"^output\.weight$"#, "010000000000"),
        (#"^blk\.(0|10)\."#, "001100000000"),
        (#"blk\.[0-9]\."#, "001010100000"),
        (#"blk\.\d{2}\."#, "000100000000"),
        (#"blk\.(?:1|3)\.(attn|ffn)_"#, "000010100000"),
        (#"ffn_(up|gate|down)_exps"#, "000010000000"),
        (#"(a+)b?\1"#, "000000011000"),
        (#"(a|b)\1"#, "000000010000"),
        (#"(a|ab)(c|bab)"#, "000000001000"),
        (#"(?:(a)|b)*\1"#, "000000011000"),
        (#"(a*)*b"#, "101110111010"),
        (#"(a*?)*?b\1"#, "101110111010"),
        (#"((a)|(b))+\3\2"#, "000000000000"),
        (#"^(?:(?=(a))|b)+\1"#, "000000011010"),
        (#"(?=^)blk"#, "001110100000"),
        (#"output(?=^)_norm"#, "000001000000"),
        (#"(?!)"#, "000000000000"),
        (#"()"#, "111111111111"),
        (#"[]"#, "000000000000"),
        (#"[^]"#, "111111111011"),
        (#"[-a]b"#, "000000011010"),
        (#"[a-]b"#, "000000011010"),
        (#"[\w-]\["#, "000000000001"),
        (#"[+--]b"#, "000000000010"),
        (#"[[:alpha:]][[:punct:]][[:alpha:]]"#, "111111100010"),
        (#"[[.hyphen.]]b"#, "000000000010"),
        (#"[[=A=]]-"#, "000000000010"),
        (#"[[.a.]-b]b"#, "000000011000"),
        (#"[\d_]c"#, "000000000010"),
        (#"[^\W\d]{9}"#, "100011100000"),
        (#"\x61\u0062"#, "000000011000"),
        (#"\ca"#, "001100111010"),
        (#"\cA"#, "000000000000"),
        (#"\0"#, "000000000000"),
        (#"[\b]"#, "000000000000"),
        (#"x\[0]{1}"#, "000000000001"),
        (#"x\[0\]\{2}"#, "000000000001"),
        (#"}"#, "000000000001"),
        (#"]$"#, "000000000000"),
        (#"a{2}b"#, "000000010000"),
        (#"a{0}b$"#, "000000011000"),
        (#"a{0,1}?-"#, "000000000010"),
        (#"(ab){2,}"#, "000000001000"),
        (#"(ab){3}"#, "000000000000"),
        (#".{18,}"#, "001111100000"),
        (#"a**b"#, "101110111010"),
        (#"a+?+b"#, "000000011000"),
        (#"\s[a-d]$"#, "000000000010"),
        (#"\t"#, "000000000000"),
        (#"k\.weight|v\.weight"#, "001100000000"),
        (#"|"#, "111111111111"),
        (#"a||z"#, "111111111111"),
        (#"(?:)"#, "111111111111"),
        (#"$^"#, "000000000100"),
        (#"^$"#, "000000000100"),
        (#"(^a)ab"#, "000000010000"),
        (#"\-"#, "000000000010"),
        (#"\_"#, "101111100010"),
        (#"\w+\.\w+$"#, "111111100000"),
        (#"(?=.*norm)(?=.*attn)"#, "000000100000"),
        (#"^(?!.*(norm|exps)).*weight"#, "111100000000"),
        (#"(.)(.)\1\2"#, "000000001000"),
        (#"(.)\1"#, "001110110000"),
        (#"(?:a(?=(b))|x)+\1"#, "000000011000"),
    ]

    @Test(arguments: searches)
    func findsWhatStandardRegexFinds(_ search: (pattern: String, found: String)) throws {
        let pattern = try NamePattern(search.pattern)
        let found = try Self.names.map { try pattern.occurs(in: $0) ? "1" : "0" }.joined()
        #expect(found == search.found)
    }

    /// `std::regex` refuses these too.
    @Test(arguments: [
        ("[a", 3), ("[z-a]", 3), ("(?<a)", 3), ("(?P<x>a)", 3), ("(?", 3), ("[[:foo:]]", 2),
        ("[[:^alpha:]]", 2), ("[[:alpha]", 2), ("[[.zz.]]", 2), ("[[=]]", 2), ("\\x6", 1),
        ("\\u00g0", 1), ("*a", 1), ("a|*", 3), ("^*", 2), ("(?=a)*", 6), ("\\b+", 3), ("{1}", 1),
        ("a{2,1}", 2), ("a{,2}", 3), ("a{", 3), ("a{1", 4), ("a{1,", 5), ("a{x}", 3), ("(a", 3),
        ("a)", 2), ("[\\d-a]", 4), ("[a-\\d]", 4), ("[a-[:digit:]]", 4), ("[\\B]", 2),
        ("[\\1]", 2), ("\\1", 1), ("(a\\1)", 3), ("(a)\\2", 4), ("\\", 1),
    ])
    func namesThePlaceOfAFault(_ pattern: String, _ character: Int) {
        let error = #expect(throws: PatternError.self) { try NamePattern(pattern) }
        #expect(error?.problem.contains("at character \(character), expected") == true)
        #expect(error?.exitCode == .usage)
    }

    @Test(arguments: [
        "a{100001}", "((a{100}){100}){100}", "a{99999999999}",
        String(repeating: "(", count: 300) + String(repeating: ")", count: 300),
        "a" + String(repeating: "*", count: 300),
    ])
    func isNoLargerThanItMayBe(_ pattern: String) {
        #expect(throws: PatternError.self) { try NamePattern(pattern) }
    }

    /// Backtracking alone would try these for hours.
    @Test(arguments: ["(a+a+)+b", "(a*)*b", "(a|aa)+$b", "(?=.*(?=.*(?=.*(?=.*b))))"])
    func nestedRepetitionsEnd(_ pattern: String) throws {
        let name = String(repeating: "a", count: 200)
        #expect(try !NamePattern(pattern).occurs(in: name))
    }

    @Test func referencesThatTakeTooLongAreGivenUp() throws {
        let pattern = try NamePattern(#"((a|aa)+)+\1z"#)
        let name = String(repeating: "a", count: 60)
        let error = #expect(throws: PatternError.self) { try pattern.occurs(in: name) }
        #expect(error?.problem.contains("too many steps") == true)
    }
}
