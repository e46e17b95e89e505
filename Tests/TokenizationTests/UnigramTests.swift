import Foundation
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite("Unigram models are encoded as SentencePiece encodes them")
struct UnigramTests {
    /// A compiled map of one entry: `A` becomes `a`.
    private static let map: [UInt8] = {
        var units = [UInt32](repeating: 0, count: 66)
        units[0] = 1 << 10
        units[0x40] = 1 << 10 | 1 << 8 | 0x41
        units[0x41] = 1 << 31
        let bytes = ([UInt32(4 * units.count)] + units).flatMap { unit in
            withUnsafeBytes(of: unit.littleEndian) { Array($0) }
        }
        return bytes + Array("a".utf8) + [0]
    }()

    private func tokenizer(
        map: Bool = false, removesSpaces: Bool = false
    ) throws -> Tokenizer {
        var vocabulary = Vocabulary(
            model: .unigram,
            tokens: ["<unk>", "▁", "a", "▁a", "\u{FFFD}", "AB", "b", "x", "aab"],
            scores: [0, -2, -3, -2.5, -4, 0, -3, -3, -1])
        vocabulary.types[0] = .unknown
        vocabulary.precompiledCharsmap = map ? UnigramTests.map : nil
        vocabulary.removeExtraWhitespaces = removesSpaces
        return try Tokenizer(vocabulary: vocabulary)
    }

    @Test func illFormedBytesAreReplacementCharacters() throws {
        for map in [false, true] {
            let tokens = try tokenizer(map: map).encode(
                [0x61, 0xFF, 0xE2, 0x96], addSpecial: false)
            #expect(tokens == [3, 4, 4, 4])
        }
    }

    @Test func givenPiecesAreNotNormalized() throws {
        let tokens = try tokenizer(map: true).encode(Array("AABx".utf8), addSpecial: false)
        #expect(tokens == [3, 5, 7])
        // Without a map the capital has no piece.
        #expect(try tokenizer().encode(Array("AABx".utf8), addSpecial: false) == [1, 0, 5, 7])
    }

    @Test func marksAtTheEndGoWithTheSpaces() throws {
        let text = Array("  a  b ▁ ▁".utf8)
        #expect(
            try tokenizer(removesSpaces: true).encode(text, addSpecial: false) == [3, 1, 6])
        #expect(
            try tokenizer().encode(text, addSpecial: false)
                == [1, 1, 3, 1, 1, 6, 1, 1, 1, 1])
        #expect(
            try tokenizer(removesSpaces: true).encode(Array(" ▁".utf8), addSpecial: false) == [])
        #expect(try tokenizer().encode([], addSpecial: false) == [])
    }

    private static func definition(_ map: String) -> String {
        #"{"added_tokens":[{"id":0,"content":"<s>","special":true}],"normalizer":{"type":"Precompiled","precompiled_charsmap":"\#(map)"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}]},"model":{"type":"Unigram","unk_id":1,"vocab":[["<s>",0],["<unk>",0],["▁",-2],["a",-3]]}}"#
    }

    @Test func normalizationOfATokenizerFileIsKept() throws {
        let bytes = Data(UnigramTests.map)
        for (text, expected) in [(bytes.base64EncodedString(), UnigramTests.map), ("", nil)] {
            let vocabulary = try load(UnigramTests.definition(text))
            #expect(vocabulary.precompiledCharsmap == expected)
            #expect(vocabulary.removeExtraWhitespaces == true)
            #expect(vocabulary.addSpacePrefix == true)
            #expect(vocabulary.types == [.control, .unknown, .normal, .normal])
        }
        for length in 1...4 {
            let part = Data(bytes.prefix(length))
            let loaded = try load(UnigramTests.definition(part.base64EncodedString()))
            #expect(loaded.precompiledCharsmap == Array(part))
        }
        for broken in ["YQ", "Y===", "Y*==", "é==="] {
            #expect(throws: TokenizationError.self) {
                try load(UnigramTests.definition(broken))
            }
        }
    }

    private func load(_ definition: String) throws -> Vocabulary {
        try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(Array(definition.utf8), to: folder + "/tokenizer.json")
            return try HFTokenizer.load(directory: folder, vocabularySize: 4).vocabulary
        }
    }

    /// A SentencePiece model file with these pieces and types.
    private func model(_ pieces: [(String, UInt8)]) -> [UInt8] {
        let messages = pieces.flatMap { text, type -> [UInt8] in
            let bytes = Array(text.utf8)
            let piece = [0x0A, UInt8(bytes.count)] + bytes + [0x15, 0, 0, 0x80, 0xBF, 0x18, type]
            return [0x0A, UInt8(piece.count)] + piece
        }
        return messages + [0x12, 2, 0x18, 1, 0x1A, 2, 0x20, 0]
    }

    /// Names are found under fairseq's ids, not under those of the pieces.
    @Test func namesOfFairseqAreCountedBehindItsTokens() throws {
        let pieces: [(String, UInt8)] = [
            ("<unk>", 2), ("<s>", 3), ("</s>", 3), ("▁", 1), ("a", 1), ("b", 1),
        ]
        let names = [
            "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
            "mask_token": "<mask>",
        ]
        let config = try JSONSerialization.data(withJSONObject: names)
        let vocabulary = try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(model(pieces), to: folder + "/sentencepiece.bpe.model")
            try OutputFile.write(Array(config), to: folder + "/tokenizer_config.json")
            return try HFTokenizer.load(
                directory: folder, vocabularySize: 8, model: .unigram
            ).vocabulary
        }
        #expect(
            vocabulary.specialIDs == [.bos: 0, .pad: 1, .eos: 2, .unk: 3, .mask: 7])
        #expect(vocabulary.tokens[7] == "<mask>")
        #expect(vocabulary.types[7] == .control)
    }

    @Test func fairseqPutsFourTokensInFront() throws {
        let pieces: [(String, UInt8)] = [
            ("<unk>", 2), ("<s>", 3), ("</s>", 3), ("▁", 1), ("a", 1), ("b", 1),
        ]
        let vocabulary = try Fixtures.withTemporaryFolder { folder in
            try OutputFile.write(model(pieces), to: folder + "/sentencepiece.bpe.model")
            return try HFTokenizer.load(
                directory: folder, vocabularySize: 8, model: .unigram
            ).vocabulary
        }
        #expect(
            vocabulary.tokens
                == ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "[PAD6]"])
        #expect(
            vocabulary.types
                == [.control, .control, .control, .unknown, .normal, .normal, .normal, .unused])
        #expect(vocabulary.scores == [0, 0, 0, 0, -1, -1, -1, -10000])
        #expect(vocabulary.removeExtraWhitespaces == false)
        // XLM-R's class names its tokens and puts both ends around a text.
        #expect(vocabulary.specialIDs == [.bos: 0, .pad: 1, .eos: 2, .unk: 3])
        let encoder = try Tokenizer(vocabulary: vocabulary)
        #expect(try encoder.encode("a".utf8).first == 0)
        #expect(try encoder.encode("a".utf8).last == 2)
        #expect(throws: TokenizationError.self) {
            try Fixtures.withTemporaryFolder { folder in
                try OutputFile.write(
                    model(Array(pieces.prefix(3))), to: folder + "/sentencepiece.bpe.model")
                _ = try HFTokenizer.load(directory: folder, model: .unigram)
            }
        }
    }
}
