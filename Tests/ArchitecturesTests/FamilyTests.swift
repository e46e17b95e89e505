import Architectures
import TensorCore
import TestSupport
import Testing

@Suite struct FamilyTests {
    @Test func noClassHasTwoFamilies() {
        let names = ModelFamily.all.flatMap { $0.classes }
        #expect(Set(names).count == names.count)
    }

    /// Families with tensors of the whole model that stand in one of its layers.
    private static let inOneLayer = ["DeepseekV4Dspark", "Qwen4Exp"]

    @Test(arguments: ModelFamily.all.map(\.name))
    func rulesDoNotCompete(_ name: String) throws {
        let family = try #require(ModelFamily.all.first { $0.name == name })
        for rule in family.tensors.rules {
            for source in rule.sources {
                let name = source.pattern.name(block: 12, expert: "34")
                let matches = family.tensors.rules.flatMap(\.sources).filter {
                    $0.pattern.place(of: name.utf8) != nil
                }
                // The same tensors may be in several rules, under conditions that exclude each other.
                #expect(Set(matches.map(\.pattern)) == [source.pattern])
                let place = try #require(source.pattern.place(of: name.utf8))
                #expect(place.block == (source.pattern.isPerBlock ? 12 : 0))
                #expect(place.expert == (source.pattern.isPerExpert ? 34 : 0))
                #expect(rule.isPerBlock == source.pattern.isPerBlock)
            }
            for output in rule.outputs {
                #expect(
                    rule.isPerBlock == output.name.isPerBlock
                        || rule.isPerBlock && Self.inOneLayer.contains(name))
                #expect(!output.name.isPerExpert)
            }
            #expect(Set(rule.outputs.map(\.name)).count == rule.outputs.count)
        }
    }

    @Test(arguments: [
        "model.layers.01.x.weight", "model.layers..x.weight", "model.layers.-1.x.weight",
        "model.layers.1.x.weight.", "model.layers.1.y.weight", "layers.1.x.weight", "",
        "model.layers.99999999999999999999.x.weight", "model.layers.1",
    ])
    func otherNamesDoNotMatch(_ name: String) {
        #expect(TensorPattern("model.layers.{bid}.x.weight").place(of: name.utf8) == nil)
        #expect(TensorPattern("model.layers.{xid}.x.weight").place(of: name.utf8) == nil)
    }

    static func configuration(_ text: String) throws -> ModelConfiguration {
        let json = try JSON.parse(Array(text.utf8))
        return try ModelFamily.of(config: json, path: "config.json")
            .configuration(json, path: "config.json")
    }

    static func hyperparameters(_ text: String) throws -> [String: MetadataValue] {
        let json = try JSON.parse(Array(text.utf8))
        let family = try ModelFamily.of(config: json, path: "config.json")
        let configuration = try family.configuration(json, path: "config.json")
        let entries = try family.entries(family.keys, of: configuration, fileType: 1)
        return Dictionary(
            entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    @Test func missingKeysHaveTheClassesDefaults() throws {
        let llama = try FamilyTests.hyperparameters(
            #"{"architectures":["LlamaForCausalLM"],"hidden_size":512,"num_attention_heads":8,"num_key_value_heads":null}"#
        )
        #expect(llama["llama.attention.head_count_kv"] == .uint32(8))
        #expect(llama["llama.attention.key_length"] == .uint32(64))
        #expect(llama["llama.context_length"] == .uint32(2048))
        #expect(llama["llama.rope.freq_base"] == .float32(10000))
        #expect(llama["llama.attention.layer_norm_rms_epsilon"] == .float32(1e-6))
        let qwen = try FamilyTests.hyperparameters(#"{"architectures":["Qwen2ForCausalLM"]}"#)
        #expect(qwen["qwen2.attention.key_length"] == nil)
        #expect(qwen["qwen2.rope.freq_base"] == .float32(10000))
        let mistral = try FamilyTests.hyperparameters(#"{"architectures":["MistralForCausalLM"]}"#)
        #expect(mistral["llama.attention.head_count_kv"] == .uint32(8))
    }

    /// The two spellings of the rotary parameters mean the same.
    @Test(arguments: [
        #""rope_parameters":{"rope_type":"yarn","factor":4.0,"rope_theta":5e5,"original_max_position_embeddings":4096,"beta_fast":32}"#,
        #""rope_theta":500000,"rope_scaling":{"type":"yarn","factor":4,"original_max_position_embeddings":4096,"beta_fast":32.0}"#,
    ])
    func bothSpellings(_ rotary: String) throws {
        let keys = try FamilyTests.hyperparameters(
            #"{"architectures":["Qwen3ForCausalLM"],\#(rotary)}"#)
        #expect(keys["qwen3.rope.freq_base"] == .float32(500000))
        #expect(keys["qwen3.rope.scaling.type"] == .string("yarn"))
        #expect(keys["qwen3.rope.scaling.factor"] == .float32(4))
        #expect(keys["qwen3.rope.scaling.original_context_length"] == .uint32(4096))
        #expect(keys["qwen3.rope.scaling.yarn_beta_fast"] == .float32(32))
        #expect(keys["qwen3.rope.scaling.yarn_beta_slow"] == nil)
    }

    @Test func linearScalingHasItsKeys() throws {
        let keys = try FamilyTests.hyperparameters(
            #"{"architectures":["LlamaForCausalLM"],"rope_scaling":{"type":"linear","factor":2.0}}"#
        )
        #expect(keys["llama.rope.scaling.type"] == .string("linear"))
        #expect(keys["llama.rope.scaling.factor"] == .float32(2))
        #expect(keys["llama.rope.scaling.original_context_length"] == nil)
    }

    @Test func textConfigurationsAreSeenAtTheTop() throws {
        let configuration = try FamilyTests.configuration(
            #"{"architectures":["LlamaForCausalLM"],"hidden_size":1,"text_config":{"hidden_size":128,"num_attention_heads":2}}"#
        )
        #expect(try configuration.hiddenSize() == 128)
        #expect(try configuration.headDim() == 64)
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let members: String
        let expected: ArchitectureError.Kind
        let key: String?
        var testDescription: String { members }
        init(_ members: String, _ expected: ArchitectureError.Kind, _ key: String?) {
            (self.members, self.expected, self.key) = (members, expected, key)
        }
    }

    @Test(arguments: [
        Fault(#""num_attention_heads":0"#, .invalidHeadCount(0), "num_attention_heads"),
        Fault(#""num_key_value_heads":-3"#, .invalidHeadCount(-3), "num_key_value_heads"),
        Fault(
            #""num_attention_heads":32,"num_key_value_heads":5"#,
            .unevenHeadGroups(heads: 32, keyValueHeads: 5), "num_key_value_heads"),
        Fault(
            #""hidden_size":100,"num_attention_heads":3,"num_key_value_heads":3"#,
            .unevenHeads(hiddenSize: 100, heads: 3), "hidden_size"),
        Fault(#""head_dim":33"#, .oddHeadSize(33), "head_dim"),
        Fault(
            #""num_hidden_layers":1000000000"#,
            .layerCountOutOfRange(found: 1_000_000_000, limit: 10_000), "num_hidden_layers"),
        Fault(
            #""num_hidden_layers":0"#, .layerCountOutOfRange(found: 0, limit: 10_000),
            "num_hidden_layers"),
        Fault(
            #""hidden_size":"big""#, .invalidValue(found: "a string", expected: "an integer"),
            "hidden_size"),
        Fault(
            #""hidden_size":null"#, .missingKey, "hidden_size"),
        Fault(
            #""rope_scaling":{"type":"longrope"}"#,
            .unsupportedRotaryScaling(
                "longrope", supported: ["default", "linear", "yarn", "dynamic", "llama3"]),
            "rope_scaling.rope_type"),
        Fault(
            #""rope_scaling":[1]"#, .invalidValue(found: "an array", expected: "an object"),
            "rope_scaling"),
    ])
    func impossibleConfigurationsAreRefused(_ fault: Fault) throws {
        let error = #expect(throws: ArchitectureError.self) {
            try FamilyTests.configuration(
                #"{"architectures":["LlamaForCausalLM"],\#(fault.members)}"#)
        }
        #expect(error?.kind == fault.expected)
        #expect(error?.key == fault.key)
    }

    @Test func largeValuesAreRefusedAndDoNotTrap() throws {
        for members in [
            #""max_position_embeddings":4294967296"#, #""intermediate_size":-1"#,
            #""vocab_size":9223372036854775807"#,
        ] {
            #expect(throws: ArchitectureError.self) {
                try FamilyTests.hyperparameters(
                    #"{"architectures":["LlamaForCausalLM"],\#(members)}"#)
            }
        }
        let huge = try FamilyTests.configuration(
            #"{"architectures":["LlamaForCausalLM"],"hidden_size":4,"head_dim":4611686018427387904}"#
        )
        #expect(throws: ArchitectureError.self) { try Dimension.queryHeads.size(in: huge) }
    }

    @Test func unknownArchitecturesListTheSupported() throws {
        let json = try JSON.parse(Array(#"{"architectures":["NoSuchModel"]}"#.utf8))
        let error = #expect(throws: ArchitectureError.self) {
            try ModelFamily.of(config: json, path: "config.json")
        }
        guard case .unknownArchitecture("NoSuchModel", let supported)? = error?.kind else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(supported.contains("Qwen3ForCausalLM"))
        let similar = ArchitectureError(
            .unknownArchitecture("Qwen3NewForCausalLM", supported: supported), path: "config.json")
        #expect(similar.problem.contains("\(supported.count) that docs/families.md lists, among"))
        #expect(similar.problem.contains("Qwen3NextForCausalLM"))
        #expect(similar.problem.utf8.count < 300)
        for text in ["{}", #"{"architectures":[]}"#, #"{"architectures":[1]}"#, "[]"] {
            let json = try JSON.parse(Array(text.utf8))
            let error = #expect(throws: ArchitectureError.self) {
                try ModelFamily.of(config: json, path: "config.json")
            }
            #expect(error?.kind == .missingArchitecture)
        }
    }

    /// Factors of Llama 3.1's scaling with heads of 64 values, computed with torch.
    @Test func llama3FactorsAreThoseOfTheReference() throws {
        let json = try JSON.parse(
            Array(
                #"{"architectures":["LlamaForCausalLM"],"hidden_size":256,"num_attention_heads":4,"rope_theta":500000,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}}"#
                    .utf8))
        let family = try ModelFamily.of(config: json, path: "")
        let tensors = try family.rotary.tensors(try family.configuration(json, path: ""))
        #expect(tensors.map(\.name) == ["rope_freqs.weight"])
        let bytes = tensors[0].values.flatMap { value in
            withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
        #expect(
            sha256(bytes) == "52d7c3ec87a87f6e3fd1ac99cc9b7ad0625f7b8bf84f2e1695296a72c7b3132d")
    }
}
