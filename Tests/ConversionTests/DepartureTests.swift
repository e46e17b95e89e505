import Architectures
import Conversion
import TensorCore
import TestSupport
import Testing

/// Options that a GGUF file has no key for and that its readers compute otherwise: the file is written, and
/// one sentence for each names the key, its value and what readers compute.
@Suite struct DepartureTests {
    private static func review(_ members: String) throws -> ConfigurationReview {
        let json = try JSON.parse(Array("{\(members)}".utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        return try family.review(try family.configuration(json, path: "config.json"))
    }

    static let options: [(architecture: String, key: String, value: String, means: String)] = [
        ("Qwen3MoeForCausalLM", "norm_topk_prob", "false", "true"),
        ("Qwen2MoeForCausalLM", "norm_topk_prob", "true", "false"),
        ("Qwen3VLMoeForConditionalGeneration", "norm_topk_prob", "false", "true"),
        ("GroveMoeForCausalLM", "norm_topk_prob", "false", "true"),
        ("MellumForCausalLM", "norm_topk_prob", "false", "true"),
        ("Lfm2MoeForCausalLM", "norm_topk_prob", "false", "true"),
        ("Lfm2MoeForCausalLM", "routed_scaling_factor", "2", "1"),
        ("AfmoeForCausalLM", "mup_enabled", "false", "true"),
        ("OlmoeForCausalLM", "clip_qkv", "8.0", "nothing"),
        ("MixtralForCausalLM", "hidden_act", "\"relu\"", "\"silu\""),
        ("GPTNeoXForCausalLM", "hidden_act", "\"relu\"", "\"gelu\""),
        ("Mamba2ForCausalLM", "hidden_act", "\"gelu\"", "\"silu\""),
        ("NemotronForCausalLM", "hidden_act", "\"silu\"", "\"relu2\""),
        ("T5ForConditionalGeneration", "feed_forward_proj", "\"gated-silu\"", "\"gated-gelu\""),
        ("GptOssForCausalLM", "swiglu_limit", "5", "7"),
        ("FalconForCausalLM", "alibi", "true", "false"),
        ("GPT2LMHeadModel", "scale_attn_by_inverse_layer_idx", "true", "false"),
        ("Gemma2ForCausalLM", "query_pre_attn_scalar", "144.0", "256"),
        ("Gemma3ForCausalLM", "use_bidirectional_attention", "true", "false"),
        ("DeepseekV3ForCausalLM", "rope_interleave", "false", "true"),
        ("Llama4ForCausalLM", "use_qk_norm", "false", "true"),
        ("Llama4ForCausalLM", "no_rope_layer_interval", "3", "4"),
        ("BloomForCausalLM", "apply_residual_connection_post_layernorm", "true", "false"),
        ("MPTForCausalLM", "logit_scale", "0.5", "nothing"),
        ("PhiMoEForCausalLM", "router_jitter_noise", "0.1", "0.01"),
        ("PhiMoEForCausalLM", "num_experts_per_tok", "3", "2"),
        ("SmolLM3ForCausalLM", "no_rope_layer_interval", "2", "every fourth layer"),
    ]

    @Test(arguments: options)
    func aSentenceNamesKeyValueAndWhatReadersCompute(
        _ architecture: String, _ key: String, _ value: String, _ means: String
    ) throws {
        let review = try DepartureTests.review(
            #""architectures":["\#(architecture)"],"\#(key)":\#(value)"#)
        let warning = try #require(review.warnings.first { $0.contains(key) })
        #expect(warning.hasPrefix("config.json: \(key): "))
        if !key.hasPrefix("no_rope") { #expect(warning.contains("\(value) is not carried over")) }
        #expect(warning.contains(means))
        #expect(review.warnings.count { $0.contains(key) } == 1)
    }

    @Test func listsThatReadersDoNotReadAreTold() throws {
        for (architecture, key, value, layers) in [
            ("Llama4ForCausalLM", "no_rope_layers", "[1,0,1,0]", 4),
            ("Llama4ForCausalLM", "layer_types", #"["full_attention","chunked_attention"]"#, 2),
            ("SmallThinkerForCausalLM", "rope_layout", "[0]", 32),
            ("Cohere2ForCausalLM", "layer_types", #"["full_attention","sliding_attention"]"#, 2),
            ("GraniteMoeHybridForCausalLM", "time_step_limit", "[0.001, 0.1]", 40),
        ] {
            let review = try DepartureTests.review(
                #""architectures":["\#(architecture)"],"num_hidden_layers":\#(layers),"\#(key)":\#(value)"#
            )
            #expect(review.departures.map(\.key) == [key], "\(architecture)")
        }
    }

    /// What a configuration leaves to its class, and a file to its readers, who take something else.
    @Test func whatIsNotSaidIsTold() throws {
        for (architecture, key, value) in [
            ("DeepseekV3ForCausalLM", "scoring_func", #""sigmoid""#),
            ("Glm4MoeLiteForCausalLM", "scoring_func", #""sigmoid""#),
            ("AfmoeForCausalLM", "route_norm", "true"),
        ] {
            let said =
                #""architectures":["\#(architecture)"],"mup_enabled":true,"num_hidden_layers":8"#
            let missing = try DepartureTests.review(said)
            #expect(missing.departures.map(\.key) == [key])
            let stated = try DepartureTests.review(said + #","\#(key)":\#(value)"#)
            #expect(stated.departures.isEmpty)
        }
        let published = try DepartureTests.review(
            #""architectures":["Glm4MoeLiteForCausalLM"],"num_hidden_layers":47,"vocab_size":154880"#
        )
        #expect(published.departures.isEmpty)
    }

    /// Every option has a sentence of its own.
    @Test func severalOptionsAreToldOneByOne() throws {
        let review = try DepartureTests.review(
            #""architectures":["GPT2LMHeadModel"],"scale_attn_weights":false,"activation_function":"relu""#
        )
        #expect(review.departures.map(\.key) == ["activation_function", "scale_attn_weights"])
    }

    @Test func publishedModelsHaveNothingToTell() throws {
        for architecture in ["Gemma2ForCausalLM", "Gemma3ForCausalLM", "SmolLM3ForCausalLM"] {
            let review = try DepartureTests.review(
                #""architectures":["\#(architecture)"],"sliding_window":512"#)
            #expect(review.departures.isEmpty, "\(review.warnings)")
        }
    }

    /// A scaling that neither the file nor its readers have is told; one that only counts beyond the
    /// training's context has a notice already.
    @Test func rotaryScalingsWithoutATensorAreTold() throws {
        let scaling =
            #""factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64"#
        let review = try DepartureTests.review(
            #""architectures":["Qwen3ForCausalLM"],"rope_scaling":{"rope_type":"llama3",\#(scaling)}"#
        )
        #expect(review.departures.map(\.key) == ["rope_scaling.rope_type"])
        let dynamic = try DepartureTests.review(
            #""architectures":["FalconH1ForCausalLM"],"rope_scaling":{"rope_type":"dynamic","factor":2}"#
        )
        #expect(!dynamic.departures.contains { $0.key?.hasPrefix("rope_scaling") ?? false })
    }

    /// The factors of Falcon-H1 that tied embeddings cannot both have, and its norm before the gate, which the
    /// class takes where nothing is said.
    @Test func falconsFactorsAndNormAreTold() throws {
        let review = try DepartureTests.review(
            #""architectures":["FalconH1ForCausalLM"],"tie_word_embeddings":true,"embedding_multiplier":5.5,"lm_head_multiplier":0.5,"mamba_rms_norm":true"#
        )
        #expect(review.departures.map(\.key) == ["mamba_norm_before_gate", "lm_head_multiplier"])
    }

    /// Qwen 3 with experts is converted where `norm_topk_prob` is missing, which its class takes for false.
    @Test func aMissingNormIsToldAndChangesNoByte() throws {
        var model = SyntheticModel.experts()
        func file(_ more: [String: Any]) throws -> (values: [String: [Float]], warnings: [String]) {
            var model = model
            model.config.merge(more) { $1 }
            return try model.with { directory in
                let source = try ConversionSource(
                    directory: directory, options: .init(outputType: .f32, pre: "llama-bpe"))
                let values = try model.convert().mapValues(\.values)
                return (values, source.warnings.filter { $0.contains("norm_topk_prob") })
            }
        }
        let published = try file(["norm_topk_prob": true])
        model.config["norm_topk_prob"] = nil
        let missing = try file([:])
        #expect(published.values == missing.values)
        #expect(published.warnings.isEmpty)
        #expect(missing.warnings.count == 1)
        #expect(
            missing.warnings.first?.contains("norm_topk_prob: false is not carried over") == true)
        #expect(missing.warnings.first?.contains("qwen3moe") == true)
    }

    @Test func whatIsToldIsRefusedStrictly() throws {
        var model = SyntheticModel.experts()
        model.config["norm_topk_prob"] = false
        try model.with { directory in
            var options = ConversionSource.Options(outputType: .f32, pre: "llama-bpe")
            options.refusesDepartures = true
            let error = #expect(throws: ArchitectureError.self) {
                try ConversionSource(directory: directory, options: options)
            }
            #expect(error?.key == "norm_topk_prob")
        }
    }

    private static func entries(_ members: String) throws -> [String: MetadataValue] {
        let json = try JSON.parse(Array("{\(members)}".utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let configuration = try family.configuration(json, path: "config.json")
        let entries = try family.entries(
            family.rotary.leadingKeys + family.keys, of: configuration, fileType: 1)
        return Dictionary(entries.map { ($0.key, $0.value) }) { $1 }
    }

    /// Files of which readers end as the reference converter writes them are written as they load.
    @Test func whatReadersEndOnIsWrittenAsTheyLoadIt() throws {
        let groups = try DepartureTests.entries(
            #""architectures":["DeepseekV3ForCausalLM"],"n_group":4,"topk_group":4"#)
        #expect(groups["deepseek2.expert_group_count"] == .uint32(1))
        #expect(groups["deepseek2.expert_group_used_count"] == .uint32(1))
        let some = try DepartureTests.entries(
            #""architectures":["DeepseekV3ForCausalLM"],"n_group":4,"topk_group":2"#)
        #expect(some["deepseek2.expert_group_count"] == .uint32(4))
        #expect(some["deepseek2.expert_group_used_count"] == .uint32(2))

        let attention = #"["attention","attention"]"#
        let dense = try DepartureTests.entries(
            #""architectures":["GraniteMoeHybridForCausalLM"],"num_hidden_layers":2,"layer_types":\#(attention),"num_local_experts":0,"num_experts_per_tok":2"#
        )
        #expect(dense["granite.expert_used_count"] == .uint32(0))
        let experts = try DepartureTests.entries(
            #""architectures":["GraniteMoeHybridForCausalLM"],"num_hidden_layers":2,"layer_types":\#(attention),"num_local_experts":4,"num_experts_per_tok":2"#
        )
        #expect(experts["granitemoe.expert_used_count"] == .uint32(2))

        let types = #"["full_attention","full_attention"]"#
        let whole = try DepartureTests.entries(
            #""architectures":["MellumForCausalLM"],"num_hidden_layers":2,"layer_types":\#(types)"#)
        #expect(!whole.keys.contains { $0.contains("sliding_window") })
    }
}
