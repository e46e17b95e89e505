import Architectures
import Inference
import TensorCore
import TestSupport
import Testing

@Suite("Several texts at once")
struct StreamDecoderTests {
    /// What is run of a text.
    private typealias Part = (text: Int, tokens: Range<Int>)

    private static let length = 40

    /// Ways to run three texts, the first always to its end.
    private static let plans: [[[Part]]] = [
        (0..<length).map { [(0, $0..<$0 + 1)] },
        [[(0, 0..<37), (1, 0..<9)], [(1, 9..<10), (0, 37..<38), (2, 0..<12)], [(0, 38..<40)]],
        [
            [(2, 0..<3)], [(1, 0..<17), (0, 0..<1), (2, 3..<4)],
            [(0, 1..<17), (2, 4..<30), (1, 17..<18)], [(0, 17..<35)],
            [(2, 30..<31), (1, 18..<19), (0, 35..<36)], [(1, 19..<20), (0, 36..<40)],
        ],
    ]

    /// The logits of the first text's tokens.
    private func logits(
        _ decoder: StreamDecoder, _ texts: [[Int32]], plan: [[Part]]
    ) throws -> [[Float]] {
        let sequences = try texts.map { _ in
            try decoder.makeSequence(capacity: StreamDecoderTests.length)
        }
        return try plan.flatMap { step in
            let found = try decoder.step(
                Batch(
                    step.map { text, tokens in
                        Stretch(
                            tokens: Array(texts[text][tokens]), scored: 0..<tokens.count,
                            sequence: sequences[text])
                    }))
            var row = 0
            return step.flatMap { part -> [[Float]] in
                defer { row += part.tokens.count }
                return part.text == 0
                    ? (row..<row + part.tokens.count).map {
                        Array(found[$0 * vocabularyCount..<($0 + 1) * vocabularyCount])
                    } : []
            }
        }
    }

    private func check(
        _ variant: DecoderVariant, _ model: Model, _ activations: Activations,
        cacheType: CacheType, byteLimit: Int? = nil
    ) throws {
        let texts = randomWindows(3, length: StreamDecoderTests.length, seed: 82)
        let expected = try logits(
            StreamDecoder(
                model: model, activations: activations, cacheTypeK: cacheType,
                cacheTypeV: cacheType, pool: WorkerPool(threadCount: 1)), texts,
            plan: [[(0, 0..<StreamDecoderTests.length)]])
        #expect(expected.count == StreamDecoderTests.length)
        let decoder = try StreamDecoder(
            model: model, activations: activations, cacheTypeK: cacheType, cacheTypeV: cacheType,
            byteLimit: byteLimit, pool: WorkerPool(threadCount: 2))
        for (number, plan) in StreamDecoderTests.plans.enumerated() {
            let found = try logits(decoder, texts, plan: plan)
            for (index, (row, wanted)) in zip(found, expected).enumerated() {
                #expect(
                    row.map(\.bitPattern) == wanted.map(\.bitPattern),
                    "\(variant), \(activations), \(cacheType), plan \(number), token \(index)")
                if row != wanted { return }
            }
        }
    }

    @Test(
        "a text's logits have the same bits whatever runs beside it and however it is cut",
        arguments: DecoderVariant.all)
    func independent(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 81)
        try check(variant, model, .f32, cacheType: .f32)
    }

    @Test("with rounded activations and a rounded cache too", arguments: DecoderVariant.all)
    func independentRounded(_ variant: DecoderVariant) throws {
        let source = QuantizedSource(try randomModel(variant.decoder, seed: 83).source)
        let model = try Model(source: source, description: variant.decoder)
        try check(variant, model, .q8, cacheType: .q8_0)
    }

    @Test("without matrices in memory too")
    func independentStreamed() throws {
        let variant = DecoderVariant.basics[0]
        let (model, _) = try randomModel(variant.decoder, seed: 84)
        try check(variant, model, .f32, cacheType: .f16, byteLimit: 0)
    }

    @Test(
        "a sequence that takes over a prefix goes on as if it had read it",
        arguments: [DecoderVariant.basics[0]] + DecoderVariant.recurrences
            + DecoderVariant.associations)
    func prefix(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 85)
        let decoder = try StreamDecoder(
            model: model, cacheTypeK: .q8_0, pool: WorkerPool(threadCount: 1))
        let text = randomWindows(1, length: 12, seed: 86)[0]
        func step(_ tokens: Range<Int>, _ sequence: SequenceState) throws -> [Float] {
            try decoder.step(
                Batch([
                    Stretch(
                        tokens: Array(text[tokens]), scored: tokens.count - 1..<tokens.count,
                        sequence: sequence)
                ]))
        }
        let (first, second) = (
            try decoder.makeSequence(capacity: 12), try decoder.makeSequence(capacity: 12)
        )
        _ = try step(0..<8, first)
        _ = try step(3..<7, second)
        let taken = second.copyPrefix(from: first, count: 5)
        #expect(taken == (decoder.hasRecurrence ? 0 : 5))
        #expect(second.count == taken)
        #expect(second.copyPrefix(from: first, count: 20) == 8)
        #expect(try step(8..<12, second) == step(8..<12, first))
    }

    @Test(
        "rows that threads share have the same bits as one thread's",
        arguments: [DecoderVariant.basics[0]]
            + DecoderVariant.all.filter { "\($0)".contains("latent rows, matrices apart") })
    func sharedRows(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 89)
        // Rows of 32 numbers are shared from 1024 on.
        let text = randomWindows(1, length: 1100, seed: 90)[0]
        func logits(_ threadCount: Int) throws -> [Float] {
            let decoder = try StreamDecoder(
                model: model, pool: WorkerPool(threadCount: threadCount))
            let sequence = try decoder.makeSequence(capacity: text.count)
            return try decoder.step(
                Batch([
                    Stretch(
                        tokens: text, scored: text.count - 3..<text.count, sequence: sequence)
                ]))
        }
        #expect(try logits(3).map(\.bitPattern) == logits(1).map(\.bitPattern))
    }

    @Test("a sequence says its memory before it is made")
    func byteCount() throws {
        let (model, _) = try randomModel(seed: 87)
        let pool = WorkerPool(threadCount: 1)
        func bytes(_ type: CacheType, capacity: Int) throws -> Int? {
            try StreamDecoder(model: model, cacheTypeK: type, cacheTypeV: type, pool: pool)
                .sequenceByteCount(capacity: capacity)
        }
        let (one, two) = (try bytes(.f32, capacity: 64), try bytes(.f32, capacity: 128))
        #expect(two == one.map { 2 * $0 })
        #expect(try bytes(.f32, capacity: .max) == nil)
    }

    @Test("latent attention keeps the latent rows alone, as plans count them")
    func latentRows() throws {
        let variant = try #require(
            DecoderVariant.all.first { "\($0)".contains("latent rows, matrices apart") })
        let (model, _) = try randomModel(variant.decoder, seed: 88)
        let decoder = try StreamDecoder(
            model: model, cacheTypeK: .f16, cacheTypeV: .f32, pool: WorkerPool(threadCount: 1))
        let (one, two) = (
            try #require(decoder.sequenceByteCount(capacity: 64)),
            try #require(decoder.sequenceByteCount(capacity: 128))
        )
        // Six latent numbers and four that turn in F16; two angles' cosines and sines in F32.
        let rows = variant.decoder.blocks.count * 10 * 2
        #expect(two - one == 64 * (rows + 2 * 8))
    }
}
