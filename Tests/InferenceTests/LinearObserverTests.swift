import Architectures
import GGUF
import Inference
import Synchronization
import TensorCore
import TestSupport
import Testing

/// Everything that an observer was told.
private final class Observed: Sendable {
    struct Key: Hashable {
        var tensor: String
        var part: Int?
    }

    let rows = Mutex<[Key: [[Float]]]>([:])

    init(_ decoder: Decoder, windows: [[Int32]], includingOutput: Bool = false) throws {
        try decoder.observe(Batch(windows: windows), includingOutput: includingOutput) { input in
            let values = (0..<input.rowCount).map { Array(input.row($0)) }
            for tensor in input.tensors {
                self.rows.withLock {
                    $0[Key(tensor: tensor, part: input.part), default: []] += values
                }
            }
        }
    }

    func rows(_ tensor: String, part: Int? = nil) -> [[Float]] {
        rows.withLock { $0[Key(tensor: tensor, part: part)] ?? [] }
    }
}

@Suite("The observer of linear layers")
struct LinearObserverTests {
    @Test("every matrix of every block is told all tokens, rows of its length", arguments: [1, 3])
    func completeness(_ threadCount: Int) throws {
        let variant = try #require(
            DecoderVariant.all.first { $0.description.hasPrefix("experts, gated shared") })
        let (model, source) = try randomModel(variant.decoder, seed: 81)
        let windows = randomWindows(3, length: 11, seed: 82)
        let observed = try Observed(
            Decoder(models: [model], pool: WorkerPool(threadCount: threadCount)), windows: windows,
            includingOutput: true)
        for tensor in source.tensors
        where tensor.shape.rank == 2 && tensor.name != "token_embd.weight" {
            let rows = observed.rows(tensor.name)
            #expect(rows.count == 33, "\(tensor.name)")
            #expect(rows.allSatisfy { $0.count == tensor.shape.rowLength }, "\(tensor.name)")
        }
        // Each token takes two of six experts.
        for tensor in source.tensors where tensor.shape.rank == 3 {
            let parts = (0..<6).map { observed.rows(tensor.name, part: $0) }
            #expect(parts.reduce(0) { $0 + $1.count } == 66, "\(tensor.name)")
            #expect(
                parts.joined().allSatisfy { $0.count == tensor.shape.rowLength }, "\(tensor.name)")
        }
    }

    @Test("the rows are the layer's input")
    func values() throws {
        let (model, source) = try randomModel(seed: 83)
        let windows = randomWindows(2, length: 6, seed: 84)
        let observed = try Observed(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)), windows: windows)
        let reference = ReferenceDecoder(description: model.description, source: source)
        let embeddings = reference.values("token_embd.weight")
        let expected = windows.joined().map { token in
            reference.normalise(
                Array(embeddings[Int(token) * 32..<Int(token + 1) * 32]),
                model.description.blocks[0].attentionNorm)
        }
        for part in ["attn_q", "attn_k", "attn_v"] {
            let found = observed.rows("blk.0.\(part).weight").flatMap { $0 }
            let difference = WorstDifference(found, expected.joined().map { Float($0) })
            #expect(difference.magnitude < 1e-5, "\(part): \(difference)")
        }
    }

    @Test("the matrices of values of latent attention are told what comes of attention")
    func latentValues() throws {
        let variant = try #require(
            DecoderVariant.all.first { $0.description == "latent rows, matrices apart" })
        let (model, source) = try randomModel(variant.decoder, seed: 87)
        let attention = model.description.blocks[0].attention
        let rank = try #require(attention.latent?.rank)
        let observed = try Observed(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)),
            windows: randomWindows(2, length: 7, seed: 88))
        let name = "blk.0.attn_output.weight"
        let results = observed.rows(name)
        let matrices = try #require(source.values(of: name + ".v_b"))
        for head in 0..<attention.headCount {
            let mixtures = observed.rows(name + ".v_b", part: head)
            #expect(mixtures.count == 14 && results.count == 14)
            for (mixture, result) in zip(mixtures, results) {
                let made = (0..<attention.valueLength).map { output in
                    let start = (head * attention.valueLength + output) * rank
                    return zip(matrices[start..<start + rank], mixture)
                        .reduce(Float(0)) { $0 + $1.0 * $1.1 }
                }
                let first = head * attention.valueLength
                let difference = WorstDifference(
                    made, Array(result[first..<first + attention.valueLength]))
                #expect(difference.magnitude < 1e-5, "\(head): \(difference)")
            }
        }
    }

    @Test("an expert is told the rows that its tokens have in common with the router")
    func experts() throws {
        let variant = try #require(DecoderVariant.all.first { $0.description == "experts" })
        let (model, _) = try randomModel(variant.decoder, seed: 85)
        let observed = try Observed(
            Decoder(models: [model], pool: WorkerPool(threadCount: 2)),
            windows: randomWindows(2, length: 9, seed: 86))
        let name = "blk.1.attn_output.weight.experts"
        let all = Set(observed.rows(name + ".router"))
        #expect(all.count == 18)
        for expert in 0..<6 {
            let rows = observed.rows(name + ".gate", part: expert)
            #expect(rows.count == Set(rows).count)
            #expect(all.isSuperset(of: rows))
            #expect(observed.rows(name + ".down", part: expert).count == rows.count)
        }
    }
}
