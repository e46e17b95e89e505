import Architectures
import GGUF
import Inference
import Synchronization
import TensorCore
import TestSupport
import Testing

let vocabularyCount = 70

func randomModel(
    _ description: DecoderDescription = DecoderVariant.plain, seed: UInt64
) throws -> (model: Model, source: RandomSource) {
    var builder = RandomModelBuilder(seed: seed)
    builder.addAll(of: description, vocabularyCount: vocabularyCount)
    let source = builder.source
    return (try Model(source: source, description: description), source)
}

func randomWindows(_ count: Int, length: Int, seed: UInt64) -> [[Int32]] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in
        (0..<length).map { _ in Int32(random.next() % UInt64(vocabularyCount)) }
    }
}

/// All logits that a decoder hands out: `[model][row]`.
func collectLogits(
    _ decoder: Decoder, windows: [[Int32]], scored: Range<Int>
) throws -> [[[Float]]] {
    let rowCount = windows.count * scored.count
    let count = decoder.models[0].vocabularyCount
    let rows = Mutex(
        decoder.models.map { _ in
            [[Float]](repeating: .init(repeating: .nan, count: count), count: rowCount)
        })
    try decoder.forward(Batch(windows: windows, scored: scored)) { tile in
        for row in tile.rows {
            for model in 0..<tile.modelCount {
                let values = Array(tile.logits(row: row, model: model))
                rows.withLock { $0[model][row].replaceSubrange(tile.tokens, with: values) }
            }
        }
    }
    return rows.withLock { $0 }
}

@Suite("The decoder against the naive reference")
struct DecoderTests {
    @Test("every option of a block", arguments: DecoderVariant.all)
    func option(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let (model, source) = try randomModel(description, seed: 11)
        let windows = randomWindows(3, length: 14, seed: 12)
        let found = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 2)), windows: windows,
            scored: 0..<14)
        let reference = ReferenceDecoder(description: description, source: source)
        let expected = windows.flatMap { reference.logits($0) }.map { $0.map { Float($0) } }
        let difference = WorstDifference(found[0].flatMap { $0 }, expected.flatMap { $0 })
        #expect(difference.magnitude < 5e-5, "\(variant): \(difference), seeds 11, 12")
    }

    @Test("windows longer than a strip of query rows", arguments: [nil, 40, 150])
    func longWindow(_ slidingWindow: Int?) throws {
        var description = DecoderVariant.plain
        for index in description.blocks.indices {
            description.blocks[index].attention.window = slidingWindow
        }
        let (model, source) = try randomModel(description, seed: 21)
        let windows = randomWindows(1, length: 290, seed: 22)
        let found = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)), windows: windows,
            scored: 0..<290)
        let expected = ReferenceDecoder(description: description, source: source)
            .logits(windows[0]).map { $0.map { Float($0) } }
        let difference = WorstDifference(found[0].flatMap { $0 }, expected.flatMap { $0 })
        #expect(difference.magnitude < 1e-4, "\(difference), seeds 21, 22")
    }

    @Test("scored positions alone get the logits that they get among all")
    func scoredPositions() throws {
        let (model, _) = try randomModel(seed: 31)
        let windows = randomWindows(5, length: 20, seed: 32)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 2))
        let all = try collectLogits(decoder, windows: windows, scored: 0..<20)[0]
        let some = try collectLogits(decoder, windows: windows, scored: 9..<16)[0]
        for window in 0..<5 {
            let expected = all[window * 20 + 9..<window * 20 + 16].flatMap { $0 }
            let found = some[window * 7..<window * 7 + 7].flatMap { $0 }
            let difference = WorstDifference(Array(found), Array(expected))
            #expect(difference.magnitude < 1e-5, "window \(window): \(difference)")
        }
    }

    @Test("the number of workers does not change a bit")
    func workers() throws {
        let (model, _) = try randomModel(seed: 41)
        let windows = randomWindows(60, length: 24, seed: 42)
        let one = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)), windows: windows,
            scored: 12..<23)
        let four = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 4)), windows: windows,
            scored: 12..<23)
        #expect(one == four)
    }

    @Test("models side by side give what each gives alone")
    func sideBySide() throws {
        var other = DecoderVariant.plain
        other.blocks.removeLast()
        let (first, _) = try randomModel(seed: 51)
        let (second, _) = try randomModel(other, seed: 52)
        let windows = randomWindows(2, length: 10, seed: 53)
        let pool = WorkerPool(threadCount: 2)
        let both = try collectLogits(
            Decoder(models: [first, second], pool: pool), windows: windows, scored: 4..<9)
        for (index, model) in [first, second].enumerated() {
            let alone = try collectLogits(
                Decoder(models: [model], pool: pool), windows: windows, scored: 4..<9)
            #expect(both[index] == alone[0], "model \(index)")
        }
    }

    @Test(
        "models that share their first blocks give what each gives alone",
        arguments: DecoderVariant.all)
    func sharedBlocks(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let (model, source) = try randomModel(description, seed: 41)
        // Of each block, and of what is before and behind the blocks, one matrix changed.
        var changed: [Int: Int] = [:]
        for (number, tensor) in source.tensors.enumerated() where tensor.shape.rank == 2 {
            changed[model.firstBlock(ofMatrix: number), default: number] = number
        }
        let firstOwn = changed.keys.sorted()
        let others = try firstOwn.map { block in
            var values = source.values
            if let number = changed[block] { values[number] = values[number].map { $0 * 1.5 } }
            let other = RandomSource(
                metadata: source.metadata, tensors: source.tensors, values: values)
            return try Model(source: other, description: description)
        }
        // Blocks that run an earlier one's tensors once more have none of their own.
        let own = description.blocks.indices.filter { index in
            index == description.blocks.firstIndex { $0.mixer == description.blocks[index].mixer }
        }
        #expect(Set(own).isSubset(of: firstOwn))
        let windows = randomWindows(3, length: 14, seed: 42)
        let models = [model] + others
        let alone = try collectLogits(Decoder(models: models), windows: windows, scored: 5..<14)
        let decoder = try Decoder(models: models, firstOwnBlocks: [0] + firstOwn)
        // Twice: nothing of the windows before is left.
        _ = try collectLogits(
            decoder, windows: randomWindows(4, length: 14, seed: 43), scored: 5..<14)
        let shared = try collectLogits(decoder, windows: windows, scored: 5..<14)
        #expect(shared == alone, "\(variant), seeds 41, 42, 43")
        for index in others.indices {
            #expect(shared[index + 1] != shared[0], "\(variant): block \(firstOwn[index])")
        }
    }

    @Test("a decoder is used again with other windows")
    func reuse() throws {
        let (model, _) = try randomModel(seed: 61)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 1))
        let long = randomWindows(4, length: 30, seed: 62)
        let short = randomWindows(1, length: 6, seed: 63)
        let before = try collectLogits(decoder, windows: short, scored: 0..<6)
        _ = try collectLogits(decoder, windows: long, scored: 15..<29)
        #expect(try collectLogits(decoder, windows: short, scored: 0..<6) == before)
    }
}
