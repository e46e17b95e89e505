import Architectures
import TensorCore
import Testing

/// The names that tensors have in checkpoints of all kinds.
@Suite struct CheckpointNamesTests {
    private static func names(
        _ name: String
    ) throws -> (names: CheckpointNames, patterns: [TensorPattern]) {
        let family = try #require(ModelFamily.all.first { $0.name == name })
        let json = try JSON.parse(Array(#"{"num_hidden_layers":2}"#.utf8))
        let configuration = ModelConfiguration(json, defaults: family.defaults, path: "")
        let patterns =
            family.tensors.rules.flatMap { $0.sources.map(\.pattern) }
            + family.checkpoint.layerScalars.map(\.pattern)
        return (try CheckpointNames(family, in: configuration), patterns)
    }

    /// What programs put in front, between and behind.
    private static let wrappings: [@Sendable (String) -> String] = [
        { $0 }, { "module.\($0)" }, { "_orig_mod.\($0)" }, { "module._orig_mod.\($0)" },
        { "base_model.model.\($0)" }, { "_fsdp_wrapped_module.\($0)" },
        { "language_model.\($0)" }, { "model.language_model.\($0)" }, { "model.\($0)" },
        {
            var parts = $0.split(separator: ".")
            parts.insert("_fsdp_wrapped_module", at: parts.count - 1)
            return parts.joined(separator: ".")
        },
        {
            var parts = $0.split(separator: ".")
            parts.insert("base_layer", at: parts.count - 1)
            return parts.joined(separator: ".")
        },
    ]

    /// But Granite Switch's: its own tensors have the names of adapters and their bases.
    @Test(arguments: ModelFamily.all.map(\.name).filter { $0 != "GraniteSwitch" })
    func everyNameIsFoundWithoutItsPrefixAndInEveryWrapping(_ family: String) throws {
        let (names, patterns) = try CheckpointNamesTests.names(family)
        let foreign = ModelFamily.all.first { $0.name == family }?.checkpoint.foreign ?? []
        for pattern in patterns {
            let name = pattern.name(block: 0)
            let plain = ["model.", "transformer.", "gpt_neox.", "backbone."]
                .first(where: name.hasPrefix).map { String(name.dropFirst($0.count)) }
            for wrap in CheckpointNamesTests.wrappings {
                #expect(names.meaning(of: wrap(name)) == .rule(name), "\(wrap(name))")
                guard let plain, !foreign.contains(plain) else { continue }
                #expect(names.meaning(of: wrap(plain)) == .rule(name), "\(wrap(plain))")
            }
        }
    }

    @Test(arguments: ModelFamily.all.map(\.name))
    func adaptersPicturesAndStrangersAreToldApart(_ family: String) throws {
        let (names, patterns) = try CheckpointNamesTests.names(family)
        let block = try #require(patterns.first { $0.isPerBlock }).name(block: 0)
        let module = block.split(separator: ".").dropLast().joined(separator: ".")
        for part in ["lora_A.default", "lora_B", "modules_to_save.default"] {
            #expect(names.meaning(of: "base_model.model.\(module).\(part).weight") == .adapter)
        }
        #expect(names.meaning(of: "model.visual.blocks.0.attn.qkv.weight") == .foreign)
        #expect(names.meaning(of: "vision_tower.encoder.layers.0.norm.weight") == .foreign)
        #expect(names.meaning(of: "v_head.summary.weight") == .unknown)
        #expect(names.meaning(of: "model.head_of_another.weight") == .unknown)
    }

    @Test(arguments: [
        (
            "MixtralForCausalLM", "model.layers.1.mlp.gate.weight",
            "model.layers.1.block_sparse_moe.gate.weight"
        ),
        (
            "MixtralForCausalLM", "layers.1.mlp.experts.3.w2.weight",
            "model.layers.1.block_sparse_moe.experts.3.w2.weight"
        ),
        (
            "PhimoeForCausalLM", "model.layers.0.mlp.router.weight",
            "model.layers.0.block_sparse_moe.gate.weight"
        ),
        (
            "GraniteMoeForCausalLM", "model.layers.0.block_sparse_moe.experts.down_proj",
            "model.layers.0.block_sparse_moe.output_linear.weight"
        ),
        ("NemotronHForCausalLM", "model.layers.0.norm.weight", "backbone.layers.0.norm.weight"),
        ("GPTNeoXForCausalLM", "lm_head.weight", "embed_out.weight"),
        (
            "BertModel", "bert.encoder.layer.0.output.LayerNorm.gamma",
            "encoder.layer.0.output.LayerNorm.weight"
        ),
        ("NomicBertModel", "layers.1.mlp.gate_proj.weight", "encoder.layers.1.mlp.fc12.weight"),
    ])
    func otherSpellingsAreKnown(_ className: String, _ name: String, _ own: String) throws {
        let json = try JSON.parse(Array(#"{"architectures":["\#(className)"]}"#.utf8))
        let family = try ModelFamily.of(config: json, path: "")
        #expect(try CheckpointNamesTests.names(family.name).names.meaning(of: name) == .rule(own))
    }

    @Test(arguments: [
        ("LlamaModel", "Llama"), ("MistralModel", "Mistral"), ("GPT2Model", "Gpt2"),
        ("GPTNeoXModel", "GptNeoX"), ("Gemma3TextModel", "EmbeddingGemma"),
        ("Gemma3Model", "Gemma3"),
        ("Qwen2VLTextModel", "Qwen2VL"), ("Qwen3_5TextModel", "Qwen35"), ("T5Model", "T5"),
        ("NemotronHModel", "NemotronH"), ("UMT5Model", "T5"),
    ])
    func baseModelsAreOfTheirClassesFamilies(_ className: String, _ family: String) throws {
        let json = try JSON.parse(Array(#"{"architectures":["\#(className)"]}"#.utf8))
        #expect(try ModelFamily.of(config: json, path: "").name == family)
    }
}
