import Architectures
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Gradients of the divergence from a base model.
@Suite("The way back through a decoder")
struct BackwardTests {
    /// The variants that have a way back.
    private static let variants = DecoderVariant.all.filter {
        DifferentiableDecoder.obstacle(in: $0.decoder) == nil
    }

    /// Two models of one description, and a window with what the base makes of it.
    private struct Case {
        let decoder: DifferentiableDecoder
        let base: Model
        let window = randomWindows(1, length: 14, seed: 83)[0]
        let rows: [Float]

        init(_ description: DecoderDescription, threads: Int = 2) throws {
            let pool = WorkerPool(threadCount: threads)
            base = try randomModel(description, seed: 81).model
            decoder = try DifferentiableDecoder(
                try randomModel(description, seed: 82).model, pool: pool)
            rows = try Decoder(models: [base], products: .ordered, pool: pool)
                .outputRows(of: window)
        }

        func divergence(addingGradients: Bool = false) throws -> Double {
            try decoder.divergence(
                of: window, from: base, rows, addingGradients: addingGradients)
        }

        /// What the divergence gains a step in a direction, by two values.
        func slope(_ direction: [String: [Float]], step: Float) throws -> Double {
            let start = decoder.norms.values
            defer { decoder.norms.values = start }
            func value(_ step: Float) throws -> Double {
                for (name, change) in direction {
                    decoder.norms.values[name] = zip(start[name] ?? [], change).map {
                        $0 + step * $1
                    }
                }
                return try divergence()
            }
            return try (value(step) - value(-step)) / Double(2 * step)
        }
    }

    private static func product(_ a: [String: [Float]], _ b: [String: [Float]]) -> Double {
        a.reduce(0) { sum, entry in
            zip(entry.value, b[entry.key] ?? []).reduce(sum) {
                $0 + Double($1.0) * Double($1.1)
            }
        }
    }

    @Test("most variants have a way back")
    func enough() { #expect(Self.variants.count > 15, "\(Self.variants.count)") }

    @Test("gradients are those of finite differences", arguments: variants)
    func gradients(_ variant: DecoderVariant) throws {
        let own = try Case(variant.decoder)
        let value = try own.divergence(addingGradients: true)
        // The value is that of the decoder's logits.
        let logits = try collectLogits(
            Decoder(models: [own.base, own.decoder.model], pool: WorkerPool(threadCount: 1)),
            windows: [own.window], scored: 0..<14)
        let expected = zip(logits[0], logits[1]).map(divergence).reduce(0, +) / 14
        #expect(abs(value - expected) < 1e-4 * max(1, expected), "\(variant)")
        let gradients = own.decoder.norms.gradients
        // One direction is the gradient itself, the other is random.
        var random = SeededRandom(seed: 84)
        let length = Self.product(gradients, gradients).squareRoot()
        let uphill = gradients.mapValues { $0.map { $0 / Float(length) } }
        let anywhere = gradients.sorted { $0.key < $1.key }.reduce(into: [String: [Float]]()) {
            $0[$1.key] = $1.value.map { _ in random.normal() * 0.3 }
        }
        for direction in [uphill, anywhere] {
            let found = try own.slope(direction, step: 4e-3)
            let told = Self.product(gradients, direction)
            #expect(
                abs(found - told) < 0.02 * abs(told) + 2e-3 * length,
                "\(variant): \(found), \(told)")
        }
    }

    /// The KL divergence of the second row of logits from the first.
    private func divergence(_ base: [Float], _ other: [Float]) -> Double {
        func logarithms(_ logits: [Float]) -> [Double] {
            let top = Double(logits.max() ?? 0)
            let sum = logits.reduce(0) { $0 + exp(Double($1) - top) }
            return logits.map { Double($0) - top - log(sum) }
        }
        return zip(logarithms(base), logarithms(other)).reduce(0) {
            $0 + exp($1.0) * ($1.0 - $1.1)
        }
    }

    @Test("every tensor's gradient is its own")
    func tensors() throws {
        let own = try Case(DecoderVariant.plain)
        _ = try own.divergence(addingGradients: true)
        let gradients = own.decoder.norms.gradients
        #expect(gradients.count == 2 * DecoderVariant.plain.blocks.count + 1)
        for (name, gradient) in gradients {
            let length = Self.product([name: gradient], [name: gradient]).squareRoot()
            #expect(length > 0, "\(name)")
            let found = try own.slope(
                [name: gradient.map { $0 / Float(length) }], step: 4e-3)
            #expect(abs(found - length) < 0.02 * length, "\(name): \(found), \(length)")
        }
    }

    @Test("gradients are the same on every instruction set and number of threads")
    func sameBits() throws {
        func gradients(_ set: InstructionSet, threads: Int) throws -> [String: [UInt32]] {
            try InstructionSet.$current.withValue(set) {
                let own = try Case(DecoderVariant.plain, threads: threads)
                _ = try own.divergence(addingGradients: true)
                return own.decoder.norms.gradients.mapValues { $0.map(\.bitPattern) }
            }
        }
        let expected = try gradients(.best, threads: 1)
        for set in InstructionSet.supported {
            #expect(try gradients(set, threads: 3) == expected, "\(set)")
        }
    }
}
