import Evaluation
import Foundation
import Inference
import TensorCore
import TestSupport
import Testing

@Suite("Files of logits")
struct LogitsFileTests {
    private static let names = (0..<TinyModel.vocabularyCount).map { "token\($0)" }

    private func models() throws -> (Model, Model) {
        (
            try TinyModel(tokens: Self.names).model(),
            try TinyModel(noise: 0.1, tokens: Self.names).model()
        )
    }

    private func text(windowing: Windowing = .halves) throws -> EvaluationText {
        try EvaluationText(
            tokens: TinyModel.tokens(150), bos: 3, contextLength: 20, windowing: windowing)
    }

    @Test(
        "a comparison with a file is the comparison with its model",
        arguments: [Windowing.halves, .sliding(stride: 7)])
    func roundTrip(windowing: Windowing) throws {
        try Fixtures.withTemporaryFolder { folder in
            let (base, quantized) = try models()
            let text = try text(windowing: windowing)
            let path = folder + "/base.logits.zst"
            let alone = try Evaluator(base: base).evaluate(
                text, writer: LogitsWriter(path: path, model: base, text: text, tool: "test"))
            let direct = try Evaluator(base: base, quantized: [quantized]).evaluate(text)
            #expect(alone.base.perplexity == direct.base.perplexity)

            let reader = try LogitsReader(path: path, bos: nil)
            #expect(reader.header?.tool == "test")
            #expect(reader.text.windowCount == text.windowCount)
            let stored = try Evaluator(base: reader, quantized: [quantized, base])
                .evaluate(reader.text)
            #expect(
                abs(stored.base.perplexity.value / direct.base.perplexity.value - 1) < 1e-7)
            let (found, expected) = (stored.levels[0].statistics, direct.levels[0].statistics)
            #expect(abs(found.divergence.mean.value / expected.divergence.mean.value - 1) < 1e-4)
            #expect(abs(found.divergence.maximum - expected.divergence.maximum) < 1e-4)
            #expect(found.sameTopToken == expected.sameTopToken)
            #expect(found.perplexity == expected.perplexity)
            // The model itself: what is left is the rounding to 16 bits.
            #expect(stored.levels[1].statistics.divergence.mean.value < 1e-7)
            #expect(stored.levels[1].statistics.sameTopToken.value == 1)
        }
    }

    /// A file as llama-perplexity --kl-divergence-base writes it.
    private func peerFile(_ model: Model, _ text: EvaluationText, tokens: [Int32]) throws -> [UInt8]
    {
        var file = ByteBuilder()
        file.append("_logits_")
        for number in [text.contextLength, model.vocabularyCount, text.windowCount] {
            file.append(Int32(number))
        }
        for token in tokens.prefix(text.contextLength * text.windowCount) { file.append(token) }
        let rows = try logProbabilities(
            of: model, windows: (0..<text.windowCount).map { text.window($0) },
            scored: text.scored(inWindow: 0))
        for row in rows {
            let top = row.max() ?? 0
            let minimum = max(row.min() ?? 0, top - 16)
            let step = Float(top - minimum) / 65535
            file.append(step)
            file.append(Float(minimum))
            for value in row {
                file.append(
                    value > minimum ? UInt16((Float(value - minimum) / step).rounded()) : 0)
            }
            if row.count % 2 == 1 { file.append(UInt16(0)) }
        }
        return file.bytes
    }

    @Test("llama.cpp's form is read as llama.cpp reads it", arguments: [40, 39])
    func peer(vocabulary: Int) throws {
        try Fixtures.withTemporaryFolder { folder in
            let base = try TinyModel(vocabularyCount: vocabulary).model()
            let quantized = try TinyModel(noise: 0.1, vocabularyCount: vocabulary).model()
            let tokens = TinyModel.tokens(150).map { $0 % Int32(vocabulary) }
            let text = try EvaluationText(tokens: tokens, bos: 3, contextLength: 20)
            let path = folder + "/base.kld"
            // The file has the text's own tokens; BOS is put in again when it is read.
            try OutputFile.write(try peerFile(base, text, tokens: tokens), to: path)
            let reader = try LogitsReader(path: path, bos: 3)
            #expect(reader.header == nil && reader.vocabularyCount == vocabulary)
            #expect(reader.text.window(1) == text.window(1))
            let stored = try Evaluator(base: reader, quantized: [quantized]).evaluate(reader.text)
            let direct = try Evaluator(base: base, quantized: [quantized]).evaluate(text)
            #expect(
                abs(stored.base.perplexity.value / direct.base.perplexity.value - 1) < 1e-4)
            let (found, expected) = (stored.levels[0].statistics, direct.levels[0].statistics)
            #expect(abs(found.divergence.mean.value - expected.divergence.mean.value) < 2e-4)
            #expect(found.sameTopToken == expected.sameTopToken)
            #expect(found.perplexity == expected.perplexity)
        }
    }

    @Test("damaged and foreign files are refused, each with its reason")
    func damaged() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (base, quantized) = try models()
            let text = try text()
            let path = folder + "/base.logits.zst"
            _ = try Evaluator(base: base).evaluate(
                text, writer: LogitsWriter(path: path, model: base, text: text, tool: "test"))
            let bytes = try InputFile.contents(path: path)
            func problem(_ bytes: [UInt8]) throws -> String {
                let path = folder + "/damaged"
                try OutputFile.write(bytes, to: path)
                do {
                    let reader = try LogitsReader(path: path, bos: nil)
                    _ = try Evaluator(base: reader, quantized: [quantized]).evaluate(reader.text)
                    return "read"
                } catch let error as any IngotError {
                    #expect(error.exitCode == .badData)
                    return error.problem
                }
            }
            for length in [bytes.count - 1, bytes.count / 2, 40, 5] {
                let found = try problem(Array(bytes[..<length]))
                #expect(found.contains("too early") || found.contains("incomplete"), "\(found)")
            }
            var changed = bytes
            changed[bytes.count / 2] ^= 0x40
            let damaged = try problem(changed)
            #expect(damaged != "read")
            #expect(try problem(Array("_logits".utf8)).contains("another beginning"))
            var file = ByteBuilder()
            file.append("_logits_")
            for number in [20, 40, 3] as [Int32] { file.append(number) }
            #expect(try problem(file.bytes).contains("20 bytes, expected"))
            file = ByteBuilder()
            file.append("_logits_")
            for number in [Int32.max, Int32.max, Int32.max] { file.append(number) }
            #expect(try problem(file.bytes) != "read")
            #expect(try problem([0x28, 0xB5, 0x2F, 0xFD]).contains("early"))

            // A model that does not mean the same by a token.
            var others = Self.names
            others[3] = "another"
            let other = try TinyModel(tokens: others).model()
            #expect(throws: EvaluationError.self) {
                try Evaluator(base: LogitsReader(path: path, bos: nil), quantized: [other])
            }
            let small = try TinyModel(vocabularyCount: 39).model()
            #expect(
                throws: EvaluationError(
                    .vocabulariesDiffer(found: "a vocabulary of 39 tokens", expected: "one of 40"),
                    path: small.path)
            ) { try Evaluator(base: LogitsReader(path: path, bos: nil), quantized: [small]) }
        }
    }
}

@Suite("Going on with an evaluation")
struct CheckpointTests {
    private struct Stop: Error {}

    @Test("figures are those of an uninterrupted run, bit for bit")
    func identical() throws {
        let model = try TinyModel().model()
        let text = try EvaluationText(
            tokens: TinyModel.tokens(30_000), bos: nil, contextLength: 60)
        let whole = try Evaluator(base: model).evaluate(text).base
        for stop in 1...4 {
            var state: [UInt8] = []
            var batches = 0
            #expect(throws: Stop.self) {
                try Evaluator(base: model).evaluate(text) { progress in
                    state = Array(try JSONEncoder().encode(progress.checkpoint))
                    batches += 1
                    if batches == stop { throw Stop() }
                }
            }
            let checkpoint = try JSONDecoder().decode(
                Evaluator.Checkpoint.self, from: Data(state))
            #expect(checkpoint.windowsDone < text.windowCount)
            let rest = try Evaluator(base: model).evaluate(text, from: checkpoint).base
            #expect(rest == whole)
        }
    }
}
