import GGUF
import Quantization
import TensorCore
import TestSupport
import Testing

/// What readers refuse in a file that GGUF itself allows.
@Suite struct ReaderRequirementsTests {
    /// A model that a reader would load, in metadata and shapes.
    struct Model {
        var metadata = Metadata()
        var tensors: [TensorDescription] = []

        init(_ architecture: String = "llama", blocks: Int = 2) throws {
            metadata["general.architecture"] = .string(ByteString(architecture))
            for (key, value) in [
                ("context_length", 64), ("embedding_length", 32), ("block_count", blocks),
                ("attention.head_count", 2),
            ] {
                metadata["\(architecture).\(key)"] = .uint32(UInt32(value))
            }
            metadata["\(architecture).attention.layer_norm_rms_epsilon"] = .float32(1e-5)
            metadata["tokenizer.ggml.model"] = .string("llama")
            metadata["tokenizer.ggml.tokens"] = .strings(["a", "b", "c"])
            metadata["tokenizer.ggml.scores"] = .float32s([0, 0, 0])
            metadata["tokenizer.ggml.token_type"] = .int32s([1, 1, 1])
            metadata["tokenizer.ggml.bos_token_id"] = .uint32(1)
            try add("token_embd.weight", [3, 32])
            for block in 0..<blocks { try add("blk.\(block).attn_q.weight", [32, 32]) }
        }

