import TensorCore

/// Texts on which tokenizers go wrong, and those made of a tokenizer's own added tokens.
enum HostileText {
    /// White space in every form, alone, in runs and at the ends.
    private static let spaces = [
        "", " ", "  ", "   ", "    ", "     ", String(repeating: " ", count: 17), "\t", "\t\t",
        " \t ",
        "\n", "\n\n", "\n\n\n", "\r", "\r\n", "\r\n\r\n", "\r\r", " \n", "\n ", "\n  \n", " \r\n ",
        "\t\n\t", "\u{B}", "\u{C}", "\u{85}", "\u{A0}", "\u{A0}\u{A0}", "a\u{A0}b", "\u{1680}",
        "\u{2003}x\u{2009}y", "\u{2028}", "\u{2029}", "a\u{2028}b", "\u{202F}", "\u{205F}",
        "\u{3000}",
        "漢\u{3000}字", " a", "  a", "   a", "a ", "a  ", "a   ", " a ", "  a  b  ", "a  b", "a   b",
        "a    b", "\ta", "a\t", "a\tb", "\na", "a\n", "a\nb", "a\n\nb", "a \n b", "a\n  b",
        "a\r\nb",
        "a\r\n\r\nb", "a \r\n b", "Hello world", " Hello world", "Hello  world ", "Hello\nworld\n",
        "one\n\n\ntwo", "x \u{A0} y", "end.\n", "end. \n\n Next",
        "\u{200B}", "a\u{200B}b", "\u{200C}\u{200D}", "\u{FEFF}", "\u{FEFF}text", "te\u{FEFF}xt",
        "\u{2060}", "a\u{AD}b", "\u{180E}", "\u{200E}left\u{200F}right\u{202A}x\u{202C}",
    ]

