import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

/// The reference against what Hugging Face's `tokenizers` and SentencePiece made of the same texts.
@Suite struct ReferenceTokenizerTests {
    /// Ids that `tokenizers` gave, made by scripts/fixtures/reference-tokenizers.py.
    @Test func everyComponentGivesTheIdsOfTokenizers() throws {
        let fixture = try JSON.parse(path: Fixtures.path("tokenizers/reference.json"))
        let texts = try #require(fixture["texts"]?.array).compactMap(\.text)
        let cases = try #require(fixture["cases"]?.array)
        #expect(cases.count == 65)
        for entry in cases {
            let name = try #require(entry["name"]?.text)
            let expected = try #require(entry["ids"]?.array).map {
                ($0.array ?? []).compactMap(\.integer)
            }
            let definition = try HFTokenizerDefinition(try #require(entry["definition"]))
            let reference = try ReferenceTokenizer(definition)
            for (text, ids) in zip(texts, expected) {
                let found = try reference.encode(text, addSpecial: true).map { Int($0) }
                #expect(found == ids, "\(name): \(text.debugDescription)")
            }
        }
    }

    /// BERT's cleaning leaves no control characters, and one kind of space.
    @Test func whatCannotBeSeenIsNoPartOfATextForBERT() throws {
        let fixture = try JSON.parse(path: Fixtures.path("tokenizers/reference.json"))
        let definitions = try #require(fixture["cases"]?.array).compactMap { $0["definition"] }
            .filter {
                $0["normalizer"]?["type"]?.text == "BertNormalizer"
                    && $0["normalizer"]?["clean_text"]?.boolean == true
            }
        #expect(!definitions.isEmpty)
        for definition in definitions {
            let reference = try ReferenceTokenizer(try HFTokenizerDefinition(definition))
            for (text, plain) in [
                ("he\u{0}l\u{FFFD}l\u{7}o", "hello"), ("a\u{9}b\u{A0}c\u{A}d", "a b c d"),
                ("\u{200B}a\u{7F}", "a"),
            ] {
                #expect(
                    try reference.encode(text, addSpecial: true)
                        == reference.encode(plain, addSpecial: true), "\(text.debugDescription)")
            }
        }
    }

    /// Ids that SentencePiece 0.2 gave, with BOS in front.
    @Test func aSentencePieceModelGivesTheIdsOfSentencePiece() throws {
        let directory = Fixtures.path("conformance/convert/checkpoints/llama-spm")
        let reference = try ReferenceTokenizer(try HFTokenizer.load(directory: directory))
        let expected: [(String, [Int32])] = [
            ("", []),
            ("Hello world", [335, 310, 446, 441, 273, 279, 446, 445]),
            (" two  spaces ", [435, 259, 453, 441, 435, 268, 452, 315, 283, 435]),
            ("caf\u{E9} e\u{301}", [275, 438, 450, 198, 172, 328, 207, 132]),
            ("\u{9}\u{D}\u{A}", [435, 12, 16, 13]),
            ("\u{6F22}\u{5B57}", [435, 233, 191, 165, 232, 176, 154]),
            ("don't 123,456", [297, 265, 474, 437, 435, 461, 466, 482, 455, 491, 478, 486]),
            ("\u{2581}a", [435, 261]),
        ]
        for (text, ids) in expected {
            #expect(
                try reference.encode(text, addSpecial: false) == ids, "\(text.debugDescription)")
        }
        #expect(try reference.encode("a</s>b", addSpecial: true) == [1, 261, 2, 281])
    }

    @Test func whatCannotBeRunIsNamed() throws {
        let text = #"""
            {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
             "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated"}}
            """#
        let definition = try HFTokenizerDefinition(JSON.parse(Array(text.utf8)))
        #expect {
            _ = try ReferenceTokenizer(definition)
        } throws: { error in
            "\(error)".contains("(?<=a)b")
        }
    }

    @Test func aMergeOfUnknownTokensIsRefused() throws {
        let text = #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}"#
        let definition = try HFTokenizerDefinition(JSON.parse(Array(text.utf8)))
        #expect(throws: TokenizationError.self) { try ReferenceTokenizer(definition) }
    }

    @Test func aTextWithoutAnUnknownTokenIsAnError() throws {
        let text = #"{"model": {"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": null}}"#
        let reference = try ReferenceTokenizer(
            HFTokenizerDefinition(JSON.parse(Array(text.utf8))))
        #expect(try reference.encode("aa", addSpecial: false) == [0, 0])
        #expect(throws: TokenizationError.self) { try reference.encode("b", addSpecial: false) }
    }
}
