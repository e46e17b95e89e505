import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite("Encoding agrees with the peer")
struct EncodingConformanceTests {
    static let vocabularies = [
        "bert-bge", "deepseek-coder", "falcon", "gpt-2", "llama-bpe", "llama-spm", "phi-3",
        "qwen2", "starcoder",
    ]

    @Test(
        "test strings of real vocabularies",
        .enabled(if: Checkpoints.haveAll, "INGOT_CONFORMANCE is not set"),
        arguments: vocabularies)
    func testStrings(name: String) throws {
        let path = "\(Fixtures.anyConformance)/tokenize/ggml-vocab-\(name).gguf"
        let file = try GGUFFile(path: path)
        let tokenizer = try Tokenizer(
            vocabulary: Vocabulary(metadata: file.metadata, file: path))
        let texts = split(
            try InputFile.contents(path: "\(path).inp"), at: Array("\n__ggml_vocab_test__\n".utf8))
        let lines = try String(contentsOfFile: "\(path).out", encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        #expect(texts.count >= 40)
        #expect(lines.count >= texts.count)
        for (index, text) in texts.enumerated() {
            let expected = lines[index].split(separator: " ").compactMap { Int32($0) }
            let found = try tokenizer.encode(text, addSpecial: false)
            #expect(found == expected, "\(name) line \(index + 1): \(ByteString(bytes: text))")
        }
    }

    @Test(
        "text of the perplexity reference, committed checkpoints",
        .enabled(if: Checkpoints.haveCommitted, "fixtures/conformance has no checkpoints"),
        arguments: Checkpoints.committed)
    func committed(name: String) throws { try compareText(name) }

    @Test(
        "text of the perplexity reference, all checkpoints",
        .enabled(if: Checkpoints.haveAll, "INGOT_CONFORMANCE is not set"),
        arguments: Checkpoints.all.filter { $0 != "bert" && $0 != "phi3" })
    func all(name: String) throws { try compareText(name) }

    /// First ids and number of tokens, with the tokenizer read from the Hugging Face directory.
    private func compareText(_ name: String) throws {
        let folder = "\(Fixtures.anyConformance)/convert"
        let text = try InputFile.contents(path: "\(folder)/text.txt")
        let expected = try JSON.parse(path: "\(folder)/expected/\(name).perplexity.json")
        let vocabulary = try HFTokenizer.load(directory: Checkpoints.directory(name)).vocabulary
        let tokenizer = try Tokenizer(vocabulary: vocabulary)
        let tokens = try tokenizer.encode(text)
        let first = (expected["first_tokens"]?.array ?? []).compactMap { $0.integer }
        #expect(first.count == 64)
        #expect(tokens.prefix(64).map { Int($0) } == first)
        #expect(tokens.count == expected["n_tokens"]?.integer)
        // Every byte comes back.
        #expect(tokenizer.decode(tokens) == text)
    }

    private func split(_ bytes: [UInt8], at separator: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var start = 0
        var position = 0
        while position + separator.count <= bytes.count {
            if bytes[position..<(position + separator.count)].elementsEqual(separator) {
                parts.append(Array(bytes[start..<position]))
                position += separator.count
                start = position
            } else {
                position += 1
            }
        }
        return parts
    }
}
