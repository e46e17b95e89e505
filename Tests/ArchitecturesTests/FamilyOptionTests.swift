import Architectures
import TensorCore
import Testing

/// Options of single families: what becomes of them, and those that a GGUF file cannot express.
@Suite struct FamilyOptionTests {
    private static func entries(_ text: String) throws -> [MetadataEntry] {
        let json = try JSON.parse(Array(text.utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let configuration = try family.configuration(json, path: "config.json")
        _ = try family.review(configuration)
        return try family.entries(
            family.rotary.leadingKeys + family.keys, of: configuration, fileType: 1)
    }

    private static func value(_ key: String, _ text: String) throws -> MetadataValue? {
        // The file has the last value of a key.
        try entries(text).last { $0.key == key }?.value
    }

    @Test(arguments: [
        (#""rope_scaling":{"rope_type":"yarn","factor":4}"#, UInt32(2048)),
        (
            #""rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":512}"#,
            512
        ),
        (
            #""original_max_position_embeddings":1024,"rope_scaling":{"rope_type":"yarn","factor":4}"#,
            1024
        ),
    ])
    func theOriginalContextIsThatOfTheScaling(_ members: String, _ expected: UInt32) throws {
        let found = try FamilyOptionTests.value(
            "llama.rope.scaling.original_context_length",
            #"{"architectures":["LlamaForCausalLM"],\#(members)}"#)
        #expect(found == .uint32(expected))
    }

    /// What transformers asks for and is not there, is of another kind or length.
    @Test(arguments: [
        (#""rope_scaling":{"type":"linear"}"#, "rope_scaling.factor"),
        (#""rope_scaling":{"type":"linear","factor":0}"#, "rope_scaling.factor"),
        (#""rope_scaling":{"type":"linear","factor":"4"}"#, "rope_scaling.factor"),
        (#""rope_scaling":{"type":"yarn"}"#, "rope_scaling.factor"),
        (#""rope_scaling":{"type":"dynamic"}"#, "rope_scaling.factor"),
        (#""rope_scaling":{"rope_type":"llama3","factor":8}"#, "rope_scaling.low_freq_factor"),
        (#""rope_scaling":{"type":null,"factor":4}"#, "rope_scaling.rope_type"),
        (#""rope_parameters":{"rope_type":"yarn"}"#, "rope_parameters.factor"),
        (#""num_hidden_layers":2,"layer_types":["full_attention"]"#, "layer_types"),
    ])
    func halfSaidOptionsAreRefused(_ members: String, _ key: String) throws {
        let error = #expect(throws: ArchitectureError.self) {
            try FamilyOptionTests.entries(
                #"{"architectures":["LlamaForCausalLM"],\#(members)}"#)
        }
        #expect(error?.key == key)
    }

    @Test(arguments: [
        (#""rope_scaling":{"factor":4}"#, "no rope_type"),
        (#""rope_theta":5000,"rope_parameters":{"rope_type":"default","rope_theta":7000}"#, "7000"),
    ])
    func whatIsNotReadIsNamed(_ members: String, _ words: String) throws {
        let text = #"{"architectures":["LlamaForCausalLM"],\#(members)}"#
        let json = try JSON.parse(Array(text.utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let configuration = try family.configuration(json, path: "config.json")
        #expect(configuration.notices.contains { $0.contains(words) })
    }

    /// A null that the class makes a size of, and keys that are missing where classes of one family differ.
    @Test(arguments: [
        (
            #"["SeedOssForCausalLM"],"head_dim":null,"hidden_size":64,"num_attention_heads":2,"num_key_value_heads":2"#,
            "seed_oss.attention.key_length", UInt32(32)
        ),
        (
            #"["Ernie4_5ForCausalLM"],"head_dim":null,"hidden_size":64,"num_attention_heads":4"#,
            "ernie4_5.attention.key_length", 16
        ),
        (
            #"["GraniteSWAForCausalLM"],"model_type":"granite_swa""#,
            "granite_swa.attention.head_count_kv", 4
        ),
        (
            #"["GraniteMoeSWAForCausalLM"],"model_type":"granitemoe_swa""#,
            "granite_swa.expert_used_count", 2
        ),
        (
            #"["Gemma4UnifiedForConditionalGeneration"],"text_config":{"model_type":"gemma4_unified_text"}"#,
            "gemma4.attention.sliding_window", 1024
        ),
        (
            #"["Qwen3_5MoeForCausalLM"],"norm_topk_prob":false"#, "qwen35moe.expert_used_count", 8
        ),
        (
            #"["Ernie4_5_MoeForCausalLM"],"num_experts_per_tok":3"#,
            "ernie4_5-moe.expert_used_count", 3
        ),
        (#"["MT5ForConditionalGeneration"],"model_type":"mt5""#, "t5.block_count", 8),
        (
            #"["T5ForConditionalGeneration"],"model_type":"t5","decoder_start_token_id":0"#,
            "t5.block_count", 6
        ),
    ])
    func whatIsNotSaidIsTheClassesOwn(_ members: String, _ key: String, _ expected: UInt32) throws {
        let found = try FamilyOptionTests.value(key, #"{"architectures":\#(members)}"#)
        #expect(found == .uint32(expected))
    }

    @Test func gemma3nHasTheBasesOfItsClass() throws {
        let text =
            #"{"architectures":["Gemma3nForCausalLM"],"num_hidden_layers":20,"rope_scaling":null}"#
        let bases = try ["freq_base", "freq_base_swa"].map {
            try FamilyOptionTests.value("gemma3n.rope.\($0)", text)
        }
        #expect(bases == [.float32(1_000_000), .float32(10000)])
    }

    @Test func gptOssIsScaledAsItsConfigurationSays() throws {
        let found = try FamilyOptionTests.value(
            "gpt-oss.rope.scaling.factor",
            #"{"architectures":["GptOssForCausalLM"],"rope_scaling":{"rope_type":"yarn","factor":8,"original_max_position_embeddings":64}}"#
        )
        #expect(found == .float32(8))
    }

    @Test func theOlderSpellingStandsAboveTheNewer() throws {
        let found = try FamilyOptionTests.value(
            "llama.rope.scaling.factor",
            #"{"architectures":["LlamaForCausalLM"],"rope_parameters":{"rope_type":"linear","factor":4},"rope_scaling":{"type":"linear","factor":2}}"#
        )
        #expect(found == .float32(2))
    }

    @Test func commandRHasTheContextThatItWasTrainedWith() throws {
        let found = try FamilyOptionTests.value(
            "command-r.context_length",
            #"{"architectures":["CohereForCausalLM"],"max_position_embeddings":8192,"model_max_length":131072}"#
        )
        #expect(found == .uint32(131072))
    }

    @Test func longRoPEHasAnAttentionFactor() throws {
        let phi =
            #"{"architectures":["Phi3ForCausalLM"],"hidden_size":8,"num_attention_heads":1,"max_position_embeddings":16384,"original_max_position_embeddings":4096,"rope_scaling":{"type":"longrope","long_factor":[1,2,3,4],"short_factor":[1,1,1,1]}}"#
        let found = try FamilyOptionTests.value("phi3.rope.scaling.attn_factor", phi)
        // sqrt(1 + ln 4 / ln 4096) = sqrt(7 / 6)
        #expect(found == .float32(Float((7.0 / 6).squareRoot())))
    }

    @Test func phiMoESaysItsMagnitude() throws {
        func text(_ long: Double) -> String {
            #"{"architectures":["PhiMoEForCausalLM"],"hidden_size":8,"num_attention_heads":1,"num_key_value_heads":1,"rope_scaling":{"type":"longrope","long_factor":[1,2,3,4],"short_factor":[1,1,1,1],"short_mscale":1.25,"long_mscale":\#(long)}}"#
        }
        let found = try FamilyOptionTests.value("phimoe.rope.scaling.attn_factor", text(1.25))
        #expect(found == .float32(1.25))
        let error = #expect(throws: ArchitectureError.self) {
            try FamilyOptionTests.entries(text(1.5))
        }
        #expect(error?.key == "long_mscale")
    }

    @Test func mptHasItsAttentionApart() throws {
        func text(_ members: String) -> String {
            #"{"architectures":["MPTForCausalLM"],"attn_config":{\#(members)}}"#
        }
        #expect(
            try FamilyOptionTests.value("mpt.attention.clamp_kqv", text(#""clip_qkv":6"#))
                == .float32(6))
        #expect(
            try FamilyOptionTests.value("mpt.attention.max_alibi_bias", text("")) == .float32(8))
        for (key, members) in [
            ("alibi", #""alibi":false"#), ("qk_ln", #""qk_ln":true"#),
            ("attn_type", #""attn_type":"multiquery_attention""#),
        ] {
            let error = #expect(throws: ArchitectureError.self) {
                try FamilyOptionTests.entries(text(members))
            }
            #expect(error?.key == key)
        }
    }

    @Test func glmSaysWhatTheConfigurationSays() throws {
        let glm = #"{"architectures":["GlmForCausalLM"],"rope_theta":1e8}"#
        for (key, value) in [
            ("context_length", MetadataValue.uint32(131072)),
            ("attention.layer_norm_rms_epsilon", .float32(1.5625e-7)),
            ("rope.freq_base", .float32(1e8)), ("rope.dimension_count", .uint32(64)),
        ] { #expect(try FamilyOptionTests.value("chatglm.\(key)", glm) == value) }
    }

    @Test func sectionsOfTheRotationAreFour() throws {
        let found = try FamilyOptionTests.value(
            "qwen2vl.rope.dimension_sections",
            #"{"architectures":["Qwen2VLForConditionalGeneration"],"rope_scaling":{"type":"mrope","mrope_section":[16,24,24]}}"#
        )
        #expect(found == .int32s([16, 24, 24, 0]))
        let layers = try FamilyOptionTests.value(
            "qwen3vl.n_deepstack_layers",
            #"{"architectures":["Qwen3VLForConditionalGeneration"],"vision_config":{"deepstack_visual_indexes":[5,11]}}"#
        )
        #expect(layers == .uint32(2))
    }

    @Test func ministralHasATemperature() throws {
        let text =
            #"{"architectures":["Ministral3ForCausalLM"],"model_type":"ministral3","rope_parameters":{"rope_type":"yarn","factor":16,"original_max_position_embeddings":16384,"mscale_all_dim":1,"llama_4_scaling_beta":0.1}}"#
        #expect(
            try FamilyOptionTests.value("mistral3.attention.temperature_scale", text)
                == .float32(0.1))
        #expect(
            try FamilyOptionTests.value("mistral3.rope.scaling.yarn_log_multiplier", text)
                == .float32(1))
    }

    @Test func layersThatPredictFurtherTokensAreBlocks() throws {
        let text =
            #"{"architectures":["Glm4MoeForCausalLM"],"head_dim":128,"num_hidden_layers":5,"num_nextn_predict_layers":2}"#
        #expect(try FamilyOptionTests.value("glm4moe.block_count", text) == .uint32(7))
        #expect(try FamilyOptionTests.value("glm4moe.nextn_predict_layers", text) == .uint32(2))
        #expect(throws: ArchitectureError.self) {
            try FamilyOptionTests.value(
                "glm4moe.block_count",
                #"{"architectures":["Glm4MoeForCausalLM"],"num_nextn_predict_layers":-1}"#)
        }
    }

    @Test func layersOfTheDeltaRuleAreListed() throws {
        let text =
            #"{"architectures":["Qwen3_5ForCausalLM"],"num_hidden_layers":3,"full_attention_interval":2}"#
        #expect(
            try FamilyOptionTests.value("qwen35.attention.recurrent_layers", text)
                == .bools([true, false, true]))
        #expect(
            try FamilyOptionTests.value("qwen35.rope.dimension_sections", text)
                == .int32s([11, 11, 10, 0]))
        #expect(try FamilyOptionTests.value("qwen35.rope.dimension_count", text) == .uint32(64))
    }

    @Test func gemma4HasTwoSizesOfHeads() throws {
        let text =
            #"{"architectures":["Gemma4ForCausalLM"],"num_hidden_layers":2,"layer_types":["sliding_attention","full_attention"],"attention_k_eq_v":true,"num_key_value_heads":4,"num_global_key_value_heads":1,"num_attention_heads":8,"head_dim":32,"use_double_wide_mlp":true,"num_kv_shared_layers":1,"intermediate_size":10,"per_layer_config":{"1":{"head_dim":64,"num_key_value_heads":1}}}"#
        #expect(
            try FamilyOptionTests.value("gemma4.attention.head_count_kv", text)
                == .int32s([4, 1]))
        #expect(
            try FamilyOptionTests.value("gemma4.feed_forward_length", text) == .int32s([10, 20]))
        #expect(try FamilyOptionTests.value("gemma4.attention.key_length", text) == .uint32(64))
        #expect(
            try FamilyOptionTests.value("gemma4.attention.key_length_swa", text) == .uint32(32))
    }

    @Test func answersOfClassifiersHaveNames() throws {
        let key = "bert.classifier.output_labels"
        let classifier = #"{"architectures":["BertForSequenceClassification"]"#
        let named = try FamilyOptionTests.value(
            key, classifier + #","id2label":{"10":"k","2":"c","0":"a"}}"#)
        #expect(named == .strings(["a", "c", "k"]))
        // Those that every configuration has are none.
        let usual = #","id2label":{"0":"LABEL_0","1":"LABEL_1"}}"#
        #expect(try FamilyOptionTests.value(key, classifier + usual) == nil)
        #expect(
            try FamilyOptionTests.value(key, classifier + #","num_labels":1}"#)
                == .strings(["LABEL_0"]))
    }

    @Test(arguments: [
        (#""architectures":["GraniteForCausalLM"],"head_dim":64"#, "head_dim"),
        (
            #""architectures":["Phi3ForCausalLM"],"rope_scaling":{"type":"longrope","long_factor":[1],"short_factor":[1]}"#,
            "rope_scaling.long_factor"
        ),
        (
            #""architectures":["Exaone4ForCausalLM"],"num_hidden_layers":3,"layer_types":["full_attention"]"#,
            "layer_types"
        ),
        (
            #""architectures":["StableLmForCausalLM"],"partial_rotary_factor":7"#,
            "partial_rotary_factor"
        ),
        (
            #""architectures":["BertModel"],"position_embedding_type":"relative_key""#,
            "position_embedding_type"
        ),
        (
            #""architectures":["XLMRobertaModel"],"lora_adaptations":["retrieval"]"#,
            "lora_adaptations"
        ),
        (#""architectures":["T5ForConditionalGeneration"]"#, "decoder_start_token_id"),
        (#""architectures":["ModernBertModel"],"norm_bias":true"#, "norm_bias"),
        (
            #""architectures":["ModernBertModel"],"global_attn_every_n_layers":0"#,
            "global_attn_every_n_layers"
        ),
        (
            #""architectures":["ModernBertModel"],"classifier_pooling":"max""#,
            "classifier_pooling"
        ),
        (
            #""architectures":["NomicBertModel"],"n_layer":1,"n_embd":8,"n_head":2,"n_inner":8,"moe_every_n_layers":2,"prenorm":true"#,
            "prenorm"
        ),
        (
            #""architectures":["Gemma4ForCausalLM"],"per_layer_config":{"0":{"head_dim":64}}"#,
            "per_layer_config"
        ),
        (
            #""architectures":["Gemma4ForCausalLM"],"num_kv_shared_layers":30"#,
            "num_kv_shared_layers"
        ),
        (
            #""architectures":["Qwen3_5ForCausalLM"],"attn_output_gate":false"#,
            "attn_output_gate"
        ),
        (
            #""architectures":["Qwen3NextForCausalLM"],"linear_num_value_heads":24"#,
            "linear_num_value_heads"
        ),
        (#""architectures":["Qwen3NextForCausalLM"],"layer_types":["conv"]"#, "layer_types"),
        (#""architectures":["MambaForCausalLM"],"use_bias":true"#, "use_bias"),
        (#""architectures":["MambaForCausalLM"],"expand":3"#, "intermediate_size"),
    ])
    func whatCannotBeExpressedNamesItsKey(_ members: String, _ key: String) throws {
        let error = #expect(throws: ArchitectureError.self) {
            try FamilyOptionTests.entries("{\(members)}")
        }
        #expect(error?.key == key)
    }
    @Test(arguments: [
        (#""architectures":["LlamaForCausalLM"],"hidden_act":"relu""#, "hidden_act"),
        (
            #""architectures":["Glm4MoeForCausalLM"],"head_dim":128,"hidden_act":"gelu""#,
            "hidden_act"
        ),
        (
            #""architectures":["SmolLM3ForCausalLM"],"no_rope_layer_interval":3"#,
            "no_rope_layer_interval"
        ),
        (
            #""architectures":["Cohere2ForCausalLM"],"num_hidden_layers":2,"layer_types":["full_attention","full_attention"]"#,
            "layer_types"
        ),
        (#""architectures":["DistilBertModel"],"activation":"relu""#, "activation"),
        (#""architectures":["Gemma3TextModel"]"#, "use_bidirectional_attention"),
        (
            #""architectures":["T5EncoderModel"],"feed_forward_proj":"gated-silu""#,
            "feed_forward_proj"
        ),
        (
            #""architectures":["UMT5Model"],"relative_attention_max_distance":64"#,
            "relative_attention_max_distance"
        ),
        (
            #""architectures":["ModernBertModel"],"num_hidden_layers":2,"layer_types":["full_attention","full_attention"]"#,
            "layer_types"
        ),
        (
            #""architectures":["Gemma4ForCausalLM"],"use_bidirectional_attention":"all""#,
            "use_bidirectional_attention"
        ),
    ])
    func whatReadersComputeOtherwiseNamesItsKey(_ members: String, _ key: String) throws {
        let json = try JSON.parse(Array("{\(members)}".utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let review = try family.review(try family.configuration(json, path: "config.json"))
        #expect(review.departures.map(\.key) == [key])
    }
}
