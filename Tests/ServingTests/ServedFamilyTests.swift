import GGUF
import Inference
import Quantization
import Serving
import TensorCore
import TestSupport
import Testing

/// Models that keep something else than keys and values, in slots: a recurrence cannot go back to a
/// prefix, and latent rows stand for all heads.
@Suite(.timeLimit(.minutes(20))) struct ServedFamilyTests {
    struct Family: Sendable, CustomStringConvertible {
        let description: String
        let sizes: [(key: String, value: UInt32)]
        /// Tensors of every block, and what stands in the middle of their values and how far they
        /// lie apart.
        let tensors: [(name: String, shape: [Int], center: Float, spread: Float)]
    }

    private static let mamba = Family(
        description: "mamba",
        sizes: [
            ("ssm.conv_kernel", 4), ("ssm.inner_size", 64), ("ssm.state_size", 8),
            ("ssm.time_step_rank", 4),
        ],
        tensors: [
            ("attn_norm.weight", [32], 1, 0.1), ("ssm_in.weight", [128, 32], 0, 0.3),
            ("ssm_conv1d.weight", [64, 4], 0, 0.4), ("ssm_conv1d.bias", [64], 0, 0.3),
            ("ssm_x.weight", [20, 64], 0, 0.2), ("ssm_dt.weight", [64, 4], 0, 0.5),
            ("ssm_dt.bias", [64], 0, 0.3), ("ssm_a", [64, 8], -0.5, 0.1), ("ssm_d", [64], 0, 0.5),
            ("ssm_out.weight", [32, 64], 0, 0.2),
        ])
    private static let latent = Family(
        description: "deepseek2",
        sizes: [
            ("feed_forward_length", 48), ("leading_dense_block_count", 2),
            ("attention.head_count", 2), ("attention.head_count_kv", 1),
            ("attention.q_lora_rank", 12), ("attention.kv_lora_rank", 24),
            ("attention.key_length", 32), ("attention.value_length", 24),
            ("attention.key_length_mla", 16), ("attention.value_length_mla", 16),
            ("rope.dimension_count", 8),
        ],
        tensors: [
            ("attn_norm.weight", [32], 1, 0.1), ("attn_q_a.weight", [12, 32], 0, 0.3),
            ("attn_q_a_norm.weight", [12], 1, 0.1), ("attn_q_b.weight", [32, 12], 0, 0.4),
            ("attn_kv_a_mqa.weight", [32, 32], 0, 0.3), ("attn_kv_a_norm.weight", [24], 1, 0.1),
            ("attn_k_b.weight", [2, 24, 8], 0, 0.3), ("attn_v_b.weight", [2, 16, 24], 0, 0.3),
            ("attn_output.weight", [32, 32], 0, 0.3), ("ffn_norm.weight", [32], 1, 0.1),
            ("ffn_gate.weight", [48, 32], 0, 0.3), ("ffn_up.weight", [48, 32], 0, 0.3),
            ("ffn_down.weight", [32, 48], 0, 0.3),
        ])

    /// Beginnings in common, of different lengths, and texts that another's is a part of.
    private static let prompts = [
        "Once upon a time there was a river", "Once upon a time there was", "Once upon a time",
        "The first of them", "Once upon a time there was a river that had no name",
        "The first of them, and the second of them, and the third of them, and all the others",
    ]

    @Test("Texts are the same alone, again and beside each other", arguments: [mamba, latent])
    func parallelIsSerial(_ family: Family) async throws {
        let server = try TestServer(source: SeededSource(family))
        func text(_ index: Int) async -> String? {
            let prompt = Self.prompts[index % Self.prompts.count]
            return await server.complete(
                "\"prompt\": \"\(prompt)\", \"max_tokens\": \(6 + index % 5), \"seed\": \(index),"
                    + "\"ignore_eos\": true"
            ).completion
        }
        let indices = 0..<2 * Self.prompts.count
        var texts: [String?] = []
        for index in indices { texts.append(await text(index)) }
        let alone = texts
        #expect(Set(alone.compactMap { $0 }).count > Self.prompts.count)
        for index in indices.reversed() { #expect(await text(index) == alone[index]) }
        await withTaskGroup(of: (Int, String?).self) { group in
            for _ in 0..<2 { for index in indices { group.addTask { (index, await text(index)) } } }
            // Texts that are given up between the others.
            for index in indices {
                group.addTask {
                    let abandoned = Task { await text(index) }
                    abandoned.cancel()
                    return (index, await abandoned.value ?? alone[index])
                }
            }
            for await (index, text) in group { #expect(text == alone[index], "\(family) \(index)") }
        }
    }
}

/// A small model of a family, its values drawn from a seed.
private struct SeededSource: TensorSource {
    let path = "seeded"
    var metadata = Metadata()
    var tensors: [TensorDescription] = []
    let files: [InputFile] = []
    private var values: [[Float]] = []
    private var random = SeededRandom(seed: 7)

    init(_ family: ServedFamilyTests.Family) throws {
        let name = family.description
        metadata["general.architecture"] = .string(ByteString(name))
        let common: [(String, UInt32)] = [
            ("block_count", 2), ("context_length", 256), ("embedding_length", 32),
        ]
        for (key, value) in common + family.sizes { metadata["\(name).\(key)"] = .uint32(value) }
        metadata["\(name).attention.layer_norm_rms_epsilon"] = .float32(1e-5)
        try add("token_embd.weight", [TestServer.vocabularyCount, 32], center: 0, spread: 1)
        try add("output_norm.weight", [32], center: 1, spread: 0.1)
        for block in 0..<2 {
            for tensor in family.tensors {
                try add(
                    "blk.\(block).\(tensor.name)", tensor.shape, center: tensor.center,
                    spread: tensor.spread)
            }
        }
    }

    private mutating func add(
        _ name: String, _ dimensions: [Int], center: Float, spread: Float
    ) throws {
        let shape = try #require(Shape(dimensions))
        tensors.append(TensorDescription(name: name, shape: shape, format: .F32))
        values.append((0..<shape.elementCount).map { _ in center + spread * random.normal() })
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let length = tensors[tensor].shape.rowLength
        let part = values[tensor][rows.lowerBound * length..<rows.upperBound * length]
        for (offset, value) in part.enumerated() { destination[offset] = value }
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let length = tensors[tensor].shape.rowLength
        values[tensor][rows.lowerBound * length..<rows.upperBound * length].withUnsafeBytes {
            destination.copyMemory(from: $0)
        }
    }
}
