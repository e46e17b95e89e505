import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// What the counts of a family say about its blocks, at and beside each limit.
@Suite struct BlockRequirementsTests {
    private typealias Model = ReaderRequirementsTests.Model

    /// What is found wrong with the blocks of a model with some of its values set.
    private func found(
        _ architecture: String, blocks: Int = 2, _ entries: [String: MetadataValue],
        routed: [Int] = [], without: [Int] = []
    ) throws -> [String] {
        var model = try Model(architecture, blocks: blocks)
        for (key, value) in entries { model.metadata["\(architecture).\(key)"] = value }
        for block in routed { try model.add("blk.\(block).ffn_gate_inp.weight", [4, 32]) }
        model.tensors.removeAll { tensor in without.contains { tensor.name.hasPrefix("blk.\($0).") }
        }
        return ReaderRequirements(metadata: model.metadata, tensors: model.tensors, path: "m.gguf")
            .faults(in: [.blocks]).map(\.found)
    }

    private static let pattern = "attention.sliding_window_pattern"
    private static let window = "attention.sliding_window"
    private static let none = ["no block with a sliding window"]

    /// A period of 1 gives no block a window, 0 all of them, and any other at least the first.
    @Test(arguments: [(0, true), (1, false), (2, true), (3, true)], [1, 2, 3])
    func aPeriodGivesWindows(_ period: (UInt32, Bool), blocks: Int) throws {
        #expect(
            try found("gpt-oss", blocks: blocks, [Self.pattern: .uint32(period.0)])
                == (period.1 ? [] : Self.none))
        // A family that does without.
        #expect(try found("gemma3", blocks: blocks, [Self.pattern: .uint32(period.0)]) == [])
        #expect(
            try found(
                "gemma3", blocks: blocks,
                [Self.pattern: .uint32(period.0), Self.window: .uint32(8)])
                == (period.1 ? [] : Self.none))
    }

    @Test func windowsAreNeededWhereTheFamilyHasThem() throws {
        // The first of every four blocks sees everything.
        #expect(try found("laguna", blocks: 1, [Self.window: .uint32(8)]) == Self.none)
        #expect(try found("laguna", blocks: 2, [Self.window: .uint32(8)]) == [])
        #expect(try found("laguna", blocks: 1, [Self.window: .uint32(0)]) == [])
        #expect(try found("laguna", blocks: 1, [:]) == [])
        let full: MetadataValue = .bools([false, false])
        // A window of its own length, unless it is said to have none.
        #expect(try found("llama4", [Self.pattern: full]) == Self.none)
        #expect(try found("llama4", [Self.pattern: full, Self.window: .uint32(0)]) == [])
        #expect(try found("llama", [Self.pattern: full, Self.window: .uint32(8)]) == [])
        // Encoders keep no keys.
        #expect(try found("modern-bert", [Self.pattern: full, Self.window: .uint32(8)]) == [])
        // A block that predicts further tokens is none of those asked.
        let late: MetadataValue = .bools([false, true])
        #expect(try found("gpt-oss", [Self.pattern: late]) == [])
        #expect(
            try found("gpt-oss", [Self.pattern: late, "nextn_predict_layers": .uint32(1)])
                == Self.none)
    }

    @Test func blocksAreThereUnlessTheyPredictFurther() throws {
        let further: [String: MetadataValue] = ["nextn_predict_layers": .uint32(1)]
        #expect(try found("llama", [:], without: [1]) == ["2 and no tensor of block 1"])
        #expect(try found("llama", [:], without: [0]) == ["2 and no tensor of block 0"])
        #expect(try found("llama", further, without: [1]) == [])
        #expect(try found("llama", further, without: [0]) == [])
        #expect(
            try found("llama", blocks: 3, further, without: [1]) == ["3 and no tensor of block 1"])
        #expect(try found("llama", ["nextn_predict_layers": .uint32(2)]) == [])
        // One of a table alone has no blocks to miss.
        #expect(try found("llama", [:], without: [0, 1]) == [])
        #expect(try found("llama", blocks: 512, [:]) == [])
        // Numbers that nothing follows, and that no integer holds.
        for (number, count) in [("9223372036854775807", 1), ("9223372036854775808", 0)] {
            var model = try Model()
            try model.add("blk.\(number).attn_q.weight", [32, 32])
            #expect(model.faults.count == count)
        }
    }

    @Test func arraysHaveAnElementForEachBlock() throws {
        for suffix in [
            "feed_forward_length", "attention.head_count_kv", "expert_feed_forward_length",
        ] {
            #expect(try found("llama", [suffix: .uint32s([1, 2])]) == [])
            #expect(try found("llama", [suffix: .uint32s([1])]) == ["1 elements"])
            #expect(try found("llama", [suffix: .uint32s([1, 2, 3])]) == ["3 elements"])
        }
        #expect(
            try found("llama", ["attention.recurrent_layers": .bools([true])]) == ["1 elements"])
    }

    @Test func expertsAreCounted() throws {
        func experts(_ count: UInt32, used: MetadataValue?, _ architecture: String = "llama") throws
            -> [String]
        {
            var entries: [String: MetadataValue] = ["expert_count": .uint32(count)]
            if let used { entries["expert_used_count"] = used }
            return try found(architecture, entries)
        }
        #expect(try experts(1024, used: .uint32(1024)) == [])
        #expect(try experts(1025, used: .uint32(1)) == ["1025"])
        #expect(try experts(4, used: .uint32s([1, 4])) == [])
        #expect(try experts(4, used: .uint32s([1, 5])) == ["5"])
        #expect(try experts(4, used: .uint32(0)) == ["0"])
        #expect(try experts(0, used: .uint32(0)) == [])
        #expect(try experts(1, used: nil, "hunyuan-dense") == [])
    }

    /// Groups, and groups used, of eight experts: whether both are what readers take.
    @Test(
        arguments: [
            (0, 0, true), (1, 0, true), (1, 1, true), (2, 1, true), (2, 0, false), (2, 2, false),
            (3, 1, false), (4, 1, true), (4, 3, true), (4, 4, false), (7, 1, false), (8, 1, false),
            (16, 1, false),
        ])
    func groupsDivideTheExperts(_ groups: Int, _ used: Int, _ isSound: Bool) throws {
        let entries: [String: MetadataValue] = [
            "expert_count": .uint32(8), "expert_used_count": .uint32(2),
            "expert_group_count": .uint32(UInt32(groups)),
            "expert_group_used_count": .uint32(UInt32(used)),
        ]
        #expect(try found("llama", entries).isEmpty == isSound)
    }

    /// Experts in every second block, and in those behind the dense ones.
    @Test func expertsAreWhereTheCountsSay() throws {
        let key = "interleave_moe_layer_step"
        func said(_ architecture: String, _ entries: [String: UInt32], routed: [Int]) throws
            -> [String]
        {
            try found(architecture, blocks: 4, entries.mapValues { .uint32($0) }, routed: routed)
        }
        #expect(try said("llama4", [key: 2], routed: [1, 3]) == [])
        #expect(try said("llama4", [key: 1], routed: [0, 1, 2, 3]) == [])
        #expect(try said("llama4", [key: 2], routed: [1]) == ["2 and a block 3 without experts"])
        #expect(
            try said("llama4", [key: 2], routed: [1, 2, 3]) == ["2 and a block 2 with experts"])
        #expect(try said("llama4", [key: 0], routed: [1]) == ["0 and a block 1 with experts"])
        #expect(try said("llama4", [:], routed: [1]) == [])
        #expect(try said("llama4", [key: 4], routed: []) == [])
        let counted: [String: UInt32] = ["expert_count": 4, "expert_used_count": 1]
        #expect(
            try said("deepseek2", counted, routed: []) == ["0 and a block 0 without experts"])
        #expect(try said("deepseek2", [:], routed: []) == [])
        // With a step the first blocks say nothing.
        #expect(try said("ernie4_5-moe", [key: 2], routed: [3]) == [])
        #expect(
            try said("ernie4_5-moe", [key: 1], routed: [3]) == ["0 and a block 0 without experts"])
        #expect(try said("llama", [key: 2], routed: [0]) == [])
    }
}

