import Architectures
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// A forward pass whose bits depend on neither instruction set nor threads.
@Suite("The decoder with ordered products")
struct OrderedForwardTests {
    @Test("every mechanism gives the same bits everywhere", arguments: DecoderVariant.all)
    func sameBits(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let (model, source) = try randomModel(description, seed: 71)
        let windows = randomWindows(2, length: 14, seed: 72)
        func logits(_ set: InstructionSet, threads: Int) throws -> [Float] {
            try InstructionSet.$current.withValue(set) {
                let decoder = try Decoder(
                    models: [model], products: .ordered, pool: WorkerPool(threadCount: threads))
                return try collectLogits(decoder, windows: windows, scored: 0..<14)[0]
                    .flatMap { $0 }
            }
        }
        let found = try logits(.best, threads: 1)
        let reference = ReferenceDecoder(description: description, source: source)
        let expected = windows.flatMap { reference.logits($0) }.flatMap { $0.map { Float($0) } }
        let difference = WorstDifference(found, expected)
        #expect(difference.magnitude < 5e-5, "\(variant): \(difference), seeds 71, 72")
        // The scalar set takes the kernels of the baseline.
        for (index, set) in InstructionSet.supported.filter({ $0 != .scalar }).enumerated() {
            let threads = index % 2 == 0 ? 3 : 1
            let other = try logits(set, threads: threads)
            #expect(
                other.map(\.bitPattern) == found.map(\.bitPattern),
                "\(variant), \(set), \(threads) threads, seeds 71, 72")
        }
    }

    @Test("windows that are run together give what each gives alone")
    func batches() throws {
        let (model, _) = try randomModel(seed: 73)
        let decoder = try Decoder(
            models: [model], products: .ordered, pool: WorkerPool(threadCount: 2))
        let windows = randomWindows(5, length: 140, seed: 74)
        let together = try collectLogits(decoder, windows: windows, scored: 0..<140)[0]
        for (index, window) in windows.enumerated() {
            let alone = try collectLogits(decoder, windows: [window], scored: 0..<140)[0]
            #expect(Array(together[index * 140..<(index + 1) * 140]) == alone, "window \(index)")
        }
    }
}
