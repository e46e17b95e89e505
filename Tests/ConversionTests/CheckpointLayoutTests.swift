import Conversion
import Foundation
import GGUF
import TensorCore
import Testing

/// One model under other names, and with other output matrices than its configuration says.
@Suite struct CheckpointLayoutTests {
    private static func llama(_ config: [String: Any] = [:]) -> SyntheticModel {
        SyntheticModel(
            config: SyntheticModel.config("LlamaForCausalLM", config), tensors: TinyModel.tensors)
    }

    private func expectSame(
        _ model: SyntheticModel, renamed rename: (String) -> String, as className: String? = nil
    ) throws {
        var other = model
        other.tensors = model.tensors.map { (rename($0.name), $0.shape) }
        if let className { other.config["architectures"] = [className] }
        let (first, second) = (try model.convert(), try other.convert())
        #expect(first.mapValues(\.values) == second.mapValues(\.values))
    }

    @Test(arguments: ["LlamaForCausalLM", "LlamaModel"])
    func namesOfTheBaseModelGiveTheSameFile(_ className: String) throws {
        try expectSame(
            CheckpointLayoutTests.llama(), renamed: { String($0.dropFirst("model.".count)) },
            as: className)
    }

    @Test func missingTensorsAreNamedAsTheCheckpointWould() throws {
        var model = CheckpointLayoutTests.llama()
        model.tensors = model.tensors.filter { !$0.name.contains("q_proj") }
            .map { (String($0.name.dropFirst("model.".count)), $0.shape) }
        #expect(
            (try model.refusal() as? ConversionError)?.kind
                == .missingTensors(["layers.0.self_attn.q_proj.weight"]))
    }

    @Test func unmergedAdaptersAreRefused() throws {
        var model = CheckpointLayoutTests.llama()
        model.tensors.append(
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [4, 8]))
        let error = try model.refusal()
        guard case .adapterTensors(let names)? = (error as? ConversionError)?.kind else {
            Issue.record("found \(error)")
            return
        }
        #expect(names.count == 1)
        #expect("\(error)".contains("merge_and_unload"))
    }

    /// Element `i` of the tensor at `index`, where two have the same values.
    private func withHead(
        _ model: SyntheticModel, named head: String, equal: Bool,
        _ body: (ConversionSource) throws -> Void
    ) throws {
        var model = model
        model.tensors.append((head, [512, 8]))
        try model.with { folder in
            if equal { try CheckpointLayoutTests.copyEmbeddings(to: head, of: model, in: folder) }
            try body(
                ConversionSource(
                    directory: folder, options: .init(outputType: .f32, pre: "llama-bpe")))
        }
    }

    /// Overwrites the values of a model's last tensor by those of its embeddings.
    private static func copyEmbeddings(
        to head: String, of model: SyntheticModel, in folder: String
    ) throws {
        let path = folder + "/model.safetensors"
        var data = try Data(contentsOf: URL(filePath: path))
        let sizes = model.tensors.map { $0.shape.reduce(4, *) }
        let start = data.count - sizes.reduce(0, +)
        let index = try #require(model.tensors.firstIndex { $0.name.contains("embed_tokens") })
        let place = start + sizes[..<index].reduce(0, +)
        let values = data.subdata(in: place..<place + sizes[index])
        data.replaceSubrange(data.count - values.count..<data.count, with: values)
        try data.write(to: URL(filePath: path))
    }

    @Test func aTiedHeadThatDiffersIsWritten() throws {
        try withHead(
            CheckpointLayoutTests.llama(["tie_word_embeddings": true]), named: "lm_head.weight",
            equal: false
        ) { source in
            #expect(source.tensors.contains { $0.name == "output.weight" })
            #expect(source.warnings.contains { $0.contains("lm_head.weight differs") })
        }
    }

    @Test func anUntiedModelWithoutHeadIsNamed() throws {
        try CheckpointLayoutTests.llama(["tie_word_embeddings": false]).with { folder in
            let source = try ConversionSource(directory: folder, options: .init(pre: "llama-bpe"))
            #expect(source.warnings.contains { $0.contains("no lm_head.weight") })
        }
        try CheckpointLayoutTests.llama(["tie_word_embeddings": true]).with { folder in
            let source = try ConversionSource(directory: folder, options: .init(pre: "llama-bpe"))
            #expect(source.warnings.isEmpty)
        }
    }

    @Test func tiedEmbeddingsMayBeThoseOfTheHead() throws {
        var model = CheckpointLayoutTests.llama(["tie_word_embeddings": true])
        let plain = try model.convert()
        model.tensors[0].name = "lm_head.weight"
        let converted = try model.convert()
        #expect(converted["token_embd.weight"]?.values == plain["token_embd.weight"]?.values)
        #expect(converted["output.weight"] == nil)
    }

    /// GGUF has one matrix for both.
    @Test(arguments: [true, false])
    func aHeadWithoutPlaceIsDroppedOrRefused(_ equal: Bool) throws {
        let model = SyntheticModel(
            config: SyntheticModel.config("CohereForCausalLM"),
            tensors: TinyModel.tensors.filter { !$0.name.contains("post_attention") })
        func convert() throws {
            try withHead(model, named: "lm_head.weight", equal: equal) { source in
                #expect(!source.tensors.contains { $0.name == "output.weight" })
            }
        }
        if equal {
            try convert()
            return
        }
        let error = #expect(throws: ConversionError.self) { try convert() }
        #expect(
            error?.kind
                == .headWithoutPlace(
                    embeddings: "model.embed_tokens.weight", architecture: "command-r"))
    }

    @Test func readersThatNeedAnOutputMatrixGetOne() throws {
        let model = SyntheticModel(
            config: SyntheticModel.config("NemotronForCausalLM", ["tie_word_embeddings": true]),
            tensors: TinyModel.tensors.filter { !$0.name.contains("gate_proj") }
                + TinyModel.tensors.filter { $0.name.contains("norm") }
                .map { ($0.name.replacingOccurrences(of: ".weight", with: ".bias"), $0.shape) })
        let converted = try model.convert()
        #expect(converted["output.weight"]?.values == converted["token_embd.weight"]?.values)
    }

    // MARK: Experts

    @Test(arguments: [false, true])
    func experTensorsOfTransformersFiveAreKnown(_ transposed: Bool) throws {
        let layer = "model.language_model.layers.0."
        var model = SyntheticModel.experts(merged: true)
        let plain = try model.convert()
        model.config["architectures"] = ["Qwen3VLMoeForConditionalGeneration"]
        model.config["rope_parameters"] = ["rope_type": "default", "mrope_section": [1, 1, 0]]
        model.tensors = model.tensors.map { name, shape in
            let isStack = transposed && name.contains("experts")
            return (
                name.replacingOccurrences(of: "model.layers.0.", with: layer),
                isStack ? [shape[0], shape[2], shape[1]] : shape
            )
        }
        let converted = try model.convert()
        for name in ["gate", "up", "down"].map({ "blk.0.ffn_\($0)_exps.weight" }) {
            let (found, expected) = (try #require(converted[name]), try #require(plain[name]))
            #expect(found.shape == expected.shape)
            #expect((found.values == expected.values) == !transposed, "\(name)")
        }
        // Stored with a column for each output: element (e, r, c) is element (e, c, r).
        guard transposed else { return }
        let name = layer + "mlp.experts.down_proj"
        #expect(
            converted["blk.0.ffn_down_exps.weight"]?.values
                == (0..<11 * 8 * 6).map { index in
                    let (expert, row, column) = (index / 48, index / 6 % 8, index % 6)
                    return model.value(name, expert * 48 + column * 8 + row)
                })
    }

    @Test func mixtralsExpertsHaveThreeSpellings() throws {
        let layer = "model.layers.0.block_sparse_moe."
        var model = SyntheticModel(
            config: SyntheticModel.config(
                "MixtralForCausalLM", ["num_local_experts": 2, "num_experts_per_tok": 1]),
            tensors: SyntheticModel.attention + [(layer + "gate.weight", [2, 8])])
        let plain = model.tensors
        for expert in 0..<2 {
            for (name, shape) in [("w1", [12, 8]), ("w2", [8, 12]), ("w3", [12, 8])] {
                model.tensors.append(("\(layer)experts.\(expert).\(name).weight", shape))
            }
        }
        try expectSame(model) { $0.replacingOccurrences(of: ".block_sparse_moe.", with: ".mlp.") }
        model.tensors =
            plain.map {
                ($0.name.replacingOccurrences(of: "block_sparse_moe", with: "mlp"), $0.shape)
            }
            + [
                ("model.layers.0.mlp.experts.down_proj", [2, 8, 12]),
                ("model.layers.0.mlp.experts.gate_up_proj", [2, 24, 8]),
            ]
        let converted = try model.convert()
        // The second expert's up follows its gate.
        #expect(
            converted["blk.0.ffn_up_exps.weight"]?.values.last
                == model.value("model.layers.0.mlp.experts.gate_up_proj", 2 * 24 * 8 - 1))
        #expect(converted["blk.0.ffn_down_exps.weight"]?.shape == [2, 8, 12])
    }

    // MARK: Tensors that are left out

    @Test func foreignTensorsAreLeftOutByPattern() throws {
        var model = CheckpointLayoutTests.llama(["tie_word_embeddings": true])
        model.tensors += [("v_head.summary.weight", [1, 8]), ("score.weight", [2, 8])]
        #expect("\(try model.refusal())".contains("--ignore-tensors"))
        try model.with { folder in
            func source(_ patterns: String...) throws -> ConversionSource {
                try ConversionSource(
                    directory: folder, options: .init(pre: "llama-bpe", ignoredTensors: patterns))
            }
            let converted = try source("^v_head[.]", "score", "nothing")
            #expect(converted.notices.contains("2 tensors are left out by --ignore-tensors"))
            #expect(converted.warnings == ["--ignore-tensors \"nothing\" leaves no tensor out"])
            let needed = #expect(throws: ConversionError.self) { try source("v_head|score|q_proj") }
            #expect(needed?.kind == .missingTensors(["model.layers.0.self_attn.q_proj.weight"]))
            #expect(throws: (any Error).self) { try source("v_head(") }
        }
    }

    // MARK: What readers need

    @Test func aWindowThatReadersNeedIsAsked() throws {
        var model = SyntheticModel.gptOss(packed: false)
        model.config["sliding_window"] = NSNull()
        #expect("\(try model.refusal())".contains("gpt-oss.attention.sliding_window"))
    }
}
