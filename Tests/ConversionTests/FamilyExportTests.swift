import Architectures
import Conversion
import Foundation
import GGUF
import Safetensors
import TensorCore
import TestSupport
import Testing

/// Checkpoints made of a family's own rules: converted, exported and converted again.
@Suite struct FamilyExportTests {
    /// Families and what their configurations say beside `sizes`.
    static let families: [(name: String, config: [String: any Sendable])] = [
        ("Afmoe", ["num_shared_experts": 1, "mup_enabled": true, "score_func": "sigmoid"]),
        ("Apertus", [:]), ("Arcee", [:]), ("Bloom", ["seq_length": 64]),
        ("Cohere2", ["sliding_window": 32]),
        (
            "Cohere2Moe",
            [
                "sliding_window": 32, "num_shared_experts": 1, "num_experts": 4,
                "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"],
                "prefix_dense_intermediate_size": 20,
                "layer_types": [
                    "full_attention", "sliding_attention", "sliding_attention", "full_attention",
                ],
            ]
        ),
        ("DeepseekV3", ["num_key_value_heads": 4, "scoring_func": "sigmoid"]),
        (
            "Dbrx",
            [
                "d_model": 16, "n_layers": 4, "n_heads": 4, "max_seq_len": 64,
                "attn_config": ["kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10000.0]
                    as [String: any Sendable],
                "ffn_config": [
                    "ffn_hidden_size": 12, "moe_num_experts": 4, "moe_top_k": 2,
                    "moe_normalize_expert_weights": 1.0,
                ] as [String: any Sendable],
            ]
        ),
        (
            "DeepseekV32",
            [
                "num_key_value_heads": 4, "scoring_func": "sigmoid", "index_n_heads": 2,
                "index_head_dim": 4, "index_topk": 8, "num_nextn_predict_layers": 0,
            ]
        ),
        ("Dots1", ["first_k_dense_replace": 2]), ("Ernie", [:]),
        ("ErnieMoe", ["moe_layer_start_index": 1]),
        (
            "ExaoneMoe",
            ["sliding_window": 32, "num_shared_experts": 1, "scoring_func": "sigmoid"]
        ),
        ("Falcon", ["num_kv_heads": 2, "new_decoder_architecture": true]),
        (
            "FalconH1",
            [
                "mamba_d_ssm": 24, "mamba_n_heads": 4, "mamba_n_groups": 2, "mamba_d_state": 3,
                "mamba_d_conv": 3, "mamba_rms_norm": true, "mamba_norm_before_gate": false,
                "ssm_in_multiplier": 0.5, "ssm_multipliers": [2.0, 4.0, 0.5, 0.25, 8.0],
            ]
        ),
        (
            "FalconMamba",
            [
                "intermediate_size": 32, "state_size": 3, "time_step_rank": 5,
                "model_type": "falcon_mamba",
            ]
        ),
        (
            "GraniteHybrid",
            [
                "layer_types": ["mamba", "attention", "mamba", "mamba"], "mamba_n_heads": 4,
                "mamba_n_groups": 2, "mamba_d_state": 3, "mamba_d_conv": 3,
                "shared_intermediate_size": 10,
            ]
        ),
        ("GptBigCode", ["n_embd": 16, "n_layer": 4, "n_head": 4, "n_positions": 64]),
        ("HunyuanV3", ["num_shared_experts": 1]),
        ("GraniteMoe", ["shared_intermediate_size": 10]), ("HunyuanDense", ["eod_token_id": 511]),
        ("HunyuanMoe", ["num_experts": 4, "moe_topk": [2, 2, 2, 2], "num_shared_expert": 1]),
        ("Jais2", ["num_key_value_heads": 4, "layer_norm_eps": 1e-5]),
        (
            "Jamba",
            [
                "num_experts": 4, "attn_layer_period": 3, "attn_layer_offset": 1,
                "expert_layer_period": 2, "expert_layer_offset": 1, "mamba_d_state": 3,
                "mamba_dt_rank": 5, "mamba_d_conv": 3, "rms_norm_eps": 1e-6,
            ]
        ),
        (
            "Lfm2",
            [
                "layer_types": ["conv", "full_attention", "conv", "full_attention"],
                "block_multiple_of": 8,
            ]
        ),
        (
            "Lfm2Moe",
            [
                "layer_types": ["conv", "full_attention", "conv", "full_attention"],
                "num_dense_layers": 1,
            ]
        ),
        ("Llama4", ["interleave_moe_layer_step": 2]),
        ("Mamba", ["intermediate_size": 32, "state_size": 3, "time_step_rank": 5]),
        (
            "Mamba2", ["num_heads": 4, "head_dim": 8, "n_groups": 2, "state_size": 3]
        ),
        ("MiniCPM3", ["num_key_value_heads": 4, "v_head_dim": 4]),
        ("MiniMaxM2", ["rotary_dim": 2]),
        (
            "Mistral3",
            [
                "model_type": "ministral3",
                "rope_parameters": [
                    "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
                    "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1,
                    "rope_theta": 10000.0,
                ] as [String: any Sendable],
            ]
        ),
        ("Nemotron", [:]),
        (
            "NemotronH",
            [
                "layers_block_type": ["mamba", "moe", "attention", "moe"], "ssm_state_size": 3,
                "mamba_num_heads": 4, "mamba_head_dim": 6, "n_groups": 2,
                "moe_shared_expert_intermediate_size": 10,
            ]
        ),
        (
            "Mpt",
            [
                "d_model": 16, "n_layers": 4, "n_heads": 4, "max_seq_len": 64,
                "attn_config": ["clip_qkv": 6.0, "alibi": true, "alibi_bias_max": 8]
                    as [String: any Sendable],
            ]
        ),
        ("Olmo", ["clip_qkv": 2.5]),
        ("Olmo2", [:]), ("Olmo3", ["sliding_window": 32]),
        (
            "PhiMoe",
            [
                "rope_scaling": [
                    "type": "longrope", "long_factor": [1.0, 2.5], "short_factor": [1.0, 1.5],
                    "short_mscale": 1.25, "long_mscale": 1.25,
                ] as [String: any Sendable]
            ]
        ),
        ("Qwen35", deltaSizes),
        (
            "Qwen35Moe",
            deltaSizes.merging([
                "rope_parameters": [
                    "rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 0],
                    "mrope_interleaved": true, "partial_rotary_factor": 0.5,
                ] as [String: any Sendable]
            ]) { $1 }
        ),
        ("Qwen3Next", deltaSizes), ("SeedOss", [:]),
    ]

