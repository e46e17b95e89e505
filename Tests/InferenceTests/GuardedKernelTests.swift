import CKernels
import Quantization
import TestSupport
import Testing

/// Kernels of the decoder touch their rows and nothing beside them, at every length, and take any number.
@Suite("Kernels of the decoder beside guarded pages")
struct GuardedKernelTests {
    private typealias Memory = GuardedMemory<Float>
    private static let kinds: [[Float]] = [
        [], [.nan], [.infinity, -.infinity], [.leastNonzeroMagnitude, -0x1p-133],
        [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e-38],
    ]

    /// Ordinary numbers with a few of a kind between them.
    private func numbers(_ count: Int, kind: [Float], seed: UInt64) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in
            let (value, chance, choice) = (random.normal(), random.unit(), random.next())
            return kind.isEmpty || chance > 0.2 ? value : kind[Int(choice % UInt64(kind.count))]
        }
    }

    /// A kernel over a row and a partner of the same length.
    private struct Kernel: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let run: @Sendable (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void

        init(
            _ name: String,
            _ run:
                @escaping @Sendable (
                    UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int
                ) -> Void
        ) {
            testDescription = name
            self.run = run
        }
    }

    private static let kernels = [
        Kernel("rms_norm") { ingot_rms_norm($0, $1, 1e-5, $2, $0) },
        Kernel("layer_norm") { ingot_layer_norm($0, $1, $1, 1e-5, $2, $0) },
        Kernel("add") { ingot_add($0, $1, $2) },
        Kernel("add_scaled") { ingot_add_scaled($0, $1, 0.3, $2) },
        Kernel("scale") { row, _, count in ingot_scale(row, 0.3, count) },
        Kernel("soft_cap") { row, _, count in ingot_soft_cap(row, 30, count) },
        Kernel("rotate_interleaved") { ingot_rotate_interleaved($0, $1, $1, $2 / 2) },
        Kernel("rotate_halves") { ingot_rotate_halves($0, $1, $1, $2 / 2) },
        Kernel("softmax") { row, _, count in ingot_softmax(row, count, -.infinity) },
        Kernel("softmax with a sink") { row, _, count in ingot_softmax(row, count, 0.5) },
        Kernel("silu") { ingot_silu($0, $1, $2) },
        Kernel("gelu_tanh") { ingot_gelu_tanh($0, $1, $2) },
        Kernel("gelu") { ingot_gelu($0, $1, $2) },
        Kernel("relu") { ingot_relu($0, $1, $2) },
        Kernel("relu_squared") { ingot_relu_squared($0, $1, $2) },
        Kernel("silu alone") { row, _, count in ingot_silu(row, nil, count) },
        Kernel("silu_slope") { row, _, count in ingot_silu_slope(row, count) },
        Kernel("gelu_tanh_slope") { row, _, count in ingot_gelu_tanh_slope(row, count) },
        Kernel("gelu_slope") { row, _, count in ingot_gelu_slope(row, count) },
        Kernel("clamped_swiglu") { ingot_clamped_swiglu($0, $1, 1.7, 7, $2) },
        Kernel("xielu") { ingot_xielu($0, $1, 0.8, 0.8, 0.5, -1e-6, $2) },
        Kernel("logits") { row, partner, count in
            var state = ingot_logits_state(sum: 0, maximum: -.infinity, top: -1)
            ingot_logits_add(&state, row, 0, count)
            partner[0] = Float(state.sum)
            row[0] = Float(ingot_logits_cross(row, partner, state.maximum, count))
        },
    ]

    @Test("Rows of every length", arguments: kernels)
    private func rows(kernel: Kernel) {
        for count in Array(1...70) + [127, 128, 129, 255, 257] {
            for (index, kind) in Self.kinds.enumerated() {
                let values = numbers(count, kind: kind, seed: UInt64(count))
                let others = numbers(count, kind: kind, seed: UInt64(count + 1000))
                // The same on plain memory, with the scalar reference's order of operations.
                var (plain, partner) = (values, others)
                kernel.run(&plain, &partner, count)
                for edge in Memory.Edge.allCases {
                    let (row, other) = (Memory(values, edge: edge), Memory(others, edge: edge))
                    kernel.run(row.base, other.base, count)
                    let isEqual = zip(row.values, plain).allSatisfy {
                        $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
                    }
                    #expect(isEqual, "\(count) numbers of kind \(index), \(edge)")
                    #expect(
                        ingot_all_finite(row.base, count) == row.values.allSatisfy(\.isFinite))
                }
            }
        }
    }

    @Test("Cached keys and values", arguments: [INGOT_CACHE_F32, INGOT_CACHE_F16, INGOT_CACHE_Q8])
    func attention(type: ingot_cache_type) {
        for (length, positions) in [(32, 1), (64, 17), (96, 33), (128, 48)] {
            for kind in Self.kinds {
                let tiles = (positions + 15) / 16
                for set in InstructionSet.supported {
                    var scores: [[Float]] = []
                    for edge in Memory.Edge.allCases {
                        let byteEdge: GuardedMemory<UInt8>.Edge =
                            edge == .behind ? .behind : .before
                        let keys = GuardedMemory<UInt8>(
                            count: tiles * ingot_cache_tile_bytes(type, length), edge: byteEdge)
                        let values = GuardedMemory<UInt8>(
                            count: positions * ingot_cache_value_bytes(type, length), edge: byteEdge
                        )
                        for position in 0..<positions {
                            let vector = Memory(
                                numbers(length, kind: kind, seed: UInt64(position)), edge: edge)
                            ingot_cache_put_key(
                                type, vector.base, length, position % 16,
                                keys.base + position / 16 * ingot_cache_tile_bytes(type, length))
                            ingot_cache_put_values(
                                type, vector.base, length,
                                values.base + position * ingot_cache_value_bytes(type, length))
                        }
                        let query = Memory(numbers(length, kind: [], seed: 77), edge: edge)
                        let weights = Memory(count: 16 * tiles, edge: edge)
                        var queries: [UnsafePointer<Float>] = [UnsafePointer(query.base)]
                        ingot_attention_scores(
                            set.isa, type, keys.base, length, tiles, &queries, 1, 0.1, weights.base,
                            16 * tiles)
                        let result = Memory(count: length, edge: edge)
                        var results: [UnsafeMutablePointer<Float>] = [result.base]
                        ingot_attention_mix(
                            set.isa, type, values.base, length, positions, weights.base, 16 * tiles,
                            &results, 1)
                        scores.append(
                            Array(weights.values.prefix(positions)) + result.values)
                    }
                    let isEqual = zip(scores[0], scores[1]).allSatisfy {
                        $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
                    }
                    #expect(isEqual, "\(length) × \(positions) on \(set)")
                }
            }
        }
    }
}
