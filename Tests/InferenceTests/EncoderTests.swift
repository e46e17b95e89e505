import Architectures
import Foundation
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// Models that make vectors of texts.
@Suite("Encoders and pooling")
struct EncoderTests {
    private static func texts(_ lengths: [Int], seed: UInt64 = 5) -> [Embedder.Text] {
        lengths.enumerated().map {
            Embedder.Text(randomWindows(1, length: $1, seed: seed + UInt64($0))[0])
        }
    }

    @Test(
        "rows are the reference's, in memory and decoded anew", arguments: DecoderVariant.encoders)
    func rows(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let (model, source) = try randomModel(description, seed: 31)
        let reference = ReferenceDecoder(description: description, source: source)
        var texts = Self.texts([14, 1, 9])
        texts[2].segmentStart = 4
        for byteLimit in [nil, 0] {
            let embedder = try Embedder(
                model: model, pooling: Pooling.none, byteLimit: byteLimit,
                pool: WorkerPool(threadCount: 2))
            let found = try embedder.vectors(of: texts)
            for (text, rows) in zip(texts, found) {
                let expected = reference.outputRows(
                    text.tokens, second: text.segmentStart ?? .max
                ).flatMap { $0.map { Float($0) } }
                let difference = WorstDifference(rows, expected)
                #expect(difference.magnitude < 5e-5, "\(variant): \(difference), seed 31")
            }
        }
    }

    @Test("windows longer than the rows that attention takes at a time see both sides")
    func longWindows() throws {
        var description = try #require(DecoderVariant.encoders.dropFirst().first).decoder
        description.contextLength = 400
        let (model, source) = try randomModel(description, seed: 32)
        let text = Self.texts([300])[0]
        let rows = try Embedder(model: model, pooling: Pooling.none).vectors(of: [text])[0]
        let expected = ReferenceDecoder(description: description, source: source)
            .outputRows(text.tokens).flatMap { $0.map { Float($0) } }
        #expect(WorstDifference(rows, expected).magnitude < 5e-5)
    }

    @Test("pooled rows are means, first and last rows of encoders and decoders")
    func pooling() throws {
        for variant in [DecoderVariant.encoders[0], DecoderVariant.basics[0]] {
            let (model, _) = try randomModel(variant.decoder, seed: 33)
            let texts = Self.texts([7, 1, 12])
            let width = variant.decoder.embeddingLength
            func vectors(_ pooling: Pooling) throws -> [[Float]] {
                try Embedder(model: model, pooling: pooling).vectors(of: texts)
            }
            let all = try vectors(.none)
            let (means, firsts, lasts) = (
                try vectors(.mean), try vectors(.cls), try vectors(.last)
            )
            for index in texts.indices {
                let rows = all[index]
                let count = rows.count / width
                #expect(count == texts[index].tokens.count)
                #expect(firsts[index] == Array(rows.prefix(width)))
                #expect(lasts[index] == Array(rows.suffix(width)))
                let mean = (0..<width).map { column in
                    (0..<count).reduce(0.0) { $0 + Double(rows[$1 * width + column]) }
                        / Double(count)
                }
                #expect(WorstDifference(means[index], mean.map { Float($0) }).magnitude < 1e-6)
            }
        }
    }

    @Test("a text's vector does not depend on the texts beside it")
    func batches() throws {
        let (model, _) = try randomModel(DecoderVariant.encoders[1].decoder, seed: 34)
        let embedder = try Embedder(model: model, pool: WorkerPool(threadCount: 2))
        #expect(embedder.pooling == .mean)
        let texts = Self.texts((0..<60).map { 1 + $0 % 14 })
        let together = try embedder.vectors(of: texts)
        for (index, text) in texts.enumerated() {
            #expect(try embedder.vectors(of: [text])[0] == together[index], "text \(index)")
        }
    }