    /// Layers of the delta rule: two key heads with three value heads each.
    static let deltaSizes: [String: any Sendable] = [
        "layer_types": [
            "linear_attention", "linear_attention", "full_attention", "linear_attention",
        ],
        "linear_num_key_heads": 2, "linear_key_head_dim": 4, "linear_num_value_heads": 6,
        "linear_value_head_dim": 3, "linear_conv_kernel_dim": 3,
        "shared_expert_intermediate_size": 10,
    ]

    static let sizes: [String: any Sendable] = [
        "vocab_size": 512, "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4,
        "max_position_embeddings": 64, "moe_intermediate_size": 6,
        "moe_num_experts": 4, "moe_k": 2,
        "n_shared_experts": 1, "moe_num_shared_experts": 1, "intermediate_size_mlp": 20,
        "kv_lora_rank": 6, "q_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
        "v_head_dim": 4, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1,
        "rope_parameters": ["rope_type": "default", "rope_theta": 10000.0]
            as [String: any Sendable],
    ]

    static let experts: [String: Int] = [
        "n_routed_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2,
    ]

    /// The first of the rules for each output, with all of its sources.
    static func model(_ name: String, _ more: [String: any Sendable]) throws -> SyntheticModel {
        let family = try #require(ModelFamily.all.first { $0.name == name })
        var config: [String: Any] = sizes.merging(more) { $1 }
        // Some have names of their own, and the file's order of keys goes by those that are there.
        if !["ErnieMoe", "HunyuanMoe"].contains(name) {
            config.merge(experts) { $1 }
        }
        config["architectures"] = [
            name == "GraniteMoe" ? "GraniteMoeSharedForCausalLM" : family.classes[0]
        ]
        let data = try JSONSerialization.data(withJSONObject: config)
        var configuration = try family.configuration(
            JSON.parse(Array(data)), path: "config.json")
        var tensors: [(name: String, shape: [Int])] = []
        var made: Set<String> = []
        for block in 0..<(try configuration.numHiddenLayers()) {
            configuration.block = block
            for rule in family.tensors.rules where rule.isPerBlock || block == 0 {
                let outputs = rule.outputs.map { $0.name.name(block: block) }
                guard !outputs.isEmpty, try rule.condition.holds(configuration, block),
                    outputs.allSatisfy({ !made.contains($0) })
                else { continue }
                made.formUnion(outputs)
                for source in rule.sources {
                    let shape = try #require(source.shape).map { try $0.size(in: configuration) }
                    for expert in 0..<(try source.count.size(in: configuration)) {
                        tensors.append(
                            (source.pattern.name(block: block, expert: "\(expert)"), shape))
                    }
                }
            }
            for number in family.checkpoint.layerScalars {
                tensors.append((number.pattern.name(block: block), number.shape))
            }
        }
        // HY V4 has no word for biases.
        if name == "HunyuanV4" { tensors.removeAll { $0.name.hasSuffix("_proj.bias") } }
        return SyntheticModel(config: config, tensors: tensors)
    }

