import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// A byte-level vocabulary of the 256 bytes, some merges and three special tokens.
private func smallVocabulary(pre: String = "gpt-2") -> Vocabulary {
    var tokens: [ByteString] = []
    var next: UInt32 = 0x100
    for byte: UInt32 in 0..<256 {
        let isPrintable =
            (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte)
            || (0xAE...0xFF).contains(byte)
        let scalar = Unicode.Scalar(isPrintable ? byte : next) ?? " "
        if !isPrintable { next += 1 }
        tokens.append(ByteString(String(Character(scalar))))
    }
    tokens += ["aa", "aaaa", "aaaaaaaa", "<|end|>", "<tool>", "<tool>x"]
    var vocabulary = Vocabulary(
        model: .byteLevelBPE, pre: pre, tokens: tokens,
        merges: ["a a", "aa aa", "aaaa aaaa"], specialIDs: [.bos: 259])
    vocabulary.types[259] = .control
    vocabulary.types[260] = .userDefined
    vocabulary.types[261] = .userDefined
    return vocabulary
}

@Suite("Any bytes can be encoded")
struct AnyTextTests {
    @Test("empty text gives no tokens but the special ones")
    func empty() throws {
        var vocabulary = smallVocabulary()
        #expect(try Tokenizer(vocabulary: vocabulary).encode([]) == [])
        vocabulary.addBOS = true
        #expect(try Tokenizer(vocabulary: vocabulary).encode([]) == [259])
    }

    @Test("control tokens stand in trusted text only, user-defined ones anywhere")
    func untrustedText() throws {
        let tokenizer = try Tokenizer(vocabulary: smallVocabulary())
        let text = Array("<|end|>aa<|end|><tool>aa<|end|>".utf8)
        func encoded(_ trusted: [Range<Int>]) throws -> [Int32] {
            try tokenizer.encode(text, parsingSpecialIn: trusted)
        }
        #expect(try encoded([0..<31]) == tokenizer.encode(text, parseSpecial: true))
        #expect(try encoded([]) == tokenizer.encode(text, parseSpecial: false))
        let outer = try encoded([0..<7, 24..<31])
        #expect(outer.filter { $0 == 259 }.count == 2 && outer.first == 259 && outer.last == 259)
        #expect(outer.contains(260))
        #expect(tokenizer.decode(outer, showsControl: true) == text)
        // A token that is trusted in part is text.
        #expect(try !encoded([0..<6, 10..<16, 25..<31]).contains(259))
        // Words are split as if there were no ranges.
        #expect(try tokenizer.encode(Array("aaaa".utf8), parsingSpecialIn: [0..<2]) == [257])
    }

    @Test(
        "every splitter keeps every byte of ill-formed text",
        arguments: [
            "gpt-2", "llama-bpe", "qwen2", "smollm", "starcoder", "falcon", "deepseek-llm",
            "deepseek-coder", "deepseek-v3", "gpt-4o", "tekken", "kimi-k2", "bloom", "viking",
            "superbpe", "seed-coder", "bailingmoe", "qwen35", "olmo", "dbrx", "default",
        ])
    func illFormed(pre: String) throws {
        let tokenizer = try Tokenizer(vocabulary: smallVocabulary(pre: pre))
        for seed: UInt64 in 1...200 {
            var random = SeededRandom(seed: seed)
            let pool: [[UInt8]] = [
                [0xFF], [0xC3], [0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xED, 0xA0, 0x80],
                [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], Array("é".utf8), Array("汉字".utf8),
                Array("😀".utf8), Array("  ".utf8), Array("\r\n".utf8), Array("'s".utf8),
                Array("1234".utf8), Array("Ab".utf8), Array("!?".utf8), Array("\u{3000}".utf8),
            ]
            let text = (0..<Int.random(in: 0...40, using: &random)).flatMap { _ in
                pool[Int.random(in: 0..<pool.count, using: &random)]
            }
            let tokens = try tokenizer.encode(text, addSpecial: false)
            #expect(tokenizer.decode(tokens) == text, "seed \(seed)")
        }
    }