    @Test("layers behind the pooling, and a classifier's answers")
    func heads() throws {
        var description = DecoderVariant.encoders[0].decoder
        let width = description.embeddingLength
        description.poolingLayers = [
            .init("dense_2.weight", bias: nil, outputs: 48, inputs: width),
            .init("dense_3.weight", bias: "dense_3.bias", outputs: 24, inputs: 48),
        ]
        description.classifier = ClassifierHead(
            dense: .init("cls.weight", bias: "cls.bias", outputs: width, inputs: width),
            activation: .tanh, output: "cls.output.weight", outputBias: "cls.output.bias")
        let (model, source) = try randomModel(description, seed: 35)
        let reference = ReferenceDecoder(description: description, source: source)
        let text = Self.texts([9])[0]
        let rows = reference.outputRows(text.tokens)
        let mean = (0..<width).map { column in
            rows.reduce(0) { $0 + $1[column] } / Double(rows.count)
        }
        let projected = description.poolingLayers.reduce(mean) { reference.project($0, $1) }
        let embedder = try Embedder(model: model, pooling: .mean)
        #expect(embedder.length == 24)
        let found = try embedder.vectors(of: [text])[0]
        #expect(WorstDifference(found, projected.map { Float($0) }).magnitude < 5e-5)

        let head = try #require(description.classifier)
        let hidden = reference.project(rows[0], try #require(head.dense)).map { tanh($0) }
        let answers = reference.project(
            hidden, .init(head.output, bias: head.outputBias, outputs: 3, inputs: width))
        let ranker = try Embedder(model: model)
        #expect(ranker.pooling == .rank && ranker.length == 3)
        let scores = try ranker.vectors(of: [text])[0]
        #expect(WorstDifference(scores, answers.map { Float($0) }).magnitude < 5e-5)
    }

    @Test("what continues texts refuses an encoder, and embeddings refuse what cannot be")
    func refusals() throws {
        let (encoder, _) = try randomModel(DecoderVariant.encoders[0].decoder, seed: 36)
        let window = randomWindows(1, length: 5, seed: 1)
        func kind(_ body: () throws -> Void) -> InferenceError.Kind? {
            do {
                try body()
                return nil
            } catch {
                return (error as? InferenceError)?.kind
            }
        }
        #expect(
            kind { try Decoder(models: [encoder]).forward(Batch(windows: window)) { _ in } }
                == .encoder(encoder.description.architecture))
        #expect(
            kind { _ = try Generation(model: encoder, capacity: 8).append([1]) }
                == .encoder(encoder.description.architecture))
        #expect(kind { _ = try Embedder(model: encoder, pooling: .rank) } == .noClassifier)
        let limit = encoder.contextLength
        let embedder = try Embedder(model: encoder)
        #expect(
            kind {
                _ = try embedder.vectors(of: [.init([Int32](repeating: 1, count: limit + 1))])
            } == .tooManyPositions(limit + 1, limit: limit))
        #expect(
            kind { _ = try embedder.vectors(of: [.init([-1])]) }
                == .unknownToken(-1, vocabularyCount: encoder.vocabularyCount))
    }

    @Test("vectors are scaled by the norm that is asked for")
    func normalization() {
        func scaled(_ number: Int, _ vector: [Float] = [3, -4]) -> [Float] {
            var vector = vector
            VectorNormalization(number: number)?.apply(to: &vector)
            return vector
        }
        #expect(scaled(-1) == [3, -4])
        #expect(scaled(0) == [24570, -32760])
        #expect(WorstDifference(scaled(1), [3 / 7, -4 / 7]).magnitude < 1e-7)
        #expect(WorstDifference(scaled(2), [0.6, -0.8]).magnitude < 1e-7)
        let cube = Float(cbrt(27.0 + 64))
        #expect(WorstDifference(scaled(3), [3 / cube, -4 / cube]).magnitude < 1e-6)
        #expect(scaled(2, [0, 0]) == [0, 0])
        #expect(scaled(200, [1e30, 1e-30]) == [1, 0])
        #expect(VectorNormalization(number: -2) == nil)
    }
}