    @Test(arguments: (families + newest).map(\.name))
    func whatIsExportedConvertsBack(_ name: String) throws {
        let more = try #require((Self.families + Self.newest).first { $0.name == name }).config
        try FamilyExportTests.model(name, more).with { folder in
            let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")
            let first = "\(folder)/first.gguf"
            try write(ConversionSource(directory: folder, options: options), to: first)
            let exported = "\(folder)/exported/model"
            try FileManager.default.createDirectory(
                atPath: "\(folder)/exported", withIntermediateDirectories: true)
            let findings = try ExportedCheckpoint(GGUFFile(path: first)).write(to: exported)
            let second = "\(folder)/second.gguf"
            try write(ConversionSource(directory: exported, options: options), to: second)
            let bytes = try Data(contentsOf: URL(filePath: first))
            #expect(
                try bytes == Data(contentsOf: URL(filePath: second)), "\(findings.notices)")
            let config = try Data(contentsOf: URL(filePath: "\(exported)/config.json"))
            let members = try #require(
                JSONSerialization.jsonObject(with: config) as? [String: Any])
            #expect(
                members["architectures"] as? [String]
                    == (name == "GraniteMoe"
                        ? ["GraniteMoeSharedForCausalLM"]
                        : [ModelFamily.all.first { $0.name == name }?.classes[0] ?? ""]))
        }
    }

    /// Language models of vision models come as classes that know no pictures.
    @Test(arguments: [
        ("Qwen2VL", "Qwen2ForCausalLM", "qwen2"), ("Qwen3VL", "Qwen3ForCausalLM", "qwen3"),
        ("Qwen3VLMoe", "Qwen3MoeForCausalLM", "qwen3moe"),
    ])
    func languageModelsComeAsText(
        _ name: String, _ className: String, _ architecture: String
    ) throws {
        var model = try FamilyExportTests.model(name, ["norm_topk_prob": true])
        model.config["rope_parameters"] =
            ["rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 0]]
            as [String: any Sendable]
        try model.with { folder in
            let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")
            let first = try ConversionSource(directory: folder, options: options)
            #expect(
                first.metadata[
                    "\(first.metadata["general.architecture"]?.text ?? "").rope.dimension_sections"]
                    != nil)
            let exported = try ExportedCheckpoint(first)
            #expect(exported.className == className)
            let findings = try exported.write(to: "\(folder)/exported")
            #expect(findings.notices.first?.contains("text-only") == true)
            let back = try ConversionSource(directory: "\(folder)/exported", options: options)
            #expect(back.metadata["general.architecture"]?.text == architecture)
            #expect(back.metadata["\(architecture).rope.dimension_sections"] == nil)
            let places = Dictionary(
                uniqueKeysWithValues: back.tensors.enumerated().map { ($0.element.name, $0.offset) }
            )
            for (number, tensor) in first.tensors.enumerated() {
                let place = try #require(places[tensor.name])
                #expect(
                    try model.floats(ofTensor: place, of: back, step: 5)
                        == model.floats(ofTensor: number, of: first, step: 7), "\(tensor.name)")
            }
        }
    }

    /// Decays that only F32 or only F16 gives back to the bit.
    @Test(arguments: [DataType.F32, .F16, .BF16])
    func decaysComeBack(_ type: DataType) throws {
        let more = try #require(FamilyExportTests.families.first { $0.name == "Mamba" }).config
        var model = try FamilyExportTests.model("Mamba", more)
        model.dataType = type
        try model.with { folder in
            let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")
            let first = try ConversionSource(directory: folder, options: options)
            let findings = try ExportedCheckpoint(first).write(to: "\(folder)/exported")
            #expect(!findings.notices.contains { $0.contains("decays") })
            let back = try ConversionSource(directory: "\(folder)/exported", options: options)
            for (number, tensor) in first.tensors.enumerated()
            where tensor.name.hasSuffix("ssm_a") {
                #expect(
                    try model.floats(ofTensor: number, of: back, step: 7)
                        == model.floats(ofTensor: number, of: first, step: 7))
            }
        }
    }

    /// Layers that predict further tokens come back under the names that they have apart.
    @Test func predictorsComeBack() throws {
        var model = try FamilyExportTests.model("Qwen35", FamilyExportTests.deltaSizes)
        model.tensors += model.tensors.filter { $0.name.hasPrefix("model.layers.2.") }.map {
            ("mtp.layers.0." + $0.name.dropFirst("model.layers.2.".count), $0.shape)
        }
        model.tensors += [
            ("mtp.fc.weight", [16, 32]), ("mtp.norm.weight", [16]),
            ("mtp.pre_fc_norm_embedding.weight", [16]), ("mtp.pre_fc_norm_hidden.weight", [16]),
        ]
        try model.with { folder in
            let options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")
            let first = "\(folder)/first.gguf"
            try write(ConversionSource(directory: folder, options: options), to: first)
            let exported = "\(folder)/exported/model"
            try FileManager.default.createDirectory(
                atPath: "\(folder)/exported", withIntermediateDirectories: true)
            _ = try ExportedCheckpoint(GGUFFile(path: first)).write(to: exported)
            let names = try Set(
                SafetensorsFile(path: "\(exported)/model.safetensors").tensors.map(\.name))
            #expect(names == Set(model.tensors.map(\.name)))
            let second = "\(folder)/second.gguf"
            try write(ConversionSource(directory: exported, options: options), to: second)
            #expect(
                try Data(contentsOf: URL(filePath: first))
                    == Data(contentsOf: URL(filePath: second)))
        }
    }

    /// A file is read in the order of its tensors' names: others need several files.
    @Test func tensorsInAnyOrderComeBack() throws {
        var model = try FamilyExportTests.model("Arcee", [:])
        model.config["num_hidden_layers"] = 12
        for block in 4..<12 {
            model.tensors += model.tensors.filter { $0.name.hasPrefix("model.layers.0.") }.map {
                ("model.layers.\(block)." + $0.name.dropFirst("model.layers.0.".count), $0.shape)
            }
        }
        try model.with { folder in
            let source = try ConversionSource(
                directory: folder, options: .init(outputType: .f32, pre: "llama-bpe"))
            let first = "\(folder)/first.gguf"
            try write(Reordered(source: source), to: first)
            let findings = try ExportedCheckpoint(GGUFFile(path: first))
                .write(to: "\(folder)/exported")
            #expect(findings.shardCount > 1)
            let back = try ConversionSource(
                directory: "\(folder)/exported",
                options: .init(outputType: .f32, pre: "llama-bpe"))
            #expect(back.tensors.map(\.name) == Reordered(source: source).tensors.map(\.name))
        }
    }
}

/// A source with its blocks in the order of their numbers, as other programs write them.
private struct Reordered: TensorSource {
    let source: ConversionSource
    let order: [Int]
    var path: String { source.path }
    var metadata: Metadata { source.metadata }
    var tensors: [TensorDescription] { order.map { source.tensors[$0] } }
    var files: [InputFile] { source.files }

    init(source: ConversionSource) {
        self.source = source
        func block(_ number: Int) -> Int {
            let parts = source.tensors[number].name.split(separator: ".")
            return parts.first == "blk" ? Int(parts[1]) ?? 0 : -1
        }
        order = source.tensors.indices.sorted { (block($0), $0) < (block($1), $1) }
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try source.readRows(rows, ofTensor: order[tensor], into: destination, scratch: scratch)
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try source.readBytes(ofRows: rows, ofTensor: order[tensor], into: destination)
    }
}
