import Conversion
import Foundation
import GGUF
import Quantization
import Safetensors
import TensorCore
import TestSupport
import Testing

/// An adapter whose values tell where they were stored: element `i` of tensor `t` is `t + i / 64`.
private struct TinyAdapter {
    var config: [String: Any] = [
        "peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["q_proj"],
    ]
    var tensors: [(name: String, shape: [Int])] = [
        (Self.layer + "self_attn.q_proj.lora_A.weight", [2, 8]),
        (Self.layer + "self_attn.q_proj.lora_B.weight", [8, 2]),
        (Self.layer + "mlp.down_proj.lora_A.weight", [2, 12]),
        (Self.layer + "mlp.down_proj.lora_B.weight", [8, 2]),
    ]
    static let layer = "base_model.model.model.layers.0."

    func value(_ tensor: Int, _ index: Int) -> Float { Float(tensor) + Float(index) / 64 }

    func values(_ name: String) -> [Float] {
        guard let number = tensors.firstIndex(where: { $0.name.contains(name) }) else { return [] }
        return (0..<tensors[number].shape.reduce(1, *)).map { value(number, $0) }
    }

    /// Calls `body` with the adapter's directory and its base's.
    func with<Result>(_ body: (String, String) throws -> Result) throws -> Result {
        try Checkpoints.with { base in
            try TinyModel.write(to: base)
            let folder = base + "-adapter"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let json = try JSONSerialization.data(withJSONObject: config)
            try OutputFile.write(Array(json), to: folder + "/adapter_config.json")
            let writer = try SafetensorsWriter(
                path: folder + "/adapter_model.safetensors",
                tensors: tensors.map {
                    .init(name: $0.name, dataType: .F32, shape: try #require(Shape($0.shape)))
                })
            for (number, tensor) in tensors.enumerated() {
                let values = (0..<tensor.shape.reduce(1, *)).map { value(number, $0) }
                try values.withUnsafeBytes { try writer.write($0, tensor: number) }
            }
            try writer.finish()
            return try body(folder, base)
        }
    }

    func convert(
        _ options: AdapterSource.Options = .init()
    ) throws -> (source: AdapterSource, values: [String: [Float]]) {
        try with { folder, base in
            let source = try AdapterSource(
                AdapterDirectory(path: folder), base: base, options: options)
            return (source, try floats(source))
        }
    }

    func problem(base: String? = nil) throws -> String {
        try with { folder, own in
            do {
                let adapter = try AdapterDirectory(path: folder)
                _ = try AdapterSource(adapter, base: adapter.base(base ?? own, id: nil))
                return "accepted"
            } catch let error as any IngotError { return error.description }
        }
    }
}

/// The values of all tensors by name.
private func floats(_ source: some TensorSource) throws -> [String: [Float]] {
    var result: [String: [Float]] = [:]
    for (number, tensor) in source.tensors.enumerated() {
        var values = [Float](repeating: 0, count: tensor.shape.elementCount)
        try values.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            try source.readRows(
                0..<tensor.shape.rowCount, ofTensor: number, into: start, scratch: ScratchBuffer())
        }
        result[tensor.name] = values
    }
    return result
}

/// Rows of heads of 4 from two halves to neighbouring pairs, as Llama's GGUF files have them.
private func pairs(_ rows: [[Float]]) -> [[Float]] {
    stride(from: 0, to: rows.count, by: 4).flatMap { head in
        [0, 2, 1, 3].map { rows[head + $0] }
    }
}

private func rows(_ values: [Float], _ length: Int) -> [[Float]] {
    stride(from: 0, to: values.count, by: length).map { Array(values[$0..<$0 + length]) }
}

