import Architectures
import GGUF
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// A model of an architecture that GGUF knows, with its metadata.
private func ggufModel(
    _ architecture: String, change: (inout RandomModelBuilder) -> Void = { _ in }
) -> RandomModelBuilder {
    var builder = RandomModelBuilder(seed: 5)
    builder.metadata["general.architecture"] = .string(architecture)
    let numbers: [(String, UInt32)] = [
        ("block_count", 2), ("context_length", 64), ("embedding_length", 32),
        ("feed_forward_length", 48), ("attention.head_count", 4), ("attention.head_count_kv", 2),
    ]
    for (key, value) in numbers { builder.metadata["\(architecture).\(key)"] = .uint32(value) }
    builder.metadata["\(architecture).attention.layer_norm_rms_epsilon"] = .float32(1e-5)
    builder.add("token_embd.weight", [vocabularyCount, 32], spread: 1)
    builder.add("output_norm.weight", [32], spread: 0.1, center: 1)
    for block in 0..<2 {
        let name = "blk.\(block)"
        for (part, outputs, inputs) in [
            ("attn_q", 32, 32), ("attn_k", 16, 32), ("attn_v", 16, 32), ("attn_output", 32, 32),
            ("ffn_gate", 48, 32), ("ffn_up", 48, 32), ("ffn_down", 32, 48),
        ] { builder.add("\(name).\(part).weight", [outputs, inputs], spread: 0.2) }
        for (part, count) in [("attn_norm", 32), ("ffn_norm", 32)] {
            builder.add("\(name).\(part).weight", [count], spread: 0.1, center: 1)
        }
        if architecture == "qwen3" {
            builder.add("\(name).attn_q_norm.weight", [8], spread: 0.1, center: 1)
            builder.add("\(name).attn_k_norm.weight", [8], spread: 0.1, center: 1)
        }
        if architecture == "qwen2" {
            builder.add("\(name).attn_q.bias", [32], spread: 0.3)
            builder.add("\(name).attn_k.bias", [16], spread: 0.3)
            builder.add("\(name).attn_v.bias", [16], spread: 0.3)
        }
    }
    change(&builder)
    return builder
}

