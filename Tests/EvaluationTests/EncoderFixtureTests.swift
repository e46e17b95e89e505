import Architectures
import Conversion
import Evaluation
import Inference
import TensorCore
import TestSupport
import Testing
import Tokenization

/// Small encoders of random weights, made and measured with transformers or what their own code
/// computes (`scripts/fixtures/encoders.py`): from a Hugging Face directory to the vectors of texts.
@Suite("Encoders agree with transformers")
struct EncoderFixtureTests {
    private static let names = [
        "bert", "camembert", "distilbert", "embeddinggemma", "embeddinggemma-dense", "eurobert",
        "jina-2",
        "lfm2-embed", "llama-embed", "modernbert", "neobert", "nomic", "nomic-2", "roberta", "t5",
        "t5-relu",
    ]
    private static let classifiers = ["modernbert-rank", "xlm-roberta-rank"]

    private struct Fixture {
        let model: Model
        let tokenizer: Tokenizer
        let texts: [JSON]

        init(_ name: String) throws {
            let folder = Fixtures.path("encoders/\(name)")
            var options = ConversionSource.Options(outputType: .f32)
            options.includesDenseModules = name.hasSuffix("-dense")
            let source = try ConversionSource(directory: folder, options: options)
            model = try Model(source: source)
            tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))
            texts = try JSON.parse(path: folder + "/expected.json")["texts"]?.array ?? []
        }
    }

    private static func numbers(_ json: JSON?) -> [Float] {
        json?.array?.compactMap { $0.double.map { Float($0) } } ?? []
    }

    @Test("vectors are transformers' to 1e-5 of the cosine", arguments: names)
    func vectors(_ name: String) throws {
        let fixture = try Fixture(name)
        try #require(!fixture.texts.isEmpty)
        #expect(fixture.model.makesEmbeddings)
        let texts = try fixture.texts.map {
            try fixture.tokenizer.embeddingText(Array(try #require($0["text"]?.text).utf8))
        }
        for (text, expected) in zip(texts, fixture.texts) {
            #expect(text.tokens.map(Int.init) == expected["tokens"]?.array?.compactMap(\.integer))
        }
        for pooling in [Pooling.mean, .cls, .last] {
            let embedder = try Embedder(model: fixture.model, pooling: pooling)
            for (vector, expected) in zip(try embedder.vectors(of: texts), fixture.texts) {
                let reference = Self.numbers(expected[pooling.rawValue])
                try #require(reference.count == vector.count)
                #expect(
                    1 - cosine(vector, reference) < 1e-5,
                    "\(name), \(pooling): cosine \(cosine(vector, reference))")
                // A cosine of long vectors hides much: single numbers agree as well.
                #expect(WorstDifference(vector, reference).magnitude < 1e-3, "\(name), \(pooling)")
            }
        }
    }

    @Test("classifiers' answers are transformers'", arguments: classifiers)
    func answers(_ name: String) throws {
        let fixture = try Fixture(name)
        try #require(!fixture.texts.isEmpty)
        let embedder = try Embedder(model: fixture.model)
        #expect(embedder.pooling == .rank)
        for expected in fixture.texts {
            let (first, second) = (expected["text"]?.text, expected["second"]?.text)
            let pair = try fixture.tokenizer.embeddingPair(
                Array(try #require(first).utf8), Array(try #require(second).utf8))
            #expect(pair.tokens.map(Int.init) == expected["tokens"]?.array?.compactMap(\.integer))
            let answers = try embedder.vectors(of: [pair])[0]
            let difference = WorstDifference(answers, Self.numbers(expected["rank"]))
            #expect(difference.magnitude < 1e-4, "\(name): \(difference)")
        }
    }

    @Test("the pooling of a directory is what its modules say")
    func pooling() throws {
        #expect(try Fixture("bert").model.usualPooling == .mean)
        #expect(try Fixture("roberta").model.usualPooling == .cls)
        // T5's encoder says nothing.
        #expect(try Fixture("t5").model.usualPooling == .mean)
    }
}
