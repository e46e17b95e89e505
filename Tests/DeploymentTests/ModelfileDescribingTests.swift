import Deployment
import Modelfiles
import Serving
import TensorCore
import TestSupport
import Testing

@Suite struct ModelfileDescribingTests {
    /// A GGUF file of the tiny model with other metadata.
    @discardableResult
    private func withModel<Result>(
        _ changes: [(String, MetadataValue?)] = [], _ body: (String) throws -> Result
    ) throws -> Result {
        try TinyModel.withFile(changes, body)
    }

    @Test func saysWhatTheModelSays() throws {
        let changes: [(String, MetadataValue?)] = [
            ("general.sampling.temp", .float32(0.6)), ("general.sampling.top_k", .int32(20)),
            ("general.sampling.penalty_repeat", .float32(1.05)),
            ("tokenizer.ggml.eot_token_id", .uint32(4094)),
            ("tokenizer.ggml.eom_token_id", .uint32(4095)),
            ("tokenizer.ggml.fim_pre_token_id", .uint32(4093)),
            ("general.license", .string("apache-2.0")),
        ]
        try withModel(changes) { path in
            let modelfile = try Modelfile(ModelFacts(path: path), .init(from: "./model.gguf"))
            #expect(
                modelfile.instructions == [
                    .from("./model.gguf"), .parameter(name: "num_ctx", value: "1024"),
                    .parameter(name: "temperature", value: "0.6"),
                    .parameter(name: "top_k", value: "20"),
                    .parameter(name: "repeat_penalty", value: "1.05"),
                    .parameter(name: "stop", value: "<|end_of_text|>"),
                    .parameter(name: "stop", value: "<|begin_of_text|>"), .license("apache-2.0"),
                ])
            let text = try modelfile.written()
            #expect(try Modelfile(parsing: Array(text.utf8)) == modelfile)
            // Our own server takes all of it.
            #expect(try ModelPreset(modelfile, path: nil).notes.isEmpty)
        }
    }

    @Test func ordinaryTokensAreNoStopWords() throws {
        // A line feed that ends a generation would end every answer at its first line.
        try withModel([("tokenizer.ggml.eos_token_id", .uint32(10))]) { path in
            let modelfile = try Modelfile(ModelFacts(path: path), .init(from: "m"))
            #expect(
                !modelfile.instructions.contains {
                    if case .parameter("stop", _) = $0 { true } else { false }
                })
        }
    }

    @Test func whatIsAskedForHasPrecedence() throws {
        try withModel([("general.sampling.temp", .float32(0.6))]) { path in
            var request = Modelfile.Request(from: "m")
            request.parameters = [
                ("Temperature", "0"), ("stop", "User:"), ("stop", "<|end_of_text|>"),
                ("num_ctx", "512"),
            ]
            request.system = "Be\nterse."
            request.licenses = ["MIT", "other"]
            let modelfile = try Modelfile(ModelFacts(path: path), request)
            let object = try modelfile.parameterObject()
            #expect(object["temperature"]?.double == 0 && object["num_ctx"]?.integer == 512)
            #expect(object["stop"] == ["<|end_of_text|>", "User:"])
            #expect(modelfile.system == "Be\nterse." && modelfile.licenses == ["MIT", "other"])
            for (name, value) in [("warmth", "1"), ("temperature", "hot"), ("num_ctx", "1.5")] {
                request.parameters = [(name, value)]
                #expect(throws: DeploymentError.self) {
                    try Modelfile(ModelFacts(path: path), request)
                }
            }
        }
    }

    @Test func directoriesAreRead() throws {
        let facts = try ModelFacts(path: Fixtures.path("tiny-llama"))
        #expect(facts.container == .directory && facts.contextLength == 1024)
        let modelfile = try Modelfile(facts, .init(from: "x"))
        #expect(modelfile.instructions.contains(.parameter(name: "stop", value: "<|end_of_text|>")))
    }

    @Test func modelsAreNamedFromTheModelfile() {
        #expect(Modelfile.reference(to: "model.gguf", from: nil) == "./model.gguf")
        #expect(Modelfile.reference(to: "../m.gguf", from: nil) == "../m.gguf")
        #expect(Modelfile.reference(to: "/a/b/m.gguf", from: "/a/Modelfile") == "./b/m.gguf")
        #expect(Modelfile.reference(to: "/a/b/m.gguf", from: "/a/c/Modelfile") == "/a/b/m.gguf")
    }

    // MARK: Go templates

    static let chatML = """
        {% for m in messages %}<|im_start|>{{ m.role }}
        {{ m.content }}<|im_end|>
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """

    @Test func templatesAreReadOff() throws {
        try withModel([("tokenizer.chat_template", .string(Self.chatML))]) { path in
            let text = try GoTemplate(ModelFacts(path: path)).text
            #expect(
                text == #"""
                    {{- $before := "" }}
                    {{- range .Messages }}
                    {{- if eq .Role "system" }}{{ "<|im_start|>system\n" }}{{ .Content }}
                    {{- else if eq .Role "user" }}{{ if eq $before "" }}{{ "<|im_start|>user\n" }}{{ else if eq $before "system" }}{{ "<|im_end|>\n<|im_start|>user\n" }}{{ else }}{{ "<|im_end|>\n<|im_start|>user\n" }}{{ end }}{{ .Content }}
                    {{- else if eq .Role "assistant" }}{{ "<|im_end|>\n<|im_start|>assistant\n" }}{{ .Content }}
                    {{- end }}
                    {{- $before = .Role }}
                    {{- end }}
                    {{- if ne $before "assistant" }}{{ "<|im_end|>\n<|im_start|>assistant\n" }}{{ end }}
                    """#)
        }
    }

    @Test func templatesThatSayMoreAreRefused() throws {
        let templates = [
            // The last message is not as the others.
            "{% for m in messages %}{{ '!' if loop.last else '?' }}{{ m.content }}{% endfor %}",
            // The date.
            "{{ strftime_now('%Y') }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}",
            // Only the last message.
            "{{ messages[-1].content }}",
        ]
        for template in templates {
            try withModel([("tokenizer.chat_template", .string(template))]) { path in
                #expect(throws: DeploymentError.self, "\(template)") {
                    try GoTemplate(ModelFacts(path: path))
                }
            }
        }
        try withModel { path in
            #expect(throws: DeploymentError.self) { try GoTemplate(ModelFacts(path: path)) }
        }
    }

    @Test func theTokenizersOwnBeginningIsLeftOut() throws {
        let template = "{{ bos_token }}" + Self.chatML
        try withModel([("tokenizer.chat_template", .string(template))]) { path in
            let text = try GoTemplate(ModelFacts(path: path)).text
            #expect(!text.contains("begin_of_text"))
        }
        let changes: [(String, MetadataValue?)] = [
            ("tokenizer.chat_template", .string(template)),
            ("tokenizer.ggml.add_bos_token", .bool(false)),
        ]
        try withModel(changes) { path in
            let text = try GoTemplate(ModelFacts(path: path)).text
            #expect(text.contains("begin_of_text"))
        }
    }
}
