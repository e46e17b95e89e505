import Architectures
import GGUF
import Inference
import Synchronization
import TensorCore
import TestSupport
import Testing

@Suite("Steps of several sequences")
struct BatchTests {
    /// The logits of a step's scored tokens, in order.
    private func logits(_ decoder: Decoder, _ batch: Batch, _ state: ForwardState) throws
        -> [[Float]]
    {
        let empty = [Float](repeating: .nan, count: vocabularyCount)
        let rows = Mutex([[Float]](repeating: empty, count: batch.scoredCount))
        try decoder.forward(batch, in: state) { tile in
            for row in tile.rows {
                let values = Array(tile.logits(row: row, model: 0))
                rows.withLock { $0[row].replaceSubrange(tile.tokens, with: values) }
            }
        }
        return rows.withLock { $0 }
    }

    @Test(
        "sequences at their own positions, beside a window, get the logits that each gets alone",
        arguments: DecoderVariant.all)
    func ownPositions(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 91)
        let texts = randomWindows(4, length: 14, seed: 92)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 2))
        let whole = try collectLogits(decoder, windows: texts, scored: 0..<14)[0]
        let sequences = try (0..<3).map { _ in try SequenceState(for: decoder, capacity: 14) }
        let state = ForwardState()
        let steps: [[(text: Int, tokens: Range<Int>)]] = [
            [(0, 0..<5), (1, 0..<3)], [(0, 5..<6), (2, 0..<9), (1, 3..<8)],
            [(2, 9..<14), (0, 6..<14)], [(1, 8..<14), (3, 0..<14)],
        ]
        for step in steps {
            let batch = Batch(
                step.map { text, tokens in
                    Stretch(
                        tokens: Array(texts[text][tokens]), scored: 0..<tokens.count,
                        sequence: text < 3 ? sequences[text] : nil)
                })
            let found = try logits(decoder, batch, state).flatMap { $0 }
            let expected = step.flatMap { text, tokens in
                whole[text * 14 + tokens.lowerBound..<text * 14 + tokens.upperBound].joined()
            }
            let difference = WorstDifference(found, expected)
            #expect(difference.magnitude < 5e-5, "\(variant), step \(step): \(difference)")
        }
        #expect(sequences.map(\.count) == [14, 14, 14])
    }

    @Test(
        "stretches of which few tokens or none are scored",
        arguments: [DecoderVariant.basics[0]] + DecoderVariant.recurrences
            + DecoderVariant.associations)
    func fewScored(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 93)
        let texts = randomWindows(3, length: 9, seed: 94)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 1))
        let whole = try collectLogits(decoder, windows: texts, scored: 0..<9)[0]
        let sequence = try SequenceState(for: decoder, capacity: 9)
        let state = ForwardState()
        let first = Batch([
            Stretch(tokens: Array(texts[0][..<4]), scored: 2..<2, sequence: sequence),
            Stretch(tokens: texts[1], scored: 3..<5), Stretch(tokens: [], scored: 0..<0),
            Stretch(tokens: texts[2], scored: 8..<9),
        ])
        let found = try logits(decoder, first, state).flatMap { $0 }
        let expected = (Array(whole[12..<14]) + [whole[26]]).flatMap { $0 }
        #expect(WorstDifference(found, expected).magnitude < 5e-5, "\(variant)")
        // A step without logits counts too.
        let quiet = Stretch(tokens: Array(texts[0][4..<6]), scored: 0..<0, sequence: sequence)
        #expect(try logits(decoder, Batch([quiet]), state).isEmpty)
        #expect(sequence.count == 6)
        let rest = Stretch(tokens: Array(texts[0][6...]), scored: 2..<3, sequence: sequence)
        let last = try logits(decoder, Batch([rest]), state).flatMap { $0 }
        #expect(WorstDifference(last, whole[8]).magnitude < 5e-5, "\(variant)")
    }

    @Test(
        "a step that fails leaves every sequence as it was",
        arguments: [DecoderVariant.basics[0]] + DecoderVariant.recurrences
            + DecoderVariant.associations)
    func failure(_ variant: DecoderVariant) throws {
        let (model, _) = try randomModel(variant.decoder, seed: 95)
        let texts = randomWindows(2, length: 8, seed: 96)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 1))
        let whole = try collectLogits(decoder, windows: texts, scored: 0..<8)[0]
        let sequences = try (0..<2).map { _ in try SequenceState(for: decoder, capacity: 8) }
        func step(_ tokens: [[Int32]]) throws -> [Float] {
            let batch = Batch(
                zip(tokens, sequences).map {
                    Stretch(tokens: $0, scored: $0.count - 1..<$0.count, sequence: $1)
                })
            return try logits(decoder, batch, ForwardState()).flatMap { $0 }
        }
        _ = try step(texts.map { Array($0[..<5]) })
        #expect(throws: InferenceError(.tooManyPositions(9, limit: 8), path: "random")) {
            try step([[1], [1, 2, 3, 4]])
        }
        let stop = CancellationError()
        let batch = Batch([Stretch(tokens: [1, 2], scored: 0..<2, sequence: sequences[0])])
        #expect(throws: CancellationError.self) {
            try decoder.forward(batch) { _ in throw stop }
        }
        #expect(sequences.map(\.count) == [5, 5])
        let found = try step(texts.map { Array($0[5...]) })
        #expect(WorstDifference(found, whole[7] + whole[15]).magnitude < 5e-5, "\(variant)")
    }
}

