import GGUF
import Pipeline
import Quantization
import TensorCore
import TestSupport
import Testing

/// What follows from leaving blocks out: counts, arrays, and parts that blocks have by number.
@Suite struct PruningTests {
    /// A model of `count` blocks with nothing in them but a matrix.
    private func source(
        _ architecture: String, count: Int, _ keys: [String: MetadataValue] = [:]
    ) -> MemorySource {
        var source = MemorySource()
        source.metadata["general.architecture"] = .string(ByteString(architecture))
        source.metadata["\(architecture).block_count"] = .uint32(UInt32(count))
        for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
            source.metadata["\(architecture).\(key)"] = value
        }
        for block in 0..<count { source.add("blk.\(block).attn_q.weight", [2, 32]) }
        return source
    }

    private func plan(_ source: MemorySource, without blocks: Set<Int>) throws -> Plan {
        var options = QuantizeOptions()
        options.prunedBlocks = blocks
        return try Plan.quantize(
            source, recipe: .F16, options: options, outputPath: "/tmp/never.gguf")
    }

    @Test func countsOfFirstAndLastBlocksFollow() throws {
        let model = source(
            "deepseek2", count: 6,
            ["leading_dense_block_count": .uint32(2), "nextn_predict_layers": .uint32(1)])
        for (blocks, dense, further) in [([0], 1, 1), ([3], 2, 1), ([0, 1, 5], 0, 0)] {
            let metadata = try plan(model, without: Set(blocks)).metadata
            #expect(
                metadata["deepseek2.leading_dense_block_count"]?.integer == dense, "\(blocks)")
            #expect(metadata["deepseek2.nextn_predict_layers"]?.integer == further, "\(blocks)")
            #expect(metadata["deepseek2.block_count"]?.integer == 6 - blocks.count)
        }
    }

    /// Four sections of rotation are no array of four blocks.
    @Test func onlyArraysOfBlocksAreCut() throws {
        let model = source(
            "qwen2vl", count: 4,
            [
                "rope.dimension_sections": .int32s([1, 2, 3, 0]),
                "attention.head_count": .uint32s([1, 2, 3, 4]),
            ])
        let metadata = try plan(model, without: [1]).metadata
        #expect(metadata["qwen2vl.rope.dimension_sections"] == .int32s([1, 2, 3, 0]))
        #expect(metadata["qwen2vl.attention.head_count"] == .uint32s([1, 3, 4]))
    }

    /// A window in all blocks but every second, third or fourth: written where that has moved.
    @Test(arguments: [
        ("gemma2", 6, [1], [true, true, false, true, false]),
        ("gpt-oss", 4, [0], [false, true, false]),
        ("cohere2", 5, [2], [true, true, false, true]),
        ("modern-bert", 4, [0], [true, true, false]),
        ("gemma3", 8, [5], [true, true, true, true, true, true, true]),
    ])
    func windowsAreWrittenWhereTheyHaveMoved(
        _ architecture: String, _ count: Int, _ blocks: [Int], _ expected: [Bool]
    ) throws {
        let model = source(architecture, count: count, ["attention.sliding_window": .uint32(16)])
        let pruned = try plan(model, without: Set(blocks))
        let key = "\(architecture).attention.sliding_window_pattern"
        #expect(pruned.metadata[key] == .bools(expected))
        #expect(pruned.remarks == [])
    }

    @Test func whatHasNotMovedIsNotWritten() throws {
        let key = "gemma2.attention.sliding_window_pattern"
        let model = source("gemma2", count: 6, ["attention.sliding_window": .uint32(16)])
        #expect(try plan(model, without: [2, 3]).metadata[key] == nil)
        // Without windows there is no pattern, with a pattern of its own there is that.
        let none = source("gemma3", count: 6, [:])
        #expect(
            try plan(none, without: [0]).metadata["gemma3.attention.sliding_window_pattern"] == nil)
        let own = source(
            "gemma3", count: 3,
            [
                "attention.sliding_window": .uint32(16),
                "attention.sliding_window_pattern": .bools([false, true, true]),
            ])
        #expect(
            try plan(own, without: [1]).metadata["gemma3.attention.sliding_window_pattern"]
                == .bools([false, true]))
    }

    @Test func recurrencesAreWrittenWhereTheyHaveMoved() throws {
        let model = source(
            "qwen3next", count: 5,
            ["full_attention_interval": .uint32(2), "nextn_predict_layers": .uint32(1)])
        let key = "qwen3next.attention.recurrent_layers"
        #expect(
            try plan(model, without: [0]).metadata[key] == .bools([false, true, false, false]))
        #expect(try plan(model, without: [0, 1]).metadata[key] == nil)
    }

    @Test(arguments: [
        ("smollm3", 6, [1], "rotate no positions"), ("afmoe", 6, [1], "rotate no positions"),
        ("exaone4", 64, [3], "64 blocks"),
    ])
    func whatNoKeySaysIsSaid(
        _ architecture: String, _ count: Int, _ blocks: [Int], _ words: String
    ) throws {
        let pruned = try plan(source(architecture, count: count), without: Set(blocks))
        #expect(pruned.remarks.count == 1)
        #expect(pruned.remarks.first?.contains(words) == true)
        #expect(pruned.strictProblems(importance: nil).count == 1)
    }

    @Test func whatReadersWouldNotLoadIsRefused() throws {
        func refuses(_ source: MemorySource, _ blocks: Set<Int>, _ words: String) {
            let error = #expect(throws: PipelineError.self) {
                try plan(source, without: blocks)
            }
            #expect(error?.problem.contains(words) == true, "\(error?.description ?? "")")
        }
        let experts = source("llama4", count: 4, ["interleave_moe_layer_step": .uint32(2)])
        refuses(experts, [0], "interleave_moe_layer_step")
        #expect(try plan(experts, without: [0, 1]).metadata["llama4.block_count"]?.integer == 2)
        refuses(source("t5", count: 3), [0], "block 0")
        let shared = source("gemma4", count: 6, ["attention.shared_kv_layers": .uint32(2)])
        refuses(shared, [3], "keys and values")
        #expect(
            try plan(shared, without: [0, 5])
                .metadata["gemma4.attention.shared_kv_layers"]?.integer == 1)
        var tables = source("gemma4", count: 3)
        tables.add("per_layer_token_embd.weight", [4, 96])
        refuses(tables, [1], "per_layer_token_embd.weight")
    }
}
