import Architectures
import Conversion
import TensorCore
import TestSupport
import Testing

/// Checkpoints with experts that do not fit together, and what is said about them.
@Suite struct ExpertErrorTests {
    private func kind(_ model: SyntheticModel) throws -> ConversionError.Kind? {
        (try model.refusal() as? ConversionError)?.kind
    }

    @Test func missingExpertsAreNamed() throws {
        var model = SyntheticModel.experts()
        let experts = "model.layers.0.mlp.experts."
        let lost = [3, 5, 6, 10].map { "\(experts)\($0).up_proj.weight" }
        model.tensors.removeAll { lost.contains($0.name) }
        #expect(
            try kind(model)
                == .missingTensors([
                    experts + "3.up_proj.weight", experts + "{5…6}.up_proj.weight",
                    experts + "10.up_proj.weight",
                ]))
        model.tensors.removeAll { $0.name.contains("experts") }
        #expect(
            try kind(model)
                == .missingTensors(
                    ["down", "gate", "up"].map { "\(experts){0…10}.\($0)_proj.weight" }))
    }

    @Test func moreExpertsThanTheConfigurationSaysAreRefused() throws {
        var model = SyntheticModel.experts()
        model.config["num_experts"] = 10
        // The router's shape is the first to contradict, unless it goes with the configuration.
        model.tensors = model.tensors.map {
            $0.name.hasSuffix("mlp.gate.weight") ? ($0.name, [10, 8]) : $0
        }
        #expect(try kind(model) == .unexpectedExpert(10, count: 10))
        let message = try "\(model.refusal())"
        #expect(message.contains("model.layers.0.mlp.experts.10.down_proj.weight"))
        #expect(message.contains("10 experts"))
    }

    @Test func shapesThatContradictAreRefused() throws {
        for merged in [false, true] {
            var model = SyntheticModel.experts(merged: merged)
            model.config["moe_intermediate_size"] = 7
            guard case .shapeMismatch? = try kind(model) else {
                Issue.record("\(try model.refusal())")
                continue
            }
        }
        var packed = SyntheticModel.gptOss(packed: true)
        packed.config["hidden_size"] = 60
        #expect(try packed.refusal() is ConversionError)
    }

    @Test func twoSpellingsOfOneTensorAreRefused() throws {
        var model = SyntheticModel.experts()
        model.tensors.append(("model.layers.0.mlp.experts.down_proj", [11, 8, 6]))
        guard case .duplicateTensor? = try kind(model) else {
            Issue.record("\(try model.refusal())")
            return
        }
    }

    @Test func halfOfAPackedPairIsNamed() throws {
        var model = SyntheticModel.gptOss(packed: true)
        let name = "model.layers.0.mlp.experts.down_proj_scales"
        model.tensors.removeAll { $0.name == name }
        #expect(try kind(model) == .missingTensors([name]))
    }

    @Test func packedWeightsOfAnotherTypeAreRefused() throws {
        var model = SyntheticModel.gptOss(packed: true)
        model.bytes["model.layers.0.mlp.experts.down_proj_blocks"] = nil
        #expect(try kind(model) == .unsupportedDataType("F32"))
    }

    static let absurd: [(key: String, value: Int)] = [
        ("num_experts", 1_000_000_000), ("num_experts", 0), ("num_experts", -1),
        ("num_hidden_layers", 1_000_000_000), ("hidden_size", 1 << 62),
        ("moe_intermediate_size", 1 << 62), ("moe_intermediate_size", 0),
        ("num_attention_heads", 1 << 62), ("head_dim", 1 << 62), ("decoder_sparse_step", 0),
    ]

    @Test(arguments: absurd)
    func absurdSizesAreRefused(_ key: String, _ value: Int) throws {
        for merged in [false, true] {
            var model = SyntheticModel.experts(merged: merged)
            model.config[key] = value
            #expect(try model.refusal().exitCode == .badData)
        }
    }

    static let inexpressible: [(architecture: String, key: String, value: String)] = [
        ("Qwen2MoeForCausalLM", "mlp_only_layers", "[0]"),
        ("FalconForCausalLM", "bias", "true"), ("FalconForCausalLM", "parallel_attn", "false"),
        ("Gemma3ForCausalLM", "attn_logit_softcapping", "50.0"),
        ("Glm4MoeLiteForCausalLM", "mlp_layer_types", "[\"sparse\",\"dense\"]"),
        ("ApertusForCausalLM", "hidden_act", "\"silu\""),
        ("Llama4ForCausalLM", "moe_layers", "[1]"),
        ("FalconH1ForCausalLM", "attention_bias", "true"),
        ("FalconH1ForCausalLM", "projectors_bias", "true"),
        ("FalconH1ForCausalLM", "mamba_proj_bias", "true"),
        ("GraniteMoeHybridForCausalLM", "mamba_proj_bias", "true"),
        ("Lfm2MoeForCausalLM", "conv_bias", "true"),
        ("Lfm2MoeForCausalLM", "use_expert_bias", "false"),
        ("Mamba2ForCausalLM", "use_bias", "true"),
        ("NemotronHForCausalLM", "use_bias", "true"),
        ("NemotronHForCausalLM", "num_nextn_predict_layers", "1"),
        ("NemotronHForCausalLM", "layers_block_type", "[\"moe\",\"mlp\"]"),
        ("Qwen3VLMoeForConditionalGeneration", "mlp_only_layers", "[0]"),
        ("GlmForCausalLM", "head_dim", "64"), ("OlmoForCausalLM", "attention_bias", "true"),
        ("GPTBigCodeForCausalLM", "multi_query", "false"),
        ("MPTForCausalLM", "expansion_ratio", "3"),
        ("HunYuanMoEV1ForCausalLM", "num_shared_expert", "[2,2]"),
        ("BailingMoeForCausalLM", "norm_head", "true"),
        ("BailingMoeForCausalLM", "first_k_dense_replace", "1"),
        ("BailingMoeV2ForCausalLM", "use_bias", "true"),
        ("Cohere2MoeForCausalLM", "shared_expert_combination_strategy", "\"sum\""),
        ("Cohere2MoeForCausalLM", "attention_bias", "true"),
        ("DeepseekV32ForCausalLM", "mlp_layer_types", "[\"sparse\",\"dense\"]"),
        ("GraniteSWAForCausalLM", "layer_rope_theta", "[10000.0,5000.0]"),
        ("HYV3ForCausalLM", "mlp_bias", "true"),
        ("LLaDAModelLM", "block_type", "\"sequential\""),
        ("LagunaForCausalLM", "gating", "\"per-block\""),
        ("MellumForCausalLM", "mlp_layer_types", "[\"dense\"]"),
        ("MiMoV2ForCausalLM", "topk_method", "\"greedy\""),
        ("SolarOpenForCausalLM", "first_k_dense_replace", "1"),
        ("Step3p5ForCausalLM", "use_qk_norm", "false"),
    ]

    @Test(arguments: inexpressible)
    func optionsWithoutAKeyAreRefused(_ architecture: String, _ key: String, _ value: String) throws
    {
        // A list has one type for each layer.
        let more =
            key == "layer_types"
            ? #","num_hidden_layers":\#(value.split(separator: ",").count)"# : ""
        let text = #"{"architectures":["\#(architecture)"],"\#(key)":\#(value)\#(more)}"#
        let json = try JSON.parse(Array(text.utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let error = #expect(throws: ArchitectureError.self) {
            try family.review(try family.configuration(json, path: "config.json"))
        }
        #expect(error?.key == key)
        guard case .notExpressible? = error?.kind else {
            Issue.record("found \(String(describing: error))")
            return
        }
    }
}
