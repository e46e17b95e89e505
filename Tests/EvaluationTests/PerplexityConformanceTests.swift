import Architectures
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
        "cohere", "deepseek2", "exaone4", "falcon", "gemma", "gemma2", "gemma3", "gpt-oss", "gpt2",
        "gptneox", "granite", "llama", "llama-odd", "llama-rope3", "llama-spm", "mistral",
        "mixtral", "olmo2", "olmoe", "phi2", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "smollm2",
        "smollm3", "stablelm", "starcoder2",
    ]

    /// How far llama.cpp's running perplexity lies from the truth: it multiplies with activations
    /// rounded to F16, blends gpt-oss's rotation between other pairs, and leaves out EXAONE 4's
    /// sliding windows in models of other sizes than the published ones.
    static let runningTolerances = ["gpt-oss": 2e-3, "exaone4": 6e-2]

    static func checkpoint(_ name: String, in root: String) -> String {
        "\(root)/convert/checkpoints/\(name)"
    }

    static func exists(_ name: String, in root: String) -> Bool {
        Fixtures.exists("\(checkpoint(name, in: root))/config.json")
    }

    /// Whether a checkpoint is of a family that can be converted.
    static func isKnown(_ name: String, in root: String) -> Bool {
        do {
            _ = try ConversionSource(directory: checkpoint(name, in: root))
        } catch let error as ArchitectureError {
            if case .unknownArchitecture = error.kind { return false }
        } catch {}
        return true
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
        "all checkpoints",
        .enabled(if: Fixtures.fullConformance != nil, "INGOT_CONFORMANCE is not set"),
        arguments: Peer.names)
    func all(_ name: String) throws {
        guard Peer.isKnown(name, in: Fixtures.anyConformance) else {
            try Test.cancel("\(name) is of a family that cannot be converted yet")
        }
        try compare(name, in: Fixtures.anyConformance)
    }

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
        let tolerance = Peer.runningTolerances[name] ?? 5e-4
        let running = try #require(expected["running"]?.array)
        #expect(running.count == result.running.count)
        for (found, expected) in zip(result.running, running.compactMap(\.double)) {
            #expect(
                abs(found / expected - 1) < tolerance, "\(name): \(found), \(expected) expected")
        }
    }
}
