import Conversion
import Evaluation
import Inference
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite struct FixtureModelTests {
    /// The embedded model, straight from its directory, against transformers in F32.
    ///
    /// The F16 file that a conversion makes rounds none of its BF16 weights but the subnormal ones,
    /// so the reference of the checkpoint holds for it.
    @Test func tinyLlamaIsAsPerplexedAsTransformersSays() throws {
        let folder = Fixtures.path("tiny-llama")
        let expected = try JSON.parse(path: folder + "/expected.json")
        let reference = try #require(expected["perplexity"]?["all_windows"]?["perplexity"]?.double)
        let firstIDs = try #require(expected["text"]?["first_token_ids"]?.array)
        let source = try ConversionSource(directory: folder)
        let tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))
        let bytes = try InputFile.contents(path: Fixtures.path("text/evaluation.txt"))
        let tokens = try tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
        #expect(tokens.count == expected["text"]?["tokens"]?.integer)
        let identifiers = firstIDs.map { $0.integer ?? -1 }
        #expect(tokens.prefix(identifiers.count).map(Int.init) == identifiers)

        let text = try EvaluationText(bytes, tokenizer: tokenizer, contextLength: 256)
        let found = try Evaluator(base: try Model(source: source)).evaluate(text).base
        #expect(found.windowCount == 157)
        #expect(abs(found.perplexity.value / reference - 1) < 2e-4, "\(found.perplexity.value)")
    }
}

@Suite struct PercentileErrorTests {
    /// A uniform distribution: the density is 1, so the error of a percentile is that of its rank.
    @Test(arguments: [50.0, 90, 99])
    func uniformValues(percent: Double) {
        let count = 10_001
        let percentiles = Percentiles((0..<count).map { Float($0) / Float(count - 1) })
        let share = percent / 100
        let expected = (share * (1 - share) / Double(count)).squareRoot()
        #expect(abs(percentiles.standardError(percent) / expected - 1) < 0.01)
    }

    @Test func tooFewValuesHaveNone() {
        #expect(Percentiles([1]).standardError(50) == 0)
        #expect(Percentiles([]).standardError(50) == 0)
    }
}
