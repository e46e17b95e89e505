import Evaluation
import TensorCore
import TestSupport
import Testing

@Suite("Protocols of cutting a text")
struct WindowingTests {
    private func text(
        _ count: Int, length: Int, _ windowing: Windowing, bos: Int32? = nil
    ) throws -> EvaluationText {
        try EvaluationText(
            tokens: (0..<count).map { Int32($0) }, bos: bos, contextLength: length,
            windowing: windowing)
    }

    /// Hugging Face's loop, written down again: the label of a window's first token is dropped.
    private func slidingTargets(_ count: Int, length: Int, stride: Int) -> [[Int]] {
        var (targets, previousEnd): ([[Int]], Int) = ([], 0)
        var begin = 0
        while true {
            let end = min(begin + length, count)
            let labels = Array((end - (end - previousEnd))..<end).filter { $0 > begin }
            if !labels.isEmpty { targets.append(labels) }
            previousEnd = end
            if end == count { return targets }
            begin += stride
        }
    }

    @Test(
        "every token is scored once, with the context that Hugging Face's loop gives it",
        arguments: [(23, 8, 3), (23, 8, 8), (16, 8, 4), (5, 8, 2), (17, 8, 1), (17, 8, 8)])
    func sliding(count: Int, length: Int, stride: Int) throws {
        let text = try text(count, length: length, .sliding(stride: stride), bos: 99)
        let expected = slidingTargets(count, length: length, stride: stride)
        var found: [[Int]] = []
        for index in 0..<text.windowCount {
            let window = text.window(index)
            // BOS is not put in: the protocol leaves windows as they are.
            #expect(!window.contains(99))
            found.append(text.scored(inWindow: index).map { Int(window[$0 + 1]) })
        }
        #expect(found == expected)
        #expect(text.scoredTokenCount == expected.reduce(0) { $0 + $1.count })
        if stride < length {
            #expect(found.flatMap { $0 } == Array(1..<count))
        }
    }

    @Test("llama-perplexity's strided windows end with the tokens they score")
    func trailing() throws {
        // Windows of 8 + 4/2; (30 − 10 + 3) / 4 of them.
        let text = try text(30, length: 8, .trailing(stride: 4), bos: 99)
        #expect(text.windowCount == 5)
        #expect(text.contextLength == 10)
        for index in 0..<5 {
            #expect(text.window(index) == [99] + (1..<10).map { Int32(4 * index + $0) })
            #expect(text.scored(inWindow: index) == 5..<9)
        }
        #expect(throws: EvaluationError(.textTooShort(tokens: 10, contextLength: 11), path: nil)) {
            try self.text(10, length: 8, .trailing(stride: 4))
        }
    }

    @Test("strides without sense are refused", arguments: [0, -3, 9])
    func strides(stride: Int) {
        for windowing in [Windowing.sliding(stride: stride), .trailing(stride: stride)] {
            let error = EvaluationError(.invalidStride(stride, contextLength: 8), path: nil)
            #expect(error.exitCode == .usage)
            #expect(throws: error) { try text(30, length: 8, windowing) }
        }
    }

    @Test("the sliding protocol's perplexity is that of whole rows")
    func perplexity() throws {
        let model = try TinyModel().model()
        let tokens = TinyModel.tokens(50)
        let text = try EvaluationText(
            tokens: tokens, bos: nil, contextLength: 16, windowing: .sliding(stride: 5))
        let result = try Evaluator(base: model).evaluate(text).base
        var sum = 0.0
        var previous = 1
        for begin in stride(from: 0, to: 50, by: 5) where previous < 50 {
            let end = min(begin + 16, 50)
            let rows = try logProbabilities(
                of: model, windows: [Array(tokens[begin..<end])], scored: 0..<end - begin)
            for token in previous..<end { sum -= rows[token - 1 - begin][Int(tokens[token])] }
            previous = end
        }
        #expect(result.scoredTokenCount == 49)
        #expect(abs(result.meanNegativeLogLikelihood.value - sum / 49) < 1e-6)
    }
}