@Suite("One block alone")
struct BlockTests {
    @Test("block by block the rows are those of a whole run", arguments: DecoderVariant.all)
    func chain(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let (model, source) = try randomModel(description, seed: 97)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 2))
        let batch = Batch(windows: randomWindows(3, length: 14, seed: 98))
        let whole = Mutex<[Float]>([])
        try decoder.observe(batch, includingOutput: true) { input in
            guard input.tensors == [description.output] else { return }
            whole.withLock { rows in
                for row in 0..<input.rowCount { rows += Array(input.row(row)) }
            }
        }
        let state = ForwardState()
        var rows = try decoder.embed(batch, in: state)
        for block in description.blocks.indices {
            try decoder.apply(block: block, to: &rows, of: batch, in: state)
        }
        let reference = ReferenceDecoder(description: description, source: source)
        let width = description.embeddingLength
        let expected = stride(from: 0, to: rows.count, by: width).flatMap { start in
            reference.normalise(
                rows[start..<start + width].map(Double.init), description.outputNorm)
        }
        let difference = WorstDifference(whole.withLock { $0 }, expected.map { Float($0) })
        #expect(difference.magnitude < 5e-5, "\(variant): \(difference)")
    }

    @Test(
        "with weights from elsewhere it is that model's block",
        arguments: DecoderVariant.all, Activations.allCases)
    func replacedWeights(_ variant: DecoderVariant, activations: Activations) throws {
        let description = variant.decoder
        // Divisors of rotations, and rows that tokens have for blocks, are the model's own.
        let isWhole =
            description.layerEmbedding == nil && !description.keepsEmbeddings
            && description.blocks[0].rotary?.factors == nil
        guard isWhole else { return }
        let (model, _) = try randomModel(description, seed: 99)
        let others: [any TensorSource] = [
            try randomModel(description, seed: 100).source,
            QuantizedSource(try randomModel(description, seed: 101).source),
        ]
        let pool = WorkerPool(threadCount: 1)
        let decoder = try Decoder(models: [model], activations: activations, pool: pool)
        let batch = Batch(windows: randomWindows(2, length: 7, seed: 102))
        let before = try decoder.embed(batch)
        var own = before
        try decoder.apply(block: 0, to: &own, of: batch, in: ForwardState())
        for source in others {
            let other = try Decoder(
                models: [Model(source: source, description: description)],
                activations: activations, pool: pool)
            var (found, expected) = (before, before)
            let observed = Mutex<Set<String>>([])
            try decoder.apply(
                block: 0, to: &found, of: batch, in: ForwardState(), weights: source
            ) { input in observed.withLock { $0.formUnion(input.tensors) } }
            // Latent attention goes another way, in the last bits, while one looks.
            try other.apply(block: 0, to: &expected, of: batch, in: ForwardState()) { _ in }
            #expect(found == expected && found != own, "\(variant)")
            #expect(!observed.withLock { $0.isEmpty }, "\(variant)")
        }
    }
}
