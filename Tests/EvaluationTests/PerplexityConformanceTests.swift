import Conversion
import Evaluation
import Foundation
import Inference
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Checkpoints whose perplexity transformers (in F32) and llama.cpp have computed.
private enum Peer {
    static let names = [
        "llama", "llama-rope3", "llama-spm", "llama-odd", "smollm2", "mistral", "qwen2", "qwen3",
    ]

    static func exists(_ name: String, in root: String) -> Bool {
        Fixtures.exists("\(root)/convert/checkpoints/\(name)/model.safetensors")
    }

    static let committed = names.filter { exists($0, in: Fixtures.conformance) }
}

@Suite("Perplexity of checkpoints against transformers and llama.cpp")
struct PerplexityConformanceTests {
    @Test(
        "committed checkpoints",
        .enabled(if: !Peer.committed.isEmpty, "fixtures/conformance has no checkpoints"),
        arguments: Peer.committed)
    func committed(_ name: String) throws { try compare(name, in: Fixtures.conformance) }

    @Test(
        "all checkpoints of families that run",
        .enabled(if: Fixtures.fullConformance != nil, "INGOT_CONFORMANCE is not set"),
        arguments: Peer.names)
    func all(_ name: String) throws { try compare(name, in: Fixtures.anyConformance) }

    private func compare(_ name: String, in root: String) throws {
        let folder = root + "/convert/"
        let expected = try JSON.parse(path: "\(folder)expected/\(name).perplexity.json")
        let bytes = try InputFile.contents(path: folder + "text.txt")
        let source = try ConversionSource(directory: "\(folder)checkpoints/\(name)")
        let tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))

        let firstTokens = try #require(expected["first_tokens"]?.array)
        let tokens = try tokenizer.encode(bytes)
        #expect(tokens.prefix(firstTokens.count).map { Int($0) } == firstTokens.map(\.integer))

        let contextLength = try #require(expected["n_ctx"]?.integer)
        let windowCount = try #require(expected["chunks"]?.integer)
        let text = try EvaluationText(
            bytes, tokenizer: tokenizer, contextLength: contextLength, windowLimit: windowCount)
        #expect(text.tokenCount == expected["n_tokens"]?.integer)
        let result = try Evaluator(base: Model(source: source)).evaluate(text).base
        let transformers = try #require(expected["transformers_f32"]?.double)
        let found = result.perplexity.value
        #expect(abs(found / transformers - 1) < 2e-5, "\(name): \(found), \(transformers) expected")
        // The peer rounds activations to F16 before it multiplies.
        let running = try #require(expected["running"]?.array)
        #expect(running.count == result.running.count)
        for (found, expected) in zip(result.running, running.compactMap(\.double)) {
            #expect(abs(found / expected - 1) < 5e-4, "\(name): \(found), \(expected) expected")
        }
    }
}