@Suite("Models from metadata")
struct ModelTests {
    @Test("architectures run as their descriptions say", arguments: ["llama", "qwen2", "qwen3"])
    func architecture(_ name: String) throws {
        let source = ggufModel(name).source
        let model = try Model(source: source)
        #expect(model.vocabularyCount == vocabularyCount)
        #expect(model.description.output == "token_embd.weight")
        let attention = model.description.blocks[1].attention
        #expect(attention.rotary?.pairing == (name == "llama" ? .interleaved : .halves))
        #expect((attention.queryNorm != nil) == (name == "qwen3"))
        #expect((attention.input[2].bias != nil) == (name == "qwen2"))
        #expect(attention.keyLength == 8)
        let windows = randomWindows(2, length: 9, seed: 3)
        let found = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)), windows: windows,
            scored: 0..<9)[0]
        let reference = ReferenceDecoder(description: model.description, source: source)
        let expected = windows.flatMap { reference.logits($0) }.map { $0.map { Float($0) } }
        let difference = WorstDifference(found.flatMap { $0 }, expected.flatMap { $0 })
        #expect(difference.magnitude < 5e-5, "\(difference)")
    }

    @Test("optional keys and tensors are read")
    func options() throws {
        let source = ggufModel("llama") {
            $0.metadata["llama.rope.freq_base"] = .float32(5000)
            $0.metadata["llama.rope.dimension_count"] = .uint32(4)
            $0.metadata["llama.rope.scaling.type"] = .string("linear")
            $0.metadata["llama.rope.scaling.factor"] = .float32(4)
            $0.metadata["llama.attention.scale"] = .float32(0.5)
            $0.metadata["llama.attention.head_count_kv"] = .int32s([2, 2])
            $0.add("output.weight", [vocabularyCount, 32], spread: 1)
            $0.add("rope_freqs.weight", [2], spread: 0, center: 3)
        }.source
        let description = try Model(source: source).description
        let attention = description.blocks[0].attention
        #expect(description.output == "output.weight")
        #expect(attention.scale == 0.5)
        #expect(attention.rotary?.base == 5000)
        #expect(attention.rotary?.dimensionCount == 4)
        #expect(attention.rotary?.positionScale == 0.25)
        #expect(attention.rotary?.factors == "rope_freqs.weight")
    }

    struct MetadataFault: Sendable, CustomStringConvertible {
        let key: String
        let value: MetadataValue?
        var description: String { "\(key) = \(value.map { "\($0)" } ?? "missing")" }
    }

    @Test(
        "metadata that make no sense are refused",
        arguments: [
            MetadataFault(key: "general.architecture", value: nil),
            MetadataFault(key: "general.architecture", value: .string("mamba9")),
            MetadataFault(key: "llama.block_count", value: nil),
            MetadataFault(key: "llama.block_count", value: .uint32(0)),
            MetadataFault(key: "llama.block_count", value: .uint32(.max)),
            MetadataFault(key: "llama.block_count", value: .uint32(1 << 20)),
            MetadataFault(key: "llama.embedding_length", value: .string("32")),
            MetadataFault(key: "llama.embedding_length", value: .int32(-32)),
            MetadataFault(key: "llama.embedding_length", value: .uint64(.max)),
            MetadataFault(key: "llama.attention.head_count", value: .uint32(0)),
            MetadataFault(key: "llama.attention.head_count_kv", value: .uint32(3)),
            MetadataFault(key: "llama.attention.head_count_kv", value: .int32s([2])),
            MetadataFault(key: "llama.attention.head_count_kv", value: .int32s([2, 0])),
            MetadataFault(key: "llama.attention.layer_norm_rms_epsilon", value: nil),
            MetadataFault(key: "llama.attention.layer_norm_rms_epsilon", value: .float32(.nan)),
            MetadataFault(key: "llama.rope.freq_base", value: .float32(-1)),
            MetadataFault(key: "llama.rope.dimension_count", value: .uint32(7)),
            MetadataFault(key: "llama.rope.dimension_count", value: .uint32(16)),
            MetadataFault(key: "llama.rope.scaling.type", value: .string("spiral")),
        ])
    func refusedMetadata(_ fault: MetadataFault) {
        let source = ggufModel("llama") { $0.metadata[fault.key] = fault.value }.source
        #expect(throws: DecoderDescriptionError.self) { try Model(source: source) }
        do {
            _ = try Model(source: source)
        } catch let error as DecoderDescriptionError {
            #expect(error.key == fault.key)
        } catch { Issue.record("\(error)") }
    }

    @Test("a missing tensor is named with the shape that it should have")
    func missingTensor() {
        let builder = ggufModel("llama") {
            $0.values.remove(at: 5)
            $0.tensors.remove(at: 5)
        }
        #expect(
            throws: InferenceError(
                .missingTensor(expected: "[32, 32]"), path: "random",
                place: "blk.0.attn_output.weight")
        ) { try Model(source: builder.source) }
    }

    @Test("a tensor of another shape than the metadata say is named")
    func wrongShape() {
        let builder = ggufModel("llama") {
            $0.metadata["llama.feed_forward_length"] = .uint32(64)
        }
        #expect(
            throws: InferenceError(
                .shape(found: "[48, 32]", expected: "[64, 32]"), path: "random",
                place: "blk.0.ffn_gate.weight")
        ) { try Model(source: builder.source) }
    }

    @Test("a tensor that cannot be decoded is named")
    func undecodable() {
        let builder = ggufModel("llama") {
            $0.tensors.removeAll { $0.name == "blk.1.ffn_up.weight" }
            $0.add("blk.1.ffn_up.weight", [48, 32], spread: 1, format: .I32)
        }
        #expect(
            throws: InferenceError(
                .undecodable(format: "I32"), path: "random", place: "blk.1.ffn_up.weight")
        ) { try Model(source: builder.source) }
    }

    @Test("tokens outside the vocabulary are refused", arguments: [-1, 70, Int32.max])
    func unknownToken(_ token: Int32) throws {
        let decoder = try Decoder(models: [randomModel(seed: 1).model])
        #expect(
            throws: InferenceError(
                .unknownToken(token, vocabularyCount: vocabularyCount), path: "random")
        ) { try decoder.forward(Batch(windows: [[0, token]], scored: 0..<1)) { _ in } }
    }

    @Test(
        "NaN and infinity are traced to the tensor that holds them",
        arguments: ["token_embd.weight", "blk.1.ffn_down.weight", "blk.0.attn_norm.weight"],
        [Float.nan, .infinity])
    func notFinite(_ tensor: String, _ value: Float) throws {
        let builder = ggufModel("llama") { builder in
            guard let index = builder.tensors.firstIndex(where: { $0.name == tensor }) else {
                return
            }
            builder.values[index][3] = value
        }
        let decoder = try Decoder(models: [Model(source: builder.source)])
        do {
            try decoder.forward(Batch(windows: [[0, 1, 2, 3]], scored: 1..<3)) { _ in }
            Issue.record("no error")
        } catch let error as InferenceError {
            #expect(error.place == tensor)
            guard case .notFinite = error.kind else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("activations that overflow are traced to their block")
    func overflow() throws {
        let builder = ggufModel("llama") { builder in
            for (index, tensor) in builder.tensors.enumerated()
            where tensor.name.hasPrefix("blk.1.ffn_") && tensor.name.hasSuffix("up.weight") {
                builder.values[index] = builder.values[index].map { $0 * 1e38 }
            }
        }
        let decoder = try Decoder(models: [Model(source: builder.source)])
        do {
            try decoder.forward(Batch(windows: [[0, 1, 2, 3]], scored: 1..<3)) { _ in }
            Issue.record("no error")
        } catch let error as InferenceError {
            #expect(error.place == "blk.1")
        }
    }

    @Test("models of different vocabularies do not go side by side")
    func vocabularies() throws {
        let (first, _) = try randomModel(seed: 1)
        var builder = RandomModelBuilder(seed: 2)
        builder.addAll(of: DecoderVariant.plain, vocabularyCount: 71)
        let second = try Model(source: builder.source, description: DecoderVariant.plain)
        #expect(
            throws: InferenceError(
                .vocabulariesDiffer(found: "a vocabulary of 71 tokens", expected: "70"),
                path: "random")
        ) { try Decoder(models: [first, second]) }
    }
}