    @Test(
        "a megabyte without a break takes no quadratic time",
        arguments: [
            ("gpt-2", UInt8(ascii: "a")), ("deepseek-llm", UInt8(ascii: " ")),
            ("gpt-4o", UInt8(ascii: "A")), ("superbpe", UInt8(ascii: "7")), ("qwen2", 0x80),
            ("deepseek-v3", UInt8(ascii: "\n")), ("bloom", UInt8(ascii: "(")),
        ])
    func longWord(pre: String, byte: UInt8) throws {
        let tokenizer = try Tokenizer(vocabulary: smallVocabulary(pre: pre))
        var tokens: [Int32] = []
        func time(_ count: Int) throws -> Duration {
            let text = [UInt8](repeating: byte, count: count) + Array("x".utf8)
            let elapsed = try ContinuousClock().measure {
                tokens = try tokenizer.encode(text, addSpecial: false)
            }
            #expect(tokenizer.decode(tokens) == text)
            return elapsed
        }
        let short = try time(1 << 14)
        // In any build on any machine: 64 times as long where time is linear, 4096 times where quadratic.
        #expect(try time(1 << 20) < short * 1024)
        if byte == UInt8(ascii: "a") { #expect(tokens.count == (1 << 17) + 1) }
    }

    @Test("user-defined tokens are found always, longest first, control tokens on request")
    func specialTokens() throws {
        let tokenizer = try Tokenizer(vocabulary: smallVocabulary())
        let text = Array("<tool>x<|end|><tool>".utf8)
        let parsed = try tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        #expect(parsed == [261, 259, 260])
        let plain = try tokenizer.encode(text, addSpecial: false)
        #expect(plain.first == 261 && plain.last == 260 && !plain.contains(259))
        #expect(plain.count == 2 + "<|end|>".utf8.count)
        #expect(tokenizer.decode(parsed) == Array("<tool>x<tool>".utf8))
        #expect(tokenizer.decode(parsed, showsControl: true) == text)
        #expect(tokenizer.decode([-1, 1_000_000, 260]) == Array("<tool>".utf8))
    }

    @Test("unigram takes the segmentation with the best sum, WordPiece the longest piece")
    func otherModels() throws {
        var unigram = Vocabulary(
            model: .unigram, tokens: ["<unk>", "▁", "a", "b", "ab", "▁a", "bb"],
            scores: [0, -2, -3, -3, -2, -1, -2])
        unigram.types[0] = .unknown
        let viterbi = try Tokenizer(vocabulary: unigram)
        #expect(try viterbi.encode("abb".utf8, addSpecial: false) == [5, 6])
        #expect(try viterbi.encode("xyb".utf8, addSpecial: false) == [1, 0, 3])
        var words = Vocabulary(
            model: .wordPiece,
            tokens: ["[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁caf", "e", "▁!"],
            specialIDs: [.unk: 0, .bos: 1, .sep: 2])
        for id in 0...2 { words.types[id] = .control }
        let pieces = try Tokenizer(vocabulary: words)
        #expect(try pieces.encode("UNaffable Café!zz".utf8) == [1, 3, 4, 5, 6, 7, 8, 0, 2])
    }
}

@Suite("Malformed tokenizer files are errors, never traps")
struct MalformedTokenizerTests {
    private static let good = #"""
        {"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},
        "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},
        "added_tokens":[{"id":3,"content":"<s>","special":true}]}
        """#

    private func load(_ json: String, config: String = #"{"vocab_size":6}"#) throws -> HFTokenizer {
        try Fixtures.withTemporaryFolder { folder in
            try json.write(toFile: "\(folder)/tokenizer.json", atomically: false, encoding: .utf8)
            try config.write(toFile: "\(folder)/config.json", atomically: false, encoding: .utf8)
            return try HFTokenizer.load(directory: folder)
        }
    }

    @Test("holes are padded and the name is derived")
    func holes() throws {
        let vocabulary = try load(Self.good).vocabulary
        #expect(vocabulary.tokens == ["a", "b", "ab", "<s>", "[PAD4]", "[PAD5]"])
        #expect(vocabulary.types == [.normal, .normal, .normal, .control, .unused, .unused])
        #expect(vocabulary.pre == "gpt-2")
    }

    /// What is replaced in the good file, by what, and the fault that must be named.
    @Test(
        "each fault is named",
        arguments: [
            (#""ab":2"#, #""ab":99"#, "has the id 99"), (#""ab":2"#, #""ab":-1"#, "has the id -1"),
            (#""ab":2"#, #""ab":9223372036854775807"#, "has the id"),
            (#""ab":2"#, #""ab":1e300"#, "expected an integer"),
            (#""ab":2"#, #""ab":1"#, "have the same id 1"),
            (#""ab":2"#, #""a":2"#, "stands twice"),
            (#""ab":2"#, #""ab":"2""#, "expected an integer"),
            (#"["a b"]"#, #"["ab"]"#, "expected two parts"),
            (#"["a b"]"#, #"[["a"]]"#, "expected two parts"),
            (#"["a b"]"#, #"[["a",""]]"#, "expected two parts"), (#"["a b"]"#, "[3]", "an integer"),
            (#"["a b"]"#, #""a b""#, "expected an array"),
            (#"{"a":0,"b":1,"ab":2}"#, "[]", "expected an object"),
            (#"{"a":0,"b":1,"ab":2}"#, "null", "found nothing"),
            (#""id":3"#, #""id":null"#, "expected an id"),
            (#""special":true"#, #""special":1"#, "expected a Boolean"),
            (#""type":"BPE""#, #""type":"Zip""#, "expected BPE"),
            (#""type":"ByteLevel","add"#, #""type":7,"add"#, "expected a string"),
            (
                #"{"type":"ByteLevel","add_prefix_space":false}"#,
                #"{"type":"Split","pattern":{"Regex":"x"},"behavior":"Isolated"}"#, "--pre NAME"
            ),
            (
                #"{"type":"ByteLevel","add_prefix_space":false}"#,
                #"{"type":"Split","pattern":{"Regex":"(((((((("},"behavior":"Isolated"}"#,
                "--pre NAME"
            ),
            (
                #"{"type":"ByteLevel","add_prefix_space":false}"#,
                #"{"type":"Split","pattern":{"Regex":"x"},"behavior":"Sideways"}"#, "split behavior"
            ),
        ])
    func faults(old: String, new: String, message: String) throws {
        let text = Self.good.replacingOccurrences(of: old, with: new)
        #expect(text != Self.good)
        let error = #expect(throws: (any Error).self) { try load(text) } as? any IngotError
        #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
        #expect(error?.exitCode == .badData)
    }

    @Test(
        "a hostile vocab_size takes no memory",
        arguments: ["9223372036854775807", "4194305", "0", "-3"])
    func hostileSize(size: String) {
        #expect(throws: TokenizationError.self) {
            try load(Self.good, config: #"{"vocab_size":\#(size)}"#)
        }
    }

    @Test("every truncation of a tokenizer.json is an error")
    func truncatedJSON() {
        let text = Array(Self.good.utf8)
        for count in 0..<text.count - 1 {
            #expect(throws: (any Error).self) {
                _ = try HFTokenizerDefinition(JSON.parse(Array(text[..<count])))
            }
        }
    }

    @Test("metadata whose lists disagree is refused")
    func metadata() throws {
        func fault(_ change: (inout Metadata) -> Void) -> TokenizationError.Kind? {
            var metadata = Metadata()
            metadata["tokenizer.ggml.model"] = .string("gpt2")
            metadata["tokenizer.ggml.tokens"] = .strings(["a", "b"])
            metadata["tokenizer.ggml.token_type"] = .int32s([1, 1])
            metadata["tokenizer.ggml.merges"] = .strings(["a b"])
            metadata["tokenizer.ggml.bos_token_id"] = .uint32(1)
            change(&metadata)
            do {
                _ = try Vocabulary(metadata: metadata)
                return nil
            } catch { return error.kind }
        }
        #expect(fault { _ in } == nil)
        #expect(
            fault { $0["tokenizer.ggml.token_type"] = .int32s([1]) }
                == .countMismatch(found: 1, expected: 2))
        #expect(
            fault { $0["tokenizer.ggml.token_type"] = .int32s([1, 9]) }
                == .unknownValue("type 9", expected: "1 ... 6"))
        #expect(
            fault { $0["tokenizer.ggml.bos_token_id"] = .uint32(2) }
                == .idOutOfRange(token: "bos", id: 2, limit: 2))
        #expect(
            fault { $0["tokenizer.ggml.merges"] = .strings(["ab"]) } == .malformedMerge("ab"))
        #expect(
            fault { $0["tokenizer.ggml.tokens"] = .strings([]) }
                == .countOutOfRange(found: 0, limit: Vocabulary.tokenCountLimit))
        #expect(fault { $0["tokenizer.ggml.tokens"] = nil } == .missing("an array of strings"))
        #expect(
            fault { $0["tokenizer.ggml.scores"] = .float32s([0]) }
                == .countMismatch(found: 1, expected: 2))
    }
}

@Suite("Malformed SentencePiece models are errors, never traps")
struct MalformedSentencePieceTests {
    /// Two pieces, the trainer and the normalizer.
    private static let good: [UInt8] =
        [0x0A, 0x0C, 0x0A, 0x03] + Array("abc".utf8) + [0x15, 0, 0, 0x80, 0x3F, 0x18, 0x01]
        + [0x0A, 0x05, 0x0A, 0x03] + Array("<x>".utf8)
        + [0x12, 0x02, 0x18, 0x02, 0x1A, 0x02, 0x18, 0x00]

    private func parse(_ bytes: [UInt8]) throws -> SentencePieceModel {
        try SentencePieceModel(bytes: bytes, file: "tokenizer.model")
    }

    @Test("a good file is read")
    func readsGood() throws {
        let model = try parse(Self.good)
        #expect(model.pieces.map { $0.text } == ["abc", "<x>"])
        #expect(model.pieces[0].score == 1)
        #expect(model.algorithm == .bpe)
        #expect(!model.addDummyPrefix && model.removeExtraWhitespaces)
    }

    @Test("every truncation ends in an error or at the end of a field")
    func truncations() {
        let boundaries: Set<Int> = [14, 21, 25]
        for count in 0..<Self.good.count {
            let bytes = Array(Self.good[..<count])
            if boundaries.contains(count) {
                #expect(throws: Never.self) { _ = try parse(bytes) }
            } else {
                #expect(throws: TokenizationError.self) { _ = try parse(bytes) }
            }
        }
    }

    @Test(
        "each fault is an error",
        arguments: [
            [], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x0A, 0x80], [0x08, 0x01], [0x0B], [0x0E], [0x02, 0x00],
            [0x0A, 0x02, 0x08, 0x01], [0x0A, 0x02, 0x18, 0x09], [0x0A, 0x03, 0x15, 0x00, 0x00],
            [0x0A, 0x00, 0x12, 0x02, 0x18, 0x07], [0x0A, 0x00, 0x1A, 0x02, 0x12, 0x7F],
            [0x0A, 0x00, 0x0D, 0x00, 0x00, 0x00, 0x00],
        ] as [[UInt8]])
    func faults(bytes: [UInt8]) {
        #expect(throws: TokenizationError.self) { _ = try parse(bytes) }
    }

    @Test("random damage never traps")
    func randomDamage() {
        for seed: UInt64 in 1...3000 {
            var random = SeededRandom(seed: seed)
            var bytes = Self.good
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            _ = try? parse(bytes)
        }
    }
}
