import Evaluation
import Foundation
import Inference
import TensorCore
import Testing
import Tokenization

@Suite("Generated text")
struct GenerationTests {
    @Test("characters are shown when they are complete, whatever bytes tokens end at")
    func characters() {
        let text = "aé€😀z"
        var assembler = UTF8Assembler()
        var shown: [String] = []
        for byte in text.utf8 { shown.append(assembler.add([byte])) }
        #expect(shown == ["a", "", "é", "", "", "€", "", "", "", "😀", "z"])
        #expect(assembler.finish().isEmpty)
        // What can be no character is replaced, what may become one is kept.
        #expect(assembler.add([0xFF, 0x61]) == "\u{FFFD}a")
        #expect(assembler.add([0xE2, 0x82]) == "")
        #expect(assembler.add([0x61]) == "\u{FFFD}a")
        #expect(assembler.add([0xF0, 0x9F]) == "")
        #expect(assembler.finish() == "\u{FFFD}")
        #expect(assembler.add([0x80, 0x80, 0x80, 0x80]).unicodeScalars.count == 4)
    }

    private func share(_ settings: Sampler.Settings, _ logits: [Float]) -> [Int: Double] {
        var sampler = Sampler(settings)
        var counts: [Int: Double] = [:]
        for _ in 0..<20_000 { counts[Int(sampler.pick(logits).token), default: 0] += 1 / 20_000 }
        return counts
    }

    @Test("tokens are drawn as often as they are probable, those left out never")
    func shares() {
        let logits = [0.5, 0.1, 0.3, 0.1].map { Float(log($0)) + 3 }
        var settings = Sampler.Settings(temperature: 1, topK: 0, topP: 1, minP: 0, seed: 4)
        var found = share(settings, logits)
        for (token, expected) in [0.5, 0.1, 0.3, 0.1].enumerated() {
            #expect(abs((found[token] ?? 0) - expected) < 0.02)
        }
        settings.topK = 2
        found = share(settings, logits)
        #expect(Set(found.keys) == [0, 2] && abs((found[0] ?? 0) - 5.0 / 8) < 0.02)
        settings = .init(temperature: 1, topK: 0, topP: 0.85, minP: 0, seed: 4)
        #expect(Set(share(settings, logits).keys) == [0, 1, 2])
        settings = .init(temperature: 1, topK: 0, topP: 1, minP: 0.5, seed: 4)
        #expect(Set(share(settings, logits).keys) == [0, 2])
        settings = .init(temperature: 2, topK: 0, topP: 1, minP: 0, seed: 4)
        let roots = [0.5, 0.1, 0.3, 0.1].map { sqrt($0) }
        #expect(
            abs((share(settings, logits)[0] ?? 0) - roots[0] / roots.reduce(0, +)) < 0.02)
        var greedy = Sampler(.init())
        #expect(greedy.pick(logits).token == 0)
        #expect(abs(greedy.pick(logits).probability - 0.5) < 1e-6)
    }

    @Test("the most probable token is that of the whole text so far")
    func greedy() throws {
        let model = try TinyModel().model()
        // The reference keeps nothing in fewer bits.
        let generator = TextGenerator(
            model: model, tokenizer: try LetterTokenizer.make(), cacheTypeK: .f32,
            cacheTypeV: .f32)
        let prompt = try generator.promptTokens("AEIO")
        var shown = ""
        let found = try generator.generate(prompt: prompt, limit: 6, settings: .init()) {
            shown += $0
        }
        #expect(found.steps.count == 6 && found.text == shown && shown.count == 6)
        var tokens = prompt
        for step in found.steps {
            let rows = try logProbabilities(of: model, windows: [tokens], scored: 0..<tokens.count)
            let last = try #require(rows.last)
            #expect(last[Int(step.token)] == last.max())
            #expect(abs(exp(last[Int(step.token)]) - step.probability) < 1e-5)
            tokens.append(step.token)
        }
    }
}
