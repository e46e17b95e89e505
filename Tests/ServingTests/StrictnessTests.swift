import Serving
import TensorCore
import Testing

/// What clients must be able to rely on to the letter: every wrong field named, characters whole,
/// places and sums that fit.
@Suite(.timeLimit(.minutes(20))) struct StrictnessTests {
    private func server() throws -> TestServer { try TestServer.shared.get() }

    private static let hello = #""messages": [{"role": "user", "content": "Hello"}]"#

    @Test(
        "Fields that change nothing have types too",
        arguments: [
            (#""user": 5"#, "user"), (#""store": "yes""#, "store"),
            (#""service_tier": "gold""#, "service_tier"), (#""metadata": "x""#, "metadata"),
            (#""metadata": {"a": "b", "c": 1}"#, "metadata.c"),
            (#""prompt_cache_key": []"#, "prompt_cache_key"),
            (#""safety_identifier": {}"#, "safety_identifier"),
            (#""cache_prompt": 1"#, "cache_prompt"),
        ])
    func harmless(_ member: String, _ field: String) async throws {
        let server = try server()
        for (path, rest) in [
            ("/v1/chat/completions", Self.hello), ("/v1/completions", #""prompt": "a""#),
        ] {
            let answer = await server.post(path, "{\(rest), \(member)}")
            #expect(answer.status == 400)
            #expect(answer.json["error"]?["param"]?.text == field)
        }
    }

    @Test func harmlessFieldsAreTaken() async throws {
        let members = #"""
            "user": "u", "store": true, "service_tier": "auto", "metadata": {"a": "b"},
            "safety_identifier": null, "prompt_cache_key": "k", "max_tokens": 1
            """#
        let answer = try await server().post("/v1/chat/completions", "{\(Self.hello), \(members)}")
        #expect(answer.status == 200)
        let vector = try await server().post("/v1/embeddings", #"{"input": "a", "user": 5}"#)
        #expect(vector.json["error"]?["param"] == "user")
    }

    @Test(
        "Tools that are none are refused",
        arguments: [
            (#"{"function": {"name": "f"}}"#, "tools[0].type"),
            (
                #"{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "text"}}}}}"#,
                "tools[0].function.parameters.properties.a.type"
            ),
            (
                #"{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": []}}}"#,
                "tools[0].function.parameters.properties"
            ),
            (
                #"{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": "a"}}}"#,
                "tools[0].function.parameters.required"
            ),
            (
                #"{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, 5]}}}}}"#,
                "tools[0].function.parameters.properties.a.anyOf[1]"
            ),
        ])
    func tools(_ tool: String, _ field: String) async throws {
        let answer = try await server().post(
            "/v1/chat/completions", "{\(Self.hello), \"tools\": [\(tool)]}")
        #expect(answer.status == 400)
        #expect(answer.json["error"]?["param"]?.text == field)
    }

    /// Of a character that `max_tokens` cuts nothing is told, and log probabilities tell its bytes.
    @Test func charactersAreWhole() async throws {
        let server = try server()
        let text = "aé日😀!"
        var previous = ""
        for count in 1...12 {
            let body =
                #""prompt": "x", "grammar": "root ::= \"\#(text)\"", "seed": 2, "logprobs": 3"#
                + ", \"max_tokens\": \(count)"
            let answer = await server.complete(body)
            let choice = try #require(answer.json["choices"]?.array?.first)
            let found = try #require(choice["text"]?.text)
            #expect(text.hasPrefix(found) && found.hasPrefix(previous))
            previous = found
            let stream = await server.complete(body + #", "stream": true"#)
            let parts = stream.chunks.compactMap { $0["choices"]?.array?.first?["text"]?.text }
            #expect(parts.joined() == found)
            let scores = try #require(choice["logprobs"])
            let tokens = (scores["tokens"]?.array ?? []).compactMap(\.text)
            let offsets = (scores["text_offset"]?.array ?? []).compactMap(\.integer)
            #expect(tokens.count == offsets.count && offsets == offsets.sorted())
            for (token, offset) in zip(tokens, offsets) where !token.hasPrefix("bytes:") {
                #expect(String(text.unicodeScalars.dropFirst(offset)).hasPrefix(token))
            }
            for top in scores["top_logprobs"]?.array ?? [] {
                #expect((3...4).contains(top.members?.count ?? 0))
            }
        }
        #expect(previous == text)
    }

    /// A grammar that cannot be followed is the request's fault, streamed or not.
    @Test func ambiguousGrammarsAreNamed() async throws {
        let server = try server()
        let schema = #"{"type": "string", "pattern": "^([a-z]{0,100}){0,100}[a-z]{5}$"}"#
        let body =
            Self.hello
            + #", "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": \#(schema)}}"#
        let answer = await server.post("/v1/chat/completions", "{\(body)}")
        #expect(answer.status == 400)
        #expect(answer.json["error"]?["param"] == "response_format")
        let stream = await server.post("/v1/chat/completions", "{\(body), \"stream\": true}")
        #expect(stream.chunks.last?["error"]?["param"] == "response_format")
        #expect(!stream.text.contains("[DONE]"))
        let ollama = await server.post(
            "/api/generate",
            #"{"model": "tiny", "prompt": "a", "stream": false, "format": \#(schema)}"#)
        #expect(ollama.status == 400)
        #expect(ollama.json["error"]?.text?.hasPrefix("format: ") == true)
    }

    @Test func timesOfOllamaAddUp() async throws {
        let server = try server()
        let body =
            #""model": "tiny", "prompt": "Hello", "stream": false, "options": {"seed": 1, "num_predict": 4}"#
        let answer = await server.post("/api/generate", "{\(body)}").json
        let parts = ["load_duration", "prompt_eval_duration", "eval_duration"].compactMap {
            answer[$0]?.integer
        }
        #expect(parts.count == 3 && parts.allSatisfy { $0 >= 0 })
        #expect(answer["total_duration"]?.integer ?? 0 >= parts.reduce(0, +) - 2)
        // An empty system text is none.
        let told = await server.post("/api/generate", "{\(body), \"system\": \"\"}").json
        #expect(told["prompt_eval_count"] == answer["prompt_eval_count"])
        #expect(told["response"] == answer["response"])
        let raw = await server.post("/api/generate", "{\(body), \"system\": \"\", \"raw\": true}")
        #expect(raw.status == 200)
    }
}