@Suite("Adapters")
struct AdapterTests {
    @Test("Factors are named after the tensor, and B's rows follow those of Llama's queries")
    func factors() throws {
        let adapter = TinyAdapter()
        let (source, values) = try adapter.convert()
        #expect(
            source.metadata.entries.map(\.key) == [
                "general.architecture", "general.type", "adapter.type", "general.name",
                "adapter.lora.alpha", "general.quantization_version",
            ])
        #expect(source.metadata["general.type"] == .string("adapter"))
        #expect(source.metadata["adapter.lora.alpha"] == .float32(6))
        #expect(
            source.tensors.map(\.name) == [
                "blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b",
                "blk.0.ffn_down.weight.lora_a", "blk.0.ffn_down.weight.lora_b",
            ])
        #expect(source.tensors.map(\.shape.dimensions) == [[2, 8], [8, 2], [2, 12], [8, 2]])
        #expect(values["blk.0.attn_q.weight.lora_a"] == adapter.values("q_proj.lora_A"))
        #expect(
            values["blk.0.attn_q.weight.lora_b"]
                == pairs(rows(adapter.values("q_proj.lora_B"), 2)).flatMap(\.self))
        #expect(values["blk.0.ffn_down.weight.lora_b"] == adapter.values("down_proj.lora_B"))
        #expect(source.warnings.isEmpty)
    }

    @Test("Embeddings have a row of A for each token")
    func embeddings() throws {
        var adapter = TinyAdapter()
        adapter.tensors = [
            ("base_model.model.model.embed_tokens.lora_embedding_A", [2, 512]),
            ("base_model.model.model.embed_tokens.lora_embedding_B", [8, 2]),
        ]
        let (source, values) = try adapter.convert()
        #expect(source.tensors.map(\.shape.dimensions) == [[512, 2], [8, 2]])
        let a = adapter.values("embedding_A")
        #expect(
            values["token_embd.weight.lora_a"]
                == (0..<512).flatMap { [a[$0], a[512 + $0]] })
    }

    @Test("Scales that readers do not know of are told, and folded into B")
    func scales() throws {
        var adapter = TinyAdapter()
        adapter.config["use_rslora"] = true
        let plain = try adapter.convert()
        #expect(plain.source.warnings.count == 1)
        let folded = try adapter.convert(.init(foldsScales: true))
        #expect(folded.source.warnings.isEmpty)
        let name = "blk.0.ffn_down.weight.lora_b"
        let root = Float(2.0.squareRoot())
        #expect(folded.values[name] == plain.values[name]?.map { $0 * root })
        adapter.config["use_rslora"] = false
        adapter.config["alpha_pattern"] = ["layers\\.0\\.mlp\\.down_proj": 12]
        let pattern = try adapter.convert(.init(foldsScales: true))
        #expect(pattern.values[name] == plain.values[name]?.map { $0 * 2 })
        #expect(
            pattern.values["blk.0.attn_q.weight.lora_b"]
                == plain.values["blk.0.attn_q.weight.lora_b"])
    }

    @Test("Q8_0 stands where rows are whole blocks, F16 elsewhere")
    func formats() throws {
        var adapter = TinyAdapter()
        adapter.tensors = [
            ("base_model.model.model.embed_tokens.lora_embedding_A", [32, 512]),
            ("base_model.model.model.embed_tokens.lora_embedding_B", [8, 32]),
            (TinyAdapter.layer + "self_attn.q_proj.lora_A.weight", [2, 8]),
            (TinyAdapter.layer + "self_attn.q_proj.lora_B.weight", [8, 2]),
        ]
        let source = try adapter.convert(.init(outputType: .q8_0)).source
        #expect(source.tensors.map(\.format) == [.Q8_0, .Q8_0, .F16, .F16])
    }

    @Test("What no adapter's file holds is refused with the place and a way out")
    func refusals() throws {
        var dora = TinyAdapter()
        dora.config["use_dora"] = true
        #expect(try dora.problem().contains("use_dora: weights with magnitudes"))
        var biased = TinyAdapter()
        biased.config["lora_bias"] = true
        #expect(try biased.problem().contains("lora_bias: changes with biases"))
        var other = TinyAdapter()
        other.config["peft_type"] = "IA3"
        #expect(try other.problem().contains("an adapter of the kind IA3 found"))
        var alpha = TinyAdapter()
        alpha.config["lora_alpha"] = nil
        #expect(try alpha.problem().contains("lora_alpha: found nothing, expected a positive"))
        var lone = TinyAdapter()
        lone.tensors.removeLast()
        #expect(try lone.problem().contains("it needs its lora_B, which is missing"))
        var whole = TinyAdapter()
        whole.tensors.append(("base_model.model.lm_head.weight", [512, 8]))
        #expect(try whole.problem().contains("use --merge"))
        var unknown = TinyAdapter()
        unknown.tensors[0].name = TinyAdapter.layer + "self_attn.z_proj.lora_A.weight"
        unknown.tensors[1].name = TinyAdapter.layer + "self_attn.z_proj.lora_B.weight"
        #expect(try unknown.problem().contains("the base model has no such tensor"))
        var wide = TinyAdapter()
        wide.tensors[0].shape = [2, 9]
        #expect(try wide.problem().contains("shape [8, 9] found"))
        var ranks = TinyAdapter()
        ranks.tensors[1].shape = [8, 3]
        #expect(try ranks.problem().contains("expected 2 columns"))
    }

    @Test("A base that is not here is asked for, and pickles are not read")
    func absences() throws {
        try TinyAdapter().with { folder, _ in
            let adapter = try AdapterDirectory(path: folder)
            #expect(throws: AdapterError.self) { try adapter.base(nil, id: nil) }
            #expect(throws: AdapterError.self) { try adapter.base(nil, id: "owner/absent-model") }
            let weights = folder + "/adapter_model.safetensors"
            try FileManager.default.moveItem(
                atPath: weights, toPath: folder + "/adapter_model.bin")
            let error = #expect(throws: AdapterError.self) { try AdapterDirectory(path: folder) }
            #expect(error?.kind == .noWeights(pickled: true))
        }
    }

    @Test("Merged weights are the base's and scale · B · A, in the file's order")
    func merging() throws {
        let adapter = TinyAdapter()
        try adapter.with { folder, base in
            let source = try ConversionSource(
                directory: base,
                options: .init(
                    outputType: .f32, pre: "llama-bpe", adapter: AdapterDirectory(path: folder)))
            let values = try floats(source)
            let a = rows(adapter.values("q_proj.lora_A"), 8)
            let b = rows(adapter.values("q_proj.lora_B"), 2)
            // The base's weights are zero.
            let product = b.map { row in
                (0..<8).map { (row[0] * a[0][$0] + row[1] * a[1][$0]) * 3 }
            }
            #expect(values["blk.0.attn_q.weight"] == pairs(product).flatMap(\.self))
            #expect(values["blk.0.attn_k.weight"]?.allSatisfy { $0 == 0 } == true)
            #expect(source.metadata["general.name"] == .string("Model Adapter"))
        }
    }

    @Test("An exported adapter converts back to the same tensors")
    func export() throws {
        var adapter = TinyAdapter()
        adapter.tensors += [
            ("base_model.model.model.embed_tokens.lora_embedding_A", [4, 512]),
            ("base_model.model.model.embed_tokens.lora_embedding_B", [8, 4]),
            (TinyAdapter.layer + "input_layernorm.weight", [8]),
        ]
        try adapter.with { folder, base in
            let source = try AdapterSource(AdapterDirectory(path: folder), base: base)
            let out = folder + "-out"
            let exported = try ExportedAdapter(source, base: base)
            #expect(exported.changeCount == 3)
            _ = try exported.write(to: out)
            let back = try AdapterDirectory(path: out)
            let again = try AdapterSource(back, base: base)
            #expect(try floats(again) == floats(source))
            #expect(again.metadata["adapter.lora.alpha"] == .float32(6))
        }
    }

    @Test("An adapter's file is no model to be quantized or run")
    func notAModel() throws {
        let source = try TinyAdapter().convert().source
        let fault = #expect(throws: ReaderFault.self) { try source.requireModel() }
        #expect(fault?.description.contains("an adapter (LoRA) found, expected a model") == true)
        #expect(
            ReaderRequirements(metadata: source.metadata, tensors: source.tensors, path: "")
                .faults().isEmpty)
    }
}
