import Evaluation
import TensorCore
import Testing
import Tokenization

@Suite("Texts cut into windows")
struct EvaluationTextTests {
    @Test("windows follow one another, a remainder is left out, BOS stands first")
    func windows() throws {
        let tokens = (0..<23).map { Int32(100 + $0) }
        let text = try EvaluationText(tokens: tokens, bos: 1, contextLength: 8)
        #expect(text.windowCount == 2)
        #expect(text.window(0) == [1, 101, 102, 103, 104, 105, 106, 107])
        #expect(text.window(1) == [1, 109, 110, 111, 112, 113, 114, 115])
        #expect(text.scored(inWindow: 0) == 4..<7)
        #expect(text.tokenCount == 23)
        let plain = try EvaluationText(tokens: tokens, bos: nil, contextLength: 9, windowLimit: 1)
        #expect(plain.windowCount == 1 && plain.window(0) == Array(tokens[..<9]))
        #expect(plain.scored(inWindow: 0) == 4..<8)
    }

    @Test("a text shorter than a window says how long it is and should be")
    func short() {
        let error = EvaluationError(.textTooShort(tokens: 7, contextLength: 8), path: "t.txt")
        #expect(throws: error) {
            try EvaluationText(
                tokens: [Int32](repeating: 1, count: 7), bos: nil, contextLength: 8, path: "t.txt")
        }
        #expect(
            error.description == "t.txt: the text has 7 tokens, at least 8 are needed for one "
                + "window. Take a longer text or a smaller context.")
    }

    @Test("a context without scored positions is refused", arguments: [-5, 0, 1, 3])
    func tiny(length: Int) {
        #expect(throws: EvaluationError(.contextTooShort(length), path: nil)) {
            try EvaluationText(
                tokens: [Int32](repeating: 1, count: 70), bos: nil, contextLength: length)
        }
    }

    /// SentencePiece with a token for every byte, so that any text can be encoded.
    private func byteTokenizer() throws -> Tokenizer {
        let digits = Array("0123456789ABCDEF".utf8)
        var tokens: [ByteString] = ["<unk>", "<s>", "</s>"]
        var types: [Int32] = [2, 3, 3]
        for byte in 0..<256 {
            tokens.append(
                ByteString(
                    bytes: Array("<0x".utf8) + [digits[byte / 16], digits[byte % 16]]
                        + Array(">".utf8)))
            types.append(6)
        }
        var metadata = Metadata()
        metadata["tokenizer.ggml.model"] = .string("llama")
        metadata["tokenizer.ggml.tokens"] = .strings(tokens)
        metadata["tokenizer.ggml.scores"] = .float32s([Float](repeating: 0, count: tokens.count))
        metadata["tokenizer.ggml.token_type"] = .int32s(types)
        metadata["tokenizer.ggml.bos_token_id"] = .uint32(1)
        metadata["tokenizer.ggml.eos_token_id"] = .uint32(2)
        metadata["tokenizer.ggml.add_bos_token"] = .bool(true)
        metadata["tokenizer.ggml.add_space_prefix"] = .bool(false)
        return try Tokenizer(vocabulary: Vocabulary(metadata: metadata))
    }

    @Test("the text is tokenized with BOS, control tokens in it stay text")
    func tokenized() throws {
        let text = try EvaluationText(
            Array("ab</s>cd".utf8), tokenizer: byteTokenizer(), contextLength: 4)
        #expect(text.tokenCount == 9)
        let expected = Array("ab</s>cd".utf8).map { Int32($0) + 3 }
        #expect(text.window(0) == [1] + expected[..<3])
        #expect(text.window(1) == [1] + expected[4..<7])
        #expect(text.warnings.isEmpty)
    }

    @Test("an empty text is refused, one that is not UTF-8 is told")
    func bytes() throws {
        #expect(throws: EvaluationError(.emptyText, path: "e.txt")) {
            try EvaluationText([], tokenizer: byteTokenizer(), contextLength: 8, path: "e.txt")
        }
        let bytes = Array("héllo wörld".utf8) + [0xFF, 0x61]
        let text = try EvaluationText(
            bytes, tokenizer: byteTokenizer(), contextLength: 8, path: "b.txt")
        #expect(text.warnings == [.invalidUTF8(text: "b.txt", firstByte: 13)])
    }
}
