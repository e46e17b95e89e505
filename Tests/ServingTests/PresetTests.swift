import Modelfiles
import Serving
import TensorCore
import Testing

/// What a Modelfile says of answers.
@Suite struct PresetTests {
    private func preset(_ text: String) throws -> ModelPreset {
        try ModelPreset(
            Modelfile(parsing: Array("FROM m.gguf\n\(text)".utf8)), path: "Modelfile")
    }

    @Test func requestsThatSayNothingAreAnsweredSo() async throws {
        let server = try TestServer(
            preset: preset(
                """
                PARAMETER temperature 0
                PARAMETER num_predict 3
                PARAMETER stop "@@"
                PARAMETER num_ctx 512
                PARAMETER num_thread 3
                PARAMETER num_gpu 1
                SYSTEM Be terse.
                MESSAGE user Hi
                MESSAGE assistant Ho
                LICENSE MIT
                """))
        let preset = server.served.preset
        #expect(preset.contextLength == 512 && preset.threadCount == 3)
        #expect(preset.notes == ["PARAMETER num_gpu has no effect here"])
        // Defaults of both families of endpoints, which requests change.
        let ignored = #""prompt": "The", "ignore_eos": true"#
        #expect(await server.complete(ignored).json["usage"]?["completion_tokens"] == 3)
        let longer = await server.complete(ignored + #", "max_tokens": 5, "seed": 1"#)
        #expect(longer.json["usage"]?["completion_tokens"] == 5)
        let greedy = await server.complete(
            ignored + #", "max_tokens": 5, "temperature": 0, "seed": 2"#)
        #expect(longer.completion == greedy.completion)
        let ollama = await server.post(
            "/api/generate", #"{"model": "tiny", "prompt": "a", "stream": false}"#)
        #expect((0...3).contains(ollama.json["eval_count"]?.integer ?? -1))
        let show = await server.post("/api/show", #"{"model": "tiny"}"#).json
        #expect(show["system"] == "Be terse." && show["license"] == "MIT")
        #expect(
            show["parameters"]?.text
                == "num_ctx 512\nnum_gpu 1\nnum_predict 3\nnum_thread 3\nstop \"@@\"\ntemperature 0"
        )
        #expect(show["messages"]?.array?.first?["content"] == "Hi")
        #expect(show["modelfile"]?.text?.contains("MESSAGE user Hi\n") == true)
    }

    @Test func conversationsBeginSo() async throws {
        let server = try TestServer(
            preset: preset("SYSTEM Be terse.\nMESSAGE user Hi\nMESSAGE assistant Ho"))
        func prompt(_ messages: String) async -> String {
            await server.post("/apply-template", "{\"messages\": [\(messages)]}").json["prompt"]?
                .text?.split(separator: "\n").joined(separator: " ") ?? ""
        }
        let user = #"{"role": "user", "content": "Well?"}"#
        #expect(
            await prompt(user).hasSuffix(
                "<|system|> Be terse. <|user|> Hi <|assistant|> Ho <|user|> Well? <|assistant|>"))
        let told = await prompt(#"{"role": "system", "content": "Be long."}, "# + user)
        #expect(
            told.hasSuffix(
                "<|system|> Be long. <|user|> Hi <|assistant|> Ho <|user|> Well? <|assistant|>"))
        // Faults tell where the request's own messages stand.
        let fault = await server.post("/apply-template", #"{"messages": [{}]}"#)
        #expect(fault.json["error"]?["param"] == "messages[0].role")
    }

    static let faults: [(text: String, line: Int, part: String)] = [
        ("PARAMETER temperature hot", 2, "temperature"),
        ("\nPARAMETER temperature -1", 3, "temperature"), ("PARAMETER top_k 1.5", 2, "top_k"),
        ("PARAMETER temperature 3", 2, "temperature"), ("PARAMETER foo 1", 2, "foo"),
        ("PARAMETER mirostat 2", 2, "mirostat"), ("PARAMETER stop \"\"", 2, "stop"),
        ("PARAMETER seed 1\nPARAMETER seed 2", 3, "twice"), ("ADAPTER x", 2, "ADAPTER"),
        ("PARAMETER num_ctx 0", 2, "num_ctx"), ("PARAMETER use_mmap 2", 2, "use_mmap"),
    ]

    @Test func whatCannotBeKeptIsRefused() {
        for fault in Self.faults {
            let error = #expect(throws: ModelfileError.self) { try preset(fault.text) }
            #expect(error?.line == fault.line, "\(fault)")
            #expect(error?.problem.contains(fault.part) == true, "\(fault) \(error?.problem ?? "")")
        }
    }

    @Test func whatHasNoEffectIsTold() throws {
        let preset = try preset("TEMPLATE {{ .Prompt }}\nRENDERER a\nPARSER b\nDRAFT c\nREQUIRES 1")
        #expect(preset.notes.count == 4 && preset.notes[0].hasPrefix("line 2: TEMPLATE"))
    }
}
