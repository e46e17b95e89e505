import Architectures
import TensorCore
import Testing

/// Language models inside models of other classes.
@Suite struct WrappedFamilyTests {
    private func family(_ text: String) throws -> String {
        try ModelFamily.of(config: JSON.parse(Array(text.utf8)), path: "config.json").name
    }

    @Test(arguments: [
        (
            #"{"architectures":["LlavaForConditionalGeneration"],"text_config":{"architectures":["Qwen2ForCausalLM"]}}"#,
            "Qwen2"
        ),
        (
            #"{"architectures":["LlavaForConditionalGeneration"],"text_config":{"model_type":"qwen2"}}"#,
            "Qwen2"
        ),
        (#"{"architectures":["LlavaForConditionalGeneration"],"text_config":{}}"#, "Llama"),
        (
            #"{"architectures":["InternVLChatModel"],"llm_config":{"architectures":["InternLM2ForCausalLM"]}}"#,
            "InternLM2"
        ),
        (
            #"{"architectures":["InternVLForConditionalGeneration"],"text_config":{"model_type":"qwen3"}}"#,
            "Qwen3"
        ),
    ])
    func theConfigurationNamesTheLanguageModel(_ config: String, _ name: String) throws {
        #expect(try family(config) == name)
    }

    @Test func othersStayUnknown() {
        #expect(throws: ArchitectureError.self) {
            try family(
                #"{"architectures":["OtherForConditionalGeneration"],"text_config":{"model_type":"other"}}"#
            )
        }
    }

    @Test(arguments: ["llm_config", "lm_config", "language_config", "text_config"])
    func theLanguageModelsPartIsReadUnderEveryName(_ key: String) throws {
        let json = try JSON.parse(
            Array(#"{"architectures":["X"],"\#(key)":{"hidden_size":77}}"#.utf8))
        #expect(try ModelConfiguration(json, path: "config.json").hiddenSize() == 77)
    }

    @Test(arguments: [
        (
            "thinker.model.layers.0.input_layernorm.weight",
            CheckpointNames.Meaning.rule(
                "model.layers.0.input_layernorm.weight")
        ),
        ("talker.model.layers.0.input_layernorm.weight", .foreign),
        ("thinker.audio_tower.conv1.weight", .foreign), ("mlp1.0.weight", .foreign),
        ("model.text_model.norm.weight", .rule("model.norm.weight")),
    ])
    func partsOfOmniModelsAreTold(
        _ name: String, _ meaning: CheckpointNames.Meaning
    ) throws {
        let json = try JSON.parse(
            Array(#"{"architectures":["LlamaForCausalLM"],"num_hidden_layers":1}"#.utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let configuration = try family.configuration(json, path: "config.json")
        #expect(try CheckpointNames(family, in: configuration).meaning(of: name) == meaning)
    }

    /// The norm of what pictures give is not the language model's, whose name it has in part.
    @Test func sarashinasOtherNormIsForeign() throws {
        let json = try JSON.parse(
            Array(
                #"{"architectures":["Sarashina2VisionForCausalLM"],"text_config":{"num_hidden_layers":1}}"#
                    .utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let names = try CheckpointNames(
            family, in: family.configuration(json, path: "config.json"))
        #expect(names.meaning(of: "norm.weight") == .foreign)
        #expect(names.meaning(of: "llm.model.norm.weight") == .rule("model.norm.weight"))
    }
}
