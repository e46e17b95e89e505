import Architectures
import GGUF
import Inference
import TensorCore
import TestSupport
import Testing

@Suite("Adapters that tokens choose")
struct AdapterTests {
    /// Two adapters of every matrix; tokens 60 and 61 stand for them, with the embeddings of 5 and 6.
    private static var description: DecoderDescription {
        var decoder = DecoderVariant.plain
        decoder.adapterChoice = .init(tokens: [60, 61], substitutes: [5, 6], gain: 15)
        for index in decoder.blocks.indices {
            func adapted(
                _ projection: BlockDescription.Projection
            ) -> BlockDescription.Projection {
                var result = projection
                result.adapters = [
                    .init(
                        first: projection.weight + ".lora_a", second: projection.weight + ".lora_b",
                        count: 3, rank: 4, outputs: 0..<projection.outputs)
                ]
                return result
            }
            let attention = decoder.blocks[index].attention
            decoder.blocks[index].attention.input = attention.input.map(adapted)
            decoder.blocks[index].attention.output = adapted(attention.output)
            guard case .dense(var network) = decoder.blocks[index].feedForward else { continue }
            network.input = network.input.map(adapted)
            network.output = adapted(network.output)
            decoder.blocks[index].feedForward = .dense(network)
        }
        return decoder
    }

    /// The plain decoder with an adapter merged into its matrices.
    private func merged(_ source: RandomSource, adapter: Int) throws -> ReferenceDecoder {
        var values = source.values
        for (number, tensor) in source.tensors.enumerated() {
            guard let first = source.values(of: tensor.name + ".lora_a"),
                let second = source.values(of: tensor.name + ".lora_b"), adapter > 0
            else { continue }
            let inputs = tensor.shape.rowLength
            let outputs = tensor.shape.rowCount
            for output in 0..<outputs {
                for input in 0..<inputs {
                    for short in 0..<4 {
                        values[number][output * inputs + input] +=
                            second[(adapter * outputs + output) * 4 + short]
                            * first[(adapter * 4 + short) * inputs + input]
                    }
                }
            }
        }
        return ReferenceDecoder(
            description: DecoderVariant.plain,
            source: RandomSource(
                metadata: source.metadata, tensors: source.tensors, values: values))
    }

    @Test("a text takes the adapter that its first token stands for", arguments: 0..<3)
    func merged(_ adapter: Int) throws {
        let (model, source) = try randomModel(Self.description, seed: 71)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 1))
        let text =
            [[7, 60, 61][adapter]] + randomWindows(1, length: 9, seed: 72)[0].map { $0 % 50 }
        // Beside a text that takes another.
        let other = [[61, 7, 60][adapter]] + text.dropFirst()
        let found = try collectLogits(decoder, windows: [other, text], scored: 3..<10)[0]
        let reference = try merged(source, adapter: adapter)
        let expected = reference.logits([[7, 5, 6][adapter]] + text.dropFirst())[3...]
        let difference = WorstDifference(
            found[7...].flatMap { $0 }, expected.flatMap { $0.map { Float($0) } })
        #expect(difference.magnitude < 5e-5, "\(difference)")
    }

    @Test("token by token a sequence takes what it takes as a whole", arguments: [false, true])
    func steps(_ isResident: Bool) throws {
        let (model, _) = try randomModel(Self.description, seed: 73)
        let decoder = try StreamDecoder(
            model: model, byteLimit: isResident ? nil : 0, pool: WorkerPool(threadCount: 1))
        // An adapter, another beside it, and tokens before them.
        let text: [Int32] = [3, 9, 60, 4, 12, 61, 8, 30]
        let whole = try decoder.step(
            Batch([
                Stretch(
                    tokens: text, scored: 0..<text.count,
                    sequence: try decoder.makeSequence(capacity: 8))
            ]))
        let sequence = try decoder.makeSequence(capacity: 8)
        var found: [Float] = []
        for token in text {
            found += try decoder.step(
                Batch([Stretch(tokens: [token], scored: 0..<1, sequence: sequence)]))
        }
        #expect(found == whole)
        // Going back means reading again.
        sequence.rewind(to: 3)
        #expect(sequence.count == 0 && decoder.hasRecurrence)
    }
}