        mutating func add(_ name: String, _ dimensions: [Int]) throws {
            tensors.append(
                TensorDescription(
                    name: name, shape: try #require(Shape(dimensions)), format: .F32))
        }

        var faults: [ReaderFault] {
            ReaderRequirements(metadata: metadata, tensors: tensors, path: "m.gguf").faults()
        }
    }

    @Test func aSoundModelHasNone() throws {
        #expect(try Model().faults == [])
        var empty = try Model()
        // Tokens without text get one of their own.
        empty.metadata["tokenizer.ggml.tokens"] = .strings(["a", "", ""])
        #expect(empty.faults == [])
        // Nothing is asked of families that are not known.
        #expect(try Model("flux").faults == [])
    }

    /// One value changed, and what must be said about it.
    @Test(
        arguments: [
            ("tokenizer.ggml.tokens", .strings(["a", "b", "a"]), "for tokens 0 and 2"),
            ("tokenizer.ggml.tokens", .strings(["a", "b"]), "3 rows"),
            ("tokenizer.ggml.tokens", nil, "ARRAY[STRING]"),
            ("tokenizer.ggml.scores", .float32s([0]), "one for each token"),
            ("tokenizer.ggml.token_type", .uint32s([1, 1, 1]), "ARRAY[INT32]"),
            ("tokenizer.ggml.model", .string("new"), "that readers know"),
            ("tokenizer.ggml.model", .string("gpt2"), "ARRAY[STRING]"),
            ("tokenizer.ggml.model", nil, "readers of llama end"),
            ("tokenizer.ggml.bos_token_id", .int32(1), "UINT32"),
            ("tokenizer.ggml.add_bos_token", .uint8(1), "BOOL"),
            ("llama.block_count", .uint32(3), "no tensor of block 2"),
            ("llama.block_count", .uint32(1), "tensors of block 1"),
            ("llama.block_count", .uint32(1000), "1 to 512"),
            ("llama.block_count", .uint64(2), "UINT32"),
            ("llama.nextn_predict_layers", .uint32(3), "at most the 2 blocks"),
            ("llama.attention.head_count", .uint32s([2]), "one for each block"),
            ("llama.expert_count", .uint32(4), "1 to the 4 experts"),
            ("llama.expert_used_count", .uint32(2), "0 without experts"),
            ("llama.context_length", nil, "readers of llama end"),
            ("llama.embedding_length", .uint32(999), "the length of a row"),
            ("llama.attention.layer_norm_rms_epsilon", nil, "readers of llama end"),
            ("llama.attention.layer_norm_rms_epsilon", .float64(1e-5), "FLOAT32"),
            ("llama.rope.scaling.type", .string("ntk"), "longrope"),
            ("llama.rope.dimension_count", .uint32(8), "the length of a head"),
            ("general.architecture", nil, "the family's name"),
            ("", .bool(true), "an empty metadata key"),
            ("split.count", .uint32(2), "UINT16"),
        ] as [(String, MetadataValue?, String)])
    func whatReadersRefuseIsFatal(_ key: String, _ value: MetadataValue?, _ words: String) throws {
        var model = try Model()
        model.metadata[key] = value
        let fatal = model.faults.filter(\.isFatal)
        #expect(fatal.contains { $0.description.contains(words) }, "\(fatal)")
    }

    @Test func whatReadersPassOverIsNot() throws {
        var model = try Model()
        model.metadata["tokenizer.ggml.bos_token_id"] = .uint32(3)
        model.metadata["tokenizer.ggml.scores"] = .float32s([0, 0, 0, 0])
        model.metadata["general.alignment"] = .uint32(4)
        model.metadata["general.name"] = .string("My Phi-3")
        #expect(model.faults.count == 4)
        #expect(model.faults.allSatisfy { !$0.isFatal })
    }

    @Test func namesAreShort() throws {
        var model = try Model()
        try model.add(String(repeating: "n", count: 63), [2])
        #expect(model.faults == [])
        try model.add(String(repeating: "n", count: 64), [2])
        #expect(model.faults.map(\.found) == ["a tensor name of 64 bytes"])
    }

    /// Experts where the metadata say, and a window in some block.
    @Test func blocksAreWhatTheMetadataSay() throws {
        var model = try Model("deepseek2", blocks: 3)
        try model.add("blk.1.ffn_gate_inp.weight", [4, 32])
        try model.add("blk.2.ffn_gate_inp.weight", [4, 32])
        func said(_ model: Model) -> [String] {
            ReaderRequirements(metadata: model.metadata, tensors: model.tensors, path: "m.gguf")
                .faults(in: [.blocks]).map(\.found)
        }
        model.metadata["deepseek2.leading_dense_block_count"] = .uint32(1)
        #expect(said(model) == [])
        model.metadata["deepseek2.leading_dense_block_count"] = .uint32(2)
        #expect(said(model) == ["2 and a block 1 with experts"])
        model.metadata["deepseek2.leading_dense_block_count"] = .uint32(0)
        #expect(said(model) == ["0 and a block 0 without experts"])

        var windows = try Model("gpt-oss", blocks: 2)
        #expect(said(windows) == [])
        let key = "gpt-oss.attention.sliding_window_pattern"
        for (pattern, count) in [([true, false], 0), ([false, false], 1)] {
            windows.metadata[key] = .bools(pattern)
            #expect(said(windows).count == count)
        }
    }

    /// Bytes that the reader accepts and others do not: a gap before the last tensor; and a BOOL of 2,
    /// which only an edit reads.
    @Test func bytesOfOneFile() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try Model()
            var metadata = model.metadata
            metadata["llama.attention.causal"] = .bool(true)
            let layout = try GGUFLayout(
                metadata: metadata, tensors: model.tensors, path: folder + "/a.gguf")
            var bytes = layout.header + [UInt8](repeating: 0, count: layout.byteCount)
            try OutputFile.write(bytes, to: folder + "/a.gguf")
            #expect(try GGUFFile(path: folder + "/a.gguf").readerFaults == [])

            let name = Array("llama.attention.causal".utf8)
            let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
            bytes[place + name.count + 4] = 2
            // The last tensor's entry ends with the offset of its data.
            let last = Array("blk.1.attn_q.weight".utf8)
            let entry = try #require(bytes.indices.first { bytes[$0...].starts(with: last) })
            bytes[entry + last.count + 24] &+= 32
            try OutputFile.write(bytes, to: folder + "/b.gguf")
            #expect {
                try GGUFFile(path: folder + "/b.gguf")
            } throws: { ($0 as? GGUFError)?.place == "llama.attention.causal" }
            let file = try GGUFFile(path: folder + "/b.gguf", forRepair: true)
            #expect(file.metadata["llama.attention.causal"] == .bool(true))
            #expect(file.readerFaults.map(\.place) == ["blk.1.attn_q.weight"])
            #expect(file.readerFaults.map(\.isFatal) == [true])
        }
    }
}
