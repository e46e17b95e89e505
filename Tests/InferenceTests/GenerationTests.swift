import Architectures
import Inference
import TensorCore
import TestSupport
import Testing

@Suite("A text continued token by token")
struct GenerationTests {
    @Test(
        "stretches of any length give the logits of the whole window, however weights are held",
        arguments: DecoderVariant.all, [nil, 0])
    func stretches(_ variant: DecoderVariant, byteLimit: Int?) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 71)
        let tokens = randomWindows(1, length: 14, seed: 72)[0]
        let pool = WorkerPool(threadCount: 1)
        let whole = try collectLogits(
            Decoder(models: [model], pool: pool), windows: [tokens], scored: 0..<14)[0]
        let generation = try Generation(
            model: model, capacity: 14, cacheTypeK: .f32, cacheTypeV: .f32,
            byteLimit: byteLimit, pool: pool)
        var start = 0
        for count in [5, 1, 1, 4, 1, 2] {
            let logits = try generation.append(Array(tokens[start..<start + count]))
            start += count
            #expect(generation.count == start)
            let difference = WorstDifference(logits, whole[start - 1])
            #expect(difference.magnitude < 5e-5, "\(variant), position \(start): \(difference)")
        }
    }

    @Test("with rounded activations too", arguments: DecoderVariant.all)
    func rounded(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let source = QuantizedSource(try randomModel(description, seed: 76).source)
        let model = try Model(source: source, description: description)
        let tokens = randomWindows(1, length: 9, seed: 77)[0]
        let pool = WorkerPool(threadCount: 1)
        func logits(byteLimit: Int?) throws -> [[Float]] {
            let generation = try Generation(
                model: model, capacity: 9, activations: .q8, cacheTypeK: .f32, cacheTypeV: .f32,
                byteLimit: byteLimit, pool: pool)
            return try [3, 1, 1, 2, 1, 1].reduce(into: []) { result, count in
                let start = generation.count
                result.append(try generation.append(Array(tokens[start..<start + count])))
            }
        }
        // Products in integers are equal bit by bit; those in F32 are not, and what is rounded
        // after them may be a step away.
        let (found, expected) = (try logits(byteLimit: nil), try logits(byteLimit: 0))
        #expect(found[0] == expected[0])
        let size = WorstDifference(expected[0], expected[0].map { _ in 0 }).magnitude
        for (left, right) in zip(found, expected) {
            let difference = WorstDifference(left, right)
            #expect(difference.magnitude < size / 20, "\(variant): \(difference)")
        }
    }

    @Test(
        "a text taken back and continued otherwise is as if it had never been longer",
        arguments: [DecoderVariant.basics[0]] + DecoderVariant.recurrences)
    func rewind(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 73)
        let generation = try Generation(
            model: model, capacity: 20, pool: WorkerPool(threadCount: 1))
        let first = try generation.append([1, 2, 3])
        _ = try generation.append([4, 5, 6, 7])
        generation.rewind(to: 2)
        #expect(generation.count == 2)
        let difference = WorstDifference(try generation.append([3]), first)
        #expect(difference.magnitude < 1e-5)
    }

    @Test("no room is an error, and the text stays what it was")
    func capacity() throws {
        let (model, _) = try randomModel(seed: 74)
        let generation = try Generation(model: model, capacity: 4)
        _ = try generation.append([1, 2, 3])
        #expect(throws: InferenceError(.tooManyPositions(5, limit: 4), path: "random")) {
            try generation.append([4, 5])
        }
        #expect(throws: InferenceError.self) { try generation.append([-1]) }
        #expect(generation.count == 3)
        #expect(try generation.append([]) == [])
        #expect(try generation.append([4]).count == vocabularyCount)
    }

    @Test("more positions than a table of them has are refused")
    func learnedPositions() throws {
        var description = DecoderVariant.plain
        description.contextLength = 6
        description.positionEmbedding = "position_embd.weight"
        let (model, _) = try randomModel(description, seed: 75)
        let expected = InferenceError(
            .tooManyPositions(7, limit: 6), path: "random", place: "position_embd.weight")
        #expect(throws: expected) { try Generation(model: model, capacity: 7) }
        #expect(throws: expected) {
            try Decoder(models: [model]).forward(
                Batch(windows: randomWindows(1, length: 7, seed: 1), scored: 0..<7)
            ) { _ in }
        }
    }
}
