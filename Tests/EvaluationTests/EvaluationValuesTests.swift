import Evaluation
import Inference
import TensorCore
import TestSupport
import Testing

/// Evaluations in parts, put together.
@Suite struct EvaluationValuesTests {
    private static func tokens(_ count: Int) -> [Int32] {
        var random = SeededRandom(seed: 5)
        return (0..<count).map { _ in
            Int32(truncatingIfNeeded: random.next() % UInt64(TinyModel.vocabularyCount))
        }
    }

    @Test func joinedPartsAreOneRun() throws {
        let base = try TinyModel().model()
        let other = try TinyModel(noise: 0.1).model()
        let text = try EvaluationText(
            tokens: Self.tokens(16 * 600), bos: nil, contextLength: 16)
        let evaluator = try Evaluator(base: base, quantized: [other])
        let whole = try evaluator.evaluate(text)
        var joining = Evaluator.Joining(levelCount: 1)
        var done = 0
        // Parts begin where batches do: with matrices so small the library sums in another order.
        for windows in [0..<256, 256..<256, 256..<512, 512..<text.windowCount] {
            let recorder = EvaluationRecorder(windows: windows, levelCount: 1)
            _ = try evaluator.evaluate(text, keeping: recorder)
            #expect(recorder.values.windows == windows)
            joining.add(try #require(EvaluationValues(bytes: recorder.values.bytes[...])))
            done += text.tokenCount(ofWindows: windows)
        }
        let joined = joining.result(
            base: base.path, levels: [other.path], contextLength: text.contextLength,
            tokensRun: done, seconds: 2)
        #expect(joined.base == whole.base)
        #expect(joined.levels == whole.levels)
        #expect(joined.tokensPerSecond == Double(done) / 2)
    }

    @Test func damagedBytesAreNoValues() throws {
        let text = try EvaluationText(
            tokens: Self.tokens(64), bos: nil, contextLength: 16)
        let evaluator = try Evaluator(
            base: TinyModel().model(), quantized: [TinyModel(noise: 0.1).model()])
        let recorder = EvaluationRecorder(windows: 0..<2, levelCount: 1)
        _ = try evaluator.evaluate(text, keeping: recorder)
        let bytes = recorder.values.bytes
        #expect(EvaluationValues(bytes: bytes[...]) == recorder.values)
        #expect(EvaluationValues(bytes: bytes.dropLast()) == nil)
        #expect(EvaluationValues(bytes: bytes.prefix(31)) == nil)
        for place in [8, 16, 24, 31, 32] {
            var changed = bytes
            changed[place] = 0xFF
            #expect(EvaluationValues(bytes: changed[...]) == nil)
        }
        var notANumber = bytes
        for place in 40..<48 { notANumber[place] = 0xFF }
        #expect(EvaluationValues(bytes: notANumber[...]) == nil)
    }
}