/// Keys and lists of the tokenizer, at and beside each limit.
@Suite struct VocabularyRequirementsTests {
    private func faults(
        _ architecture: String = "llama",
        _ change: (inout ReaderRequirementsTests.Model) throws -> Void
    ) throws -> [String] {
        var model = try ReaderRequirementsTests.Model(architecture)
        try change(&model)
        return model.faults.map {
            "\($0.place ?? ""): \($0.found)\($0.isFatal ? "" : " (passed over)")"
        }
    }

    @Test func listsHaveAnElementForEachToken() throws {
        func scores(_ count: Int) throws -> [String] {
            try faults {
                $0.metadata["tokenizer.ggml.scores"] = .float32s(
                    [Float](repeating: 0, count: count))
            }
        }
        let key = "tokenizer.ggml.scores"
        #expect(try scores(2) == ["\(key): 2 elements"])
        #expect(try scores(3) == [])
        #expect(try scores(4) == ["\(key): 4 elements (passed over)"])
        #expect(try faults { $0.metadata["tokenizer.ggml.bos_token_id"] = .uint32(2) } == [])
        #expect(
            try faults { $0.metadata["tokenizer.ggml.bos_token_id"] = .uint32(3) }
                == ["tokenizer.ggml.bos_token_id: token 3 (passed over)"])
        #expect(try faults { $0.metadata["tokenizer.ggml.suppress_tokens"] = .int32s([1]) } == [])
        #expect(
            try faults { $0.metadata["tokenizer.ggml.suppress_tokens"] = .uint32s([1]) }.count == 1)
    }

    @Test func mergesGoWithModelsThatHaveThem() throws {
        func merges(_ model: String, _ value: MetadataValue?, pre: String = "default") throws -> Int
        {
            try faults {
                $0.metadata["tokenizer.ggml.model"] = .string(ByteString(model))
                $0.metadata["tokenizer.ggml.pre"] = .string(ByteString(pre))
                $0.metadata["tokenizer.ggml.merges"] = value
            }.count
        }
        #expect(try merges("gpt2", nil) == 1)
        #expect(try merges("gpt2", .uint32(1)) == 1)
        #expect(try merges("gpt2", .strings(["a b"])) == 0)
        #expect(try merges("gpt2", nil, pre: "kimi-k2") == 0)
        #expect(try merges("gemma4", nil, pre: "kimi-k2") == 1)
        #expect(try merges("llama", nil) == 0)
    }

    /// The map begins with the length of its first part, which something follows.
    @Test(
        arguments: [
            ([0, 0, 0, 0, 1], true), ([1, 0, 0, 0, 1], false), ([1, 0, 0, 0, 1, 2], true),
            ([2, 0, 0, 0, 1, 2], false), ([0, 1, 0, 0, 1, 2], false), ([0, 0, 0, 0], false),
            ([0, 0, 0], false),
        ] as [([UInt8], Bool)])
    func mapsOfCharactersAreWhole(_ bytes: [UInt8], isSound: Bool) throws {
        func count(_ model: String, _ value: MetadataValue) throws -> Int {
            try faults {
                $0.metadata["tokenizer.ggml.model"] = .string(ByteString(model))
                $0.metadata["tokenizer.ggml.precompiled_charsmap"] = value
            }.count
        }
        #expect(try count("t5", .uint8s(bytes)) == (isSound ? 0 : 1))
        #expect(try count("t5", .int8s(bytes.map { Int8(bitPattern: $0) })) == (isSound ? 0 : 1))
        #expect(try count("llama", .uint8s(bytes)) == 0)
    }

    @Test func tablesHaveARowForEachToken() throws {
        #expect(try faults { try $0.add("output.weight", [3, 32]) } == [])
        #expect(try faults { try $0.add("output.weight", [4, 32]) } == ["output.weight: 4 rows"])
        // A table of one row may have lost its dimension.
        #expect(try faults { try $0.add("output.weight", [32]) } == ["output.weight: 1 rows"])
        // Without a tokenizer the number stands by itself, or nowhere.
        func untold(_ model: String, _ size: UInt32?) throws -> [String] {
            try faults {
                $0.metadata["tokenizer.ggml.model"] = .string(ByteString(model))
                $0.metadata["llama.vocab_size"] = size.map { .uint32($0) }
            }
        }
        for model in ["no_vocab", "none"] {
            #expect(try untold(model, 3) == [])
            #expect(try untold(model, 4) == ["token_embd.weight: 3 rows"])
            #expect(try untold(model, nil) == [])
        }
    }

    @Test func phi3HasItsTokens() throws {
        let name = "general.name"
        let tokens: [ByteString] = ["</s>", "<unk>", "<s>", "<|endoftext|>"]
        func named(_ text: String, _ tokens: [ByteString]) throws -> [String] {
            try faults {
                $0.metadata[name] = .string(ByteString(text))
                $0.metadata["tokenizer.ggml.tokens"] = .strings(ByteStrings(tokens))
                for key in ["scores", "token_type"] { $0.metadata["tokenizer.ggml.\(key)"] = nil }
                $0.tensors.removeAll { $0.name == "token_embd.weight" }
            }
        }
        for text in ["Phi-3 mini", "my phi3"] {
            #expect(try named(text, tokens) == [])
            #expect(try named(text, ["</s>", "<unk>", "<s>"]).count == 1)
        }
        #expect(try named("Phi-2", ["a", "b", "c"]) == [])
    }

    @Test func keysAreThoseOfTheFamily() throws {
        let window = "gpt-oss.attention.sliding_window"
        func windowed(_ value: UInt32) throws -> Bool {
            try faults("gpt-oss") { $0.metadata[window] = .uint32(value) }.contains {
                $0.hasPrefix(window)
            }
        }
        #expect(try windowed(0))
        #expect(try !windowed(1))
        // The length of a head, as it is told or as the width has it; without heads nothing is said.
        func rotated(_ length: UInt32, heads: UInt32 = 2, told: UInt32? = nil) throws -> Int {
            try faults {
                $0.metadata["llama.rope.dimension_count"] = .uint32(length)
                $0.metadata["llama.attention.head_count"] = .uint32(heads)
                $0.metadata["llama.attention.key_length"] = told.map { .uint32($0) }
            }.count
        }
        #expect(try rotated(16) == 0)
        #expect(try rotated(15) == 1)
        #expect(try rotated(15, told: 15) == 0)
        #expect(try rotated(15, heads: 0) == 0)
        // An importance matrix has no family; a model of blocks must have one.
        func nameless(_ kind: String?, tensor: String?) throws -> Int {
            try faults {
                $0.metadata["general.architecture"] = nil
                $0.metadata["general.type"] = kind.map { .string(ByteString($0)) }
                $0.metadata["tokenizer.ggml.model"] = nil
                if let tensor { try $0.add(tensor, [2]) }
            }.count
        }
        #expect(try nameless(nil, tensor: nil) == 1)
        #expect(try nameless("model", tensor: nil) == 1)
        #expect(try nameless("adapter", tensor: nil) == 0)
        #expect(try nameless(nil, tensor: "blk.0.attn_q.weight.in_sum2") == 0)
        // A family that needs an output matrix, unless another model has it.
        #expect(try faults("olmo2") { _ in } == ["output.weight: no such tensor"])
        #expect(try faults("olmo2") { $0.metadata["general.type"] = .string("adapter") } == [])
        // Adapters have what they are made for.
        #expect(
            try faults {
                $0.metadata["general.type"] = .string("adapter")
                $0.metadata["llama.context_length"] = nil
            } == [])
    }
}