    /// Letters: case, accents in both forms, ligatures, scripts with and without spaces.
    private static let letters = [
        "café", "cafe\u{301}", "naïve", "nai\u{308}ve", "Å", "A\u{30A}", "\u{212B}", "é",
        "e\u{301}",
        "e\u{301}\u{323}", "e\u{323}\u{301}", "\u{301}", " \u{301}",
        "a\u{300}\u{301}\u{302}\u{303}",
        "ñandú", "n\u{303}", "Ω", "\u{2126}", "K", "\u{212A}", "İstanbul", "ISTANBUL", "ıi",
        "i\u{307}",
        "ß", "ẞ", "STRASSE straße", "ﬁ ﬂ ﬀ ﬃ ﬆ", "ŉ", "ǅ ǆ Ǆ", "Ǆungla", "ſet", "Σίσυφος", "ΣΑΣ",
        "ς",
        "ὈΔΥΣΣΕΎΣ", "ᾳ", "Привет, мир!", "ПРИВЕТ", "й", "и\u{306}", "ёлка", "Їжак", "Հայերեն",
        "ქართული", "ᲥᲐᲠᲗᲣᲚᲘ", "Ꭰ ꭰ",
        "漢字", "漢字かな交じり文", "カタカナ", "ｶﾀｶﾅ", "ガ", "ガ", "ﾊﾟ", "日本語のテキストです。", "中文没有空格，真的。", "㍿", "龍",
        "𠮷野家", "你好 世界", "한국어", "한국어 텍스트", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}", "각",
        "ㄱㅏ",
        "العربية", "مرحبا بالعالم", "مُحَمَّد", "ﷺ", "لا", "עברית", "שָׁלוֹם", "فارسی نیم‌فاصله", "ภาษาไทย",
        "น้ำใจ",
        "กำลัง", "हिन्दी", "क्षि", "नमस्ते दुनिया", "বাংলা ভাষা", "তো", "தமிழ்", "తెలుగు", "മലയാളം", "ສະບາຍດີ", "မြန်မာ", "ខ្មែរ",
        "བོད་ཡིག", "አማርኛ", "ᚠᚢᚦ", "𓀀𓁐", "𐍈", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𝒜𝟙", "ａｂｃ１２３", "ａ\u{301}",
        "abcABCabc", "CamelCaseWords", "snake_case_words", "kebab-case", "ALLCAPS", "mIxEd",
        "aB1c2D3",
    ]

    /// Symbols: emoji and their modifiers, punctuation, digits in groups.
    private static let symbols = [
        "😀", "😀😀", " 😀 ", "a😀b", "👍🏽", "👩‍👩‍👧‍👦", "🧑🏿‍🚀", "🏴‍☠️", "❤️", "❤", "🇩🇪", "🇩🇪🇫🇷", "🇩", "☺︎", "1️⃣",
        "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}", "\u{FE0F}", "\u{200D}👩",
        "0", "7", "12", "123", "1234", "12345", "123456", "1234567", "12345678", "123456789",
        "1234567890", " 1", "1 2 3", "12 345 678", "1,234,567.89", "3.14159", "-1", "+1", "1e10",
        "0x1F",
        "007", "a1", "1a", "a12b345", "2024-02-29", "12:34:56", "192.168.0.1", "$1,000", "50%",
        "1st 2nd",
        "²³", "x²", "½ ⅓", "Ⅷ", "①②", "٠١٢٣٤", "१२३", "１２３", "൧൨", "123abc456", "1\n2", "1\u{301}",
        "12²",
        "!", "!!", "!!!", "?!", "...", "…", ". . .", "--", "---", "—", "–", "''", "\"\"", "``",
        "“q”", "‘q’",
        "«q»", "„q“", "(a)", "[b]", "{c}", "<d>", "a,b", "a, b", "a ,b", ",", ", ", " ,", ":;",
        "a:b", "/",
        "//", "\\", "|", "||", "&", "&&", "@", "#", "##", "# Title", "###", "$", "%", "^", "*",
        "**bold**", "~",
        "~~", "_", "__", "___init___", "=", "==", "=>", "->", "<-", "<=", ">=", "!=", "+=", "<>",
        "</", "/>",
        "©®™", "€£¥", "§¶", "°C", "±×÷", "→←", "≤≥≠", "∑∏", "◌́", "。、", "！？", "【】", "・", "¿¡", "؟",
        "।", "\u{340}",
        "\u{37E}", "\u{387}", "\u{1FEF}", "\u{2000}",
    ]

    /// Contractions, code, addresses, long words, control and private characters, marks of other
    /// tokenizers.
    private static let others = [
        "don't", "DON'T", "I'm", "I'M", "you're", "YOU'RE", "we've", "WE'VE", "he'll", "HE'LL",
        "she'd",
        "SHE'D", "it's", "IT'S", "'s", "'S", "''s", "'", " 's", "a's'b", "don’t", "y'all'd've",
        "'tis",
        "rock 'n' roll", "'re're", "'ll", "l'eau", "o'clock", "'\u{17F}",
        "def f(x):\n    return x + 1\n", "if (a && b) {\n\tc++;\n}\n",
        "int main(void) { return 0; }",
        "#include <stdio.h>\r\n", "for i in range(10):\n        print(i)\n\n\n    # end",
        "SELECT * FROM t WHERE a='b';", "{\"k\": [1, 2.5, null, \"v\\n\"]}", "<a href=\"x\">y</a>",
        "\\frac{1}{2} \\alpha", "```swift\nlet x = 1\n```", "https://example.com/a/b?c=d&e=f#g",
        "user.name+tag@mail.example.org", "C:\\Windows\\System32", "/usr/local/bin/", "~/.config",
        "v1.2.3-rc.1+build", "deadbeef0123456789ABCDEF", "SGVsbG8sIHdvcmxkIQ==",
        String(repeating: "a", count: 99), String(repeating: "a", count: 100),
        String(repeating: "ab", count: 120), String(repeating: "é", count: 90),
        String(repeating: "漢", count: 70), String(repeating: "9", count: 61),
        String(repeating: "!", count: 50), String(repeating: "=", count: 80),
        String(repeating: "\n", count: 12), "Donaudampfschifffahrtsgesellschaftskapitän",
        "supercalifragilisticexpialidocious",
        "\u{0}", "a\u{0}b", "\u{1}\u{2}", "\u{7}", "\u{8}", "\u{1B}[31mred\u{1B}[0m", "\u{1F}",
        "\u{7F}",
        "\u{80}\u{9F}", "\u{E000}", "\u{F8FF}", "\u{F0000}", "\u{10FFFF}", "\u{D7FF}\u{E000}",
        "\u{FFFD}",
        "a\u{FFFD}b", "\u{FFFE}", "\u{FFFF}", "\u{378}", "\u{1FFFE}",
        "▁", "▁▁", "▁a", "a▁b", " ▁ ", "Ġ", "Ġa", "aĠb", "Ċ", "Ã©", "##", "##ing", "a##b", "</w>",
        "a</w>",
        "@@", "<0x0A>", "<0x41>", "a<0x0A>b", "<0xE2><0x96><0x81>", "<0xZZ>", "[UNK]", "[PAD]",
        "[PAD0]",
        "[MASK]", "<unk>", "<s>", "</s>", "<pad>", "<mask>", "<|endoftext|>", "<|im_start|>",
        "<bos>",
        "<eos>", "<s", "s>", "<|", "|>", "<<s>>", "<|im_start|>user\nHi<|im_end|>\n",
        "[INST] x [/INST]",
    ]

    /// Texts of their own and, from them, longer ones by a fixed rule.
    static let texts: [String] = {
        let all = spaces + letters + symbols + others
        var result = all
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let short = all.filter { $0.utf8.count < 30 }
        for _ in 0..<300 {
            let joint = ["", " ", "  ", "\n"][next(4)]
            result.append(
                (0...next(6)).map { _ in short[next(short.count)] }.joined(separator: joint))
        }
        return result
    }()

    /// Every added token alone, in the middle of text, with and without white space around it.
    static func around(_ tokens: [String]) -> [String] {
        tokens.enumerated().flatMap { index, token in
            // Some vocabularies hold thousands of tokens that are not used.
            index < 200
                ? [
                    token, "a\(token)b", "a \(token) b", "\(token)\(token)", "\n\(token)\n\n",
                    "  \(token)  é", "1\(token)2", "x\t\(token)'s",
                ] : ["a \(token)b"]
        } + zip(tokens, tokens.dropFirst()).prefix(100).map { "\($0)\($1) \($0)" }
            + tokens.prefix(100).compactMap { token in
                token.count > 1 ? String(token.dropLast()) + token : nil
            }
    }
}
