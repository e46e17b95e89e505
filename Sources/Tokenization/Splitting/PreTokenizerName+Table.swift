extension PreTokenizerName {
    /// GPT-2's pattern, which is also what Hugging Face's `ByteLevel` cuts with.
    static let gpt2 =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    /// Before every group of three digits, counted from the right of a run.
    static let threeDigitGroups = #"(?=(\d{3})+(?!\d))"#
    /// Runs of punctuation: Unicode's and all of ASCII's.
    static let punctuation = #"[\p{P}$+<=>^~|`]+"#

    private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    private static let whitespaceRest = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
    /// The pattern of cl100k, with a choice of how many digits go together.
    private static func cl100k(digits: String) -> String {
        contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|"# + whitespaceRest
    }
    private static let llama3 = cl100k(digits: #"\p{N}{1,3}"#)
    /// The pattern of Qwen 2.
    static let qwen2 = cl100k(digits: #"\p{N}"#)
    /// The pattern of o200k: words may begin with capitals or consist of them.
    private static func o200k(contractions: String, digits: String, tail: String) -> String {
        let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
        let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
        let start = #"[^\r\n\p{L}\p{N}]?"#
        return "\(start)\(upper)*\(lower)+\(contractions)|\(start)\(upper)+\(lower)*\(contractions)"
            + "|\(digits)| ?[^\\s\\p{L}\\p{N}]+\(tail)|\(whitespaceRest)"
    }
    private static let gpt4o = o200k(
        contractions: contractions + "?", digits: #"\p{N}{1,3}"#, tail: #"[\r\n/]*"#)
    private static let bloom = " ?[^(\\s|.,!?…。，、।۔،)]+"
    private static let cjk = "[一-龥ࠀ-一\u{AC00}-\u{D7FF}]+"
    /// Alphabets with capitals.
    ///
    /// Characters that normalization would change are written as escapes.
    private static let latin =
        "\\s?[A-Za-zµ\u{C0}-\u{D6}Ø-\u{F6}ø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿ\u{386}\u{388}-\u{38A}"
        + "\u{38C}\u{38E}-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚ\u{1E00}-\u{1F15}\u{1F18}-"
        + "\u{1F1D}\u{1F20}-\u{1F45}\u{1F48}-\u{1F4D}\u{1F50}-\u{1F57}\u{1F59}\u{1F5B}"
        + "\u{1F5D}\u{1F5F}-\u{1F7D}\u{1F80}-\u{1FB4}\u{1FB6}-\u{1FBC}\u{1FBE}\u{1FC2}-"
        + "\u{1FC4}\u{1FC6}-\u{1FCC}\u{1FD0}-\u{1FD3}\u{1FD6}-\u{1FDB}\u{1FE0}-\u{1FEC}"
        + "\u{1FF2}-\u{1FF4}\u{1FF6}-\u{1FFC}ℂℇℊ-ℓℕℙ-ℝℤ\u{2126}ℨ\u{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ"
        + "-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"
    /// Scripts of East and South East Asia.
    private static let asian =
        "[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{F900}-\u{FAFF}\u{3040}-\u{309F}"
        + "\u{30A0}-\u{30FF}\u{FF65}-\u{FF9F}\u{2F00}-\u{2FDF}\u{E40}-\u{E7F}"
        + "\u{E80}-\u{EFF}\u{1780}-\u{17FF}\u{1000}-\u{109F}\u{AA60}-\u{AA7F}"
        + "\u{A9E0}-\u{A9FF}\u{AC00}-\u{D7AF}\u{1100}-\u{11FF}]+"
    private static let deepSeekWords =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
        + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// Every name, the usual one of several with the same rules first.
    static let table: [PreTokenizerName] = [
        // GPT-2's pattern alone
        .init(name: "gpt-2", patterns: [gpt2], modelTypes: ["gpt2", "gpt_bigcode"]),
        .init(name: "phi-2", patterns: [gpt2], modelTypes: ["phi"]),
        .init(name: "exaone4", patterns: [gpt2], modelTypes: ["exaone4"]),
        .init(name: "jais", patterns: [gpt2], modelTypes: ["jais"]),
        .init(name: "trillion", patterns: [gpt2], modelTypes: ["trillion"]),
        .init(name: "granite-docling", patterns: [gpt2], modelTypes: ["idefics3"]),
        .init(
            name: "olmo", normalizations: [.nfc], patterns: [gpt2],
            modelTypes: ["olmo", "olmoe", "gpt_neox", "stablelm"]),
        .init(name: "mpt", normalizations: [.nfc], patterns: [gpt2], modelTypes: ["mpt"]),
        .init(name: "roberta-bpe", patterns: [gpt2], modelTypes: ["roberta"]),
        // One digit at a time, then GPT-2's pattern
        .init(name: "smollm", patterns: [#"\p{N}"#, gpt2], modelTypes: ["llama"]),
        .init(
            name: "starcoder", patterns: [#"\p{N}"#, gpt2],
            modelTypes: ["starcoder2", "gpt_bigcode"]),
        .init(
            name: "refact", patterns: [#"\p{N}"#, gpt2],
            modelTypes: [
                "granite", "granitemoe", "granitemoeshared", "granitemoehybrid", "gpt_refact",
            ]),
        .init(name: "codeshell", patterns: [#"\p{N}"#, gpt2], modelTypes: ["codeshell"]),
        .init(name: "minerva-7b", patterns: [#"\p{N}"#, gpt2], modelTypes: ["mistral"]),
        .init(name: "exaone", patterns: [#"\p{N}"#, gpt2], modelTypes: ["exaone"]),
        .init(
            name: "command-r", normalizations: [.nfc], patterns: [#"\p{N}"#, gpt2],
            modelTypes: ["cohere", "cohere2"]),
        // cl100k with up to three digits
        .init(
            name: "llama-bpe", aliases: ["llama3", "llama-v3"], patterns: [llama3],
            ignoresMerges: true, addsBOS: true, modelTypes: ["llama", "smollm3"]),
        .init(
            name: "dbrx", normalizations: [.none, .nfc], patterns: [llama3],
            modelTypes: ["dbrx", "olmo2", "olmo3", "phi3"]),
        .init(name: "smaug-bpe", patterns: [llama3]),
        .init(
            name: "chatglm-bpe", patterns: [llama3], modelTypes: ["chatglm"]),
        .init(
            name: "glm4", patterns: [llama3],
            modelTypes: ["glm", "glm4", "glm4_moe", "glm4_moe_lite"]),
        .init(
            name: "falcon3", patterns: [llama3], ignoresMerges: true, addsBOS: true),
        .init(
            name: "falcon-h1", patterns: [llama3], ignoresMerges: true, addsBOS: true,
            modelTypes: ["falcon_h1"]),
        .init(
            name: "lfm2", patterns: [llama3], ignoresMerges: true, addsBOS: true,
            modelTypes: ["lfm2", "lfm2_moe"]),
        .init(name: "midm-2.0", patterns: [llama3], ignoresMerges: true, addsBOS: true),
        // cl100k, one digit at a time
        .init(
            name: "qwen2", aliases: ["deepseek-r1-qwen", "megrez-qwen"],
            normalizations: [.nfc, .none], patterns: [qwen2],
            modelTypes: ["qwen2", "qwen3", "qwen2_moe", "qwen3_moe"]),
        .init(
            name: "stablelm2", normalizations: [.nfc, .none], patterns: [qwen2],
            modelTypes: ["stablelm"]),
        .init(
            name: "hunyuan", normalizations: [.nfc, .none], patterns: [qwen2],
            modelTypes: ["hunyuan", "hunyuan_v1_moe"]),
        .init(
            name: "megrez", normalizations: [.nfc, .none], patterns: [qwen2],
            modelTypes: ["megrez"]),
        .init(name: "grok-2", normalizations: [.none], patterns: [qwen2], modelTypes: ["grok"]),
        .init(
            name: "qwen35", normalizations: [.nfc, .none],
            patterns: [
                contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"#
                    + #" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"# + whitespaceRest
            ], modelTypes: ["qwen3_5", "qwen3_5_moe", "qwen3_next"]),
        .init(
            name: "bailingmoe", aliases: ["bailingmoe2", "llada-moe"],
            normalizations: [.none, .nfc],
            patterns: [
                #"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"#
                    + #" ?[^\s\p{L}\p{N}]+[\r\n]*|"# + whitespaceRest
            ],
            variants: [
                [
                    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}|"#
                        + #" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
                ]
            ], modelTypes: ["bailing_moe", "bailing_moe_v2"]),
        .init(
            name: "seed-coder",
            patterns: [
                contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|"#
                    + whitespaceRest
            ],
            variants: [
                [
                    contractions + #"|[^\r\n\p{L}\p{N}]?(\p{L}|\p{M}?)+|\p{N}{1}|"#
                        + #" ?[^\s\p{L}\p{N}\r\n]+|"# + whitespaceRest
                ]
            ]),
        // o200k
        .init(
            name: "gpt-4o", aliases: ["kanana2"], patterns: [gpt4o],
            modelTypes: ["gpt_oss", "phi3"]),
        .init(name: "minimax-m2", patterns: [gpt4o], modelTypes: ["minimax_m2"]),
        .init(name: "llama4", patterns: [gpt4o], modelTypes: ["llama4", "llama4_text"]),
        .init(
            name: "tekken",
            patterns: [o200k(contractions: "", digits: #"\p{N}"#, tail: #"[\r\n/]*"#)],
            ignoresMerges: true, addsBOS: true, modelTypes: ["mistral", "mistral3", "ministral3"]),
        .init(
            name: "pixtral", patterns: [llama3], ignoresMerges: true, addsBOS: true,
            modelTypes: ["pixtral"]),
        .init(
            name: "kimi-k2",
            patterns: [
                #"[\p{Han}]+|"# + kimiWords + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                    + whitespaceRest
            ], modelTypes: ["kimi_k2"]),
        // Rules of their own
        .init(
            name: "deepseek-llm",
            patterns: [
                #"[\r\n]"#, latin, "\\s?[!-/:-~！-／：-～‘-‟\u{3000}-。]+", #"\s+$"#, cjk, #"\p{N}+"#,
            ], modelTypes: ["deepseek_v2"]),
        .init(
            name: "deepseek-coder",
            patterns: [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, cjk, #"\p{N}"#]),
        .init(
            name: "deepseek-v3",
            patterns: [#"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+", deepSeekWords],
            modelTypes: ["deepseek_v3"]),
        .init(
            name: "hunyuan-dense",
            patterns: [#"\p{N}{1,3}"#, "[一-龥぀-ゟ゠-ヿ]+", deepSeekWords],
            modelTypes: ["hunyuan_v1_dense"]),
        .init(
            name: "falcon", patterns: [punctuation, gpt2, "[0-9][0-9][0-9]"],
            variants: [[punctuation, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]],
            modelTypes: ["falcon"]),
        .init(
            // Digits in groups of three, counted from the right of a run.
            name: "afmoe",
            patterns: [#"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))"#, asian, deepSeekWords],
            modelTypes: ["afmoe"]),
        .init(name: "bloom", patterns: [bloom], modelTypes: ["bloom"]),
        .init(name: "gpt3-finnish", patterns: [bloom]),
        .init(name: "poro-chat", patterns: [bloom]),
        .init(name: "viking", patterns: [bloom, #"\p{N}"#]),
        .init(name: "superbpe", patterns: [#"\p{N}+"#, threeDigitGroups]),
        .init(
            name: "default", patterns: [punctuation, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]),
    ]

    private static let kimiWords: String = {
        let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"#
        let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"#
        let start = #"[^\r\n\p{L}\p{N}]?"#
        return "\(start)\(upper)*\(lower)+\(contractions)?|"
            + "\(start)\(upper)+\(lower)*\(contractions)?"
    }()
}
