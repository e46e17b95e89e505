import Serving
import TensorCore
import Testing
import Tokenization

@Suite struct EndpointTests {
    private func server() throws -> TestServer { try TestServer.shared.get() }

    private static let hello = #""messages": [{"role": "user", "content": "Hello"}]"#

    // MARK: OpenAI

    @Test func models() async throws {
        let server = try server()
        let list = await server.ask("GET", "/v1/models")
        #expect(list.json["data"]?.array?.first?["id"] == "tiny")
        #expect(await server.ask("GET", "/v1/models/tiny").json["object"] == "model")
        #expect(await server.ask("GET", "/v1/models/tin%79").status == 200)
        #expect(await server.ask("GET", "/v1/models/other").status == 404)
        #expect(await server.ask("GET", "/health").json == ["status": "ok"])
        #expect(await server.ask("HEAD", "/").status == 200)
    }

    @Test func chatStreamsAsItAnswers() async throws {
        let server = try server()
        let body = Self.hello + #", "max_tokens": 8, "seed": 3, "ignore_eos": true, "n": 2"#
        let whole = await server.post("/v1/chat/completions", "{\(body)}").json
        let stream = await server.post(
            "/v1/chat/completions",
            "{\(body), \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
        #expect(stream.headers["content-type"]?.hasPrefix("text/event-stream") == true)
        #expect(stream.text.hasSuffix("\n\n"))
        #expect(stream.events.last == "[DONE]")
        let chunks = stream.chunks
        #expect(Set(chunks.compactMap { $0["id"]?.text }).count == 1)
        #expect(chunks.last?["usage"]?["completion_tokens"] == 16)
        #expect(chunks.last?["choices"] == [])
        for (index, choice) in (whole["choices"]?.array ?? []).enumerated() {
            let own = chunks.compactMap { $0["choices"]?.array?.first }.filter {
                $0["index"] == .integer(index)
            }
            #expect(own.first?["delta"]?["role"] == "assistant")
            #expect(own.last?["finish_reason"] == "length")
            let text = own.compactMap { $0["delta"]?["content"]?.text }.joined()
            #expect(JSON.string(ByteString(text)) == choice["message"]?["content"])
        }
        #expect(whole["object"] == "chat.completion")
    }

    @Test func completionsTakeTextsAndTokens() async throws {
        let server = try server()
        let tokens = await server.post(
            "/tokenize", #"{"content": "The first", "add_special": true}"#
        ).json["tokens"]
        let list = try #require(tokens?.array)
        let text = String(decoding: JSON.array(list).writtenCompactly(), as: UTF8.self)
        let answer = await server.complete(
            "\"prompt\": [\(text), \(text)], \"max_tokens\": 4, \"temperature\": 0")
        let same = await server.complete(
            "\"prompt\": [\"The first\", \"The first\"], \"max_tokens\": 4, \"temperature\": 0, \"stream\": true"
        )
        let choices = answer.json["choices"]?.array ?? []
        #expect(choices.count == 2 && choices[0]["text"] == choices[1]["text"])
        let streamed = same.chunks.compactMap { $0["choices"]?.array?.first }.filter {
            $0["index"] == 1
        }.compactMap { $0["text"]?.text }.joined()
        #expect(JSON.string(ByteString(streamed)) == choices[1]["text"])
        let back = await server.post("/detokenize", "{\"tokens\": \(text)}")
        #expect(back.json["content"]?.text?.hasSuffix("The first") == true)
    }

    @Test func grammarsAreKept() async throws {
        let server = try server()
        let schema =
            #"{"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 1, "maximum": 99}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2}}, "required": ["name", "age", "tags"], "additionalProperties": false}"#
        for seed in 0..<3 {
            let answer = await server.post(
                "/v1/chat/completions",
                "{\(Self.hello), \"seed\": \(seed), \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\", \"schema\": \(schema), \"strict\": true}}}"
            )
            let choice = try #require(answer.json["choices"]?.array?.first)
            #expect(choice["finish_reason"] == "stop")
            let text = try #require(choice["message"]?["content"]?.text)
            let json = try JSON.parse(Array(text.utf8))
            #expect(json.members?.map(\.key.description) == ["name", "age", "tags"])
            #expect((1...99).contains(json["age"]?.integer ?? 0), "\(text)")
        }
        let own = await server.complete(
            #""prompt": "a", "grammar": "root ::= [0-9]{3} \"!\"", "seed": 1"#)
        #expect(own.completion?.count == 4 && own.completion?.hasSuffix("!") == true)
        let ollama = await server.post(
            "/api/generate",
            #"{"model": "tiny", "prompt": "a", "stream": false, "format": {"const": [1, 2]}}"#)
        #expect(ollama.json["response"] == "[1,2]")
    }

    @Test func forcedToolsAreCalled() async throws {
        let server = try server()
        let tool =
            #"{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["x"], "additionalProperties": false}}}"#
        let other = tool.replacing("\"add\"", with: "\"sub\"")
        for choice in [#""required""#, #"{"type": "function", "function": {"name": "sub"}}"#] {
            let body =
                "\(Self.hello), \"seed\": 1, \"max_tokens\": 150, \"tools\": [\(tool), \(other)], \"tool_choice\": \(choice), \"parallel_tool_calls\": false"
            let answer = await server.post("/v1/chat/completions", "{\(body)}")
            let message = try #require(answer.json["choices"]?.array?.first)
            #expect(message["finish_reason"] == "tool_calls")
            let call = try #require(message["message"]?["tool_calls"]?.array?.first)
            let name = try #require(call["function"]?["name"]?.text)
            #expect(choice.contains("sub") ? name == "sub" : ["add", "sub"].contains(name))
            let arguments = try #require(call["function"]?["arguments"]?.text)
            #expect((0...9).contains(try JSON.parse(Array(arguments.utf8))["x"]?.integer ?? -1))
            let stream = await server.post("/v1/chat/completions", "{\(body), \"stream\": true}")
            let deltas = stream.chunks.compactMap {
                $0["choices"]?.array?.first?["delta"]?["tool_calls"]?.array?.first
            }
            #expect(deltas.first?["function"]?["name"] == JSON.string(ByteString(name)))
            #expect(deltas.first?["index"] == 0)
        }
    }

    @Test func strictToolsAreKeptInFreeText() async throws {
        let body =
            Self.hello
            + #", "tools": [{"type": "function", "function": {"name": "add", "strict": true, "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}}], "max_tokens": 4"#
        #expect(try await server().post("/v1/chat/completions", "{\(body)}").status == 200)
        for marker in ["[TOOL_CALLS]", "<|python_tag|>"] {
            let other = try TestServer(template: TestServer.template + "{# \(marker) #}")
            #expect(await other.post("/v1/chat/completions", "{\(body)}").status == 200)
        }
        // With a Llama 3 template an answer that begins as a call is one.
        let llama = try TestServer(template: TestServer.template + "{# <|python_tag|> #}")
        let brace = try #require(
            try llama.served.tokenizer.encode(Array("{".utf8), parsingSpecialIn: []).last)
        let answer = await llama.post(
            "/v1/chat/completions",
            "{\(body.replacing("\"max_tokens\": 4", with: "\"max_tokens\": 150")), \"parallel_tool_calls\": false, \"logit_bias\": {\"\(brace)\": 100}}"
        )
        let call = answer.json["choices"]?.array?.first?["message"]?["tool_calls"]?.array?.first
        #expect(call?["function"]?["name"] == "add")
        let arguments = try #require(call?["function"]?["arguments"]?.text)
        #expect(try JSON.parse(Array(arguments.utf8))["x"]?.integer != nil)
    }

    // MARK: Ollama

    @Test func ollamaChat() async throws {
        let server = try server()
        let body =
            #"{"model": "tiny:latest", "messages": [{"role": "user", "content": "Hi"}], "options": {"num_predict": 5, "seed": 1, "num_gpu": 1}}"#
        let stream = await server.post("/api/chat", body)
        #expect(stream.headers["content-type"] == "application/x-ndjson")
        let lines = stream.text.split(separator: "\n").compactMap {
            try? JSON.parse(Array($0.utf8))
        }
        let last = try #require(lines.last)
        #expect(last["done"] == true && lines.dropLast().allSatisfy { $0["done"] == false })
        #expect(last["total_duration"]?.integer ?? 0 > 0 && last["eval_count"] != nil)
        let whole = await server.post(
            "/api/chat", body.replacing("\"options\"", with: "\"stream\": false, \"options\""))
        let text = lines.compactMap { $0["message"]?["content"]?.text }.joined()
        #expect(whole.json["message"]?["content"] == JSON.string(ByteString(text)))
        #expect(await server.post("/api/chat", #"{"model": "tiny"}"#).json["done_reason"] == "load")
    }

    @Test func ollamaTellsOfTheModel() async throws {
        let server = try server()
        #expect(
            await server.ask("GET", "/api/tags").json["models"]?.array?.first?["name"]
                == "tiny:latest")
        let show = await server.post("/api/show", #"{"model": "tiny"}"#).json
        #expect(show["details"]?["family"] == "llama")
        #expect(show["model_info"]?["general.architecture"] == "llama")
        #expect(show["capabilities"]?.array?.contains("completion") == true)
        #expect(await server.ask("GET", "/api/ps").json["models"]?.array?.count == 1)
        for path in ["pull", "push", "create", "copy", "delete"] {
            let answer = await server.post("/api/\(path)", "{}")
            #expect(answer.status == 501 && answer.json["error"]?.text != nil)
        }
    }

    // MARK: Faults

    private static func chat(_ message: String) -> String { "{\"messages\": [\(message)]}" }

    static let faults: [(path: String, body: String, status: Int, field: String?)] = [
        ("/v1/completions", "{", 400, nil), ("/v1/completions", "[]", 400, nil),
        ("/v1/completions", String(repeating: "[", count: 5000), 400, nil),
        ("/v1/completions", "{}", 400, "prompt"),
        ("/v1/completions", #"{"prompt": 1}"#, 400, "prompt"),
        ("/v1/completions", #"{"prompt": [-1]}"#, 400, "prompt[0]"),
        ("/v1/completions", #"{"prompt": [4096]}"#, 400, "prompt[0]"),
        ("/v1/completions", #"{"prompt": "a", "model": "b"}"#, 404, "model"),
        ("/v1/completions", #"{"prompt": "a", "max_tokens": -1}"#, 400, "max_tokens"),
        ("/v1/completions", #"{"prompt": "a", "max_tokens": "5"}"#, 400, "max_tokens"),
        ("/v1/completions", #"{"prompt": "a", "temperature": 2.5}"#, 400, "temperature"),
        ("/v1/completions", #"{"prompt": "a", "temperature": true}"#, 400, "temperature"),
        ("/v1/completions", #"{"prompt": "a", "top_p": 1.1}"#, 400, "top_p"),
        ("/v1/completions", #"{"prompt": "a", "n": 0}"#, 400, "n"),
        ("/v1/completions", #"{"prompt": "a", "logprobs": 6}"#, 400, "logprobs"),
        ("/v1/completions", #"{"prompt": "a", "best_of": 3}"#, 400, "best_of"),
        ("/v1/completions", #"{"prompt": "a", "suffix": "b"}"#, 400, "suffix"),
        ("/v1/completions", #"{"prompt": "a", "stop": [1]}"#, 400, "stop[0]"),
        ("/v1/completions", #"{"prompt": "a", "stop": ""}"#, 400, "stop"),
        ("/v1/completions", #"{"prompt": "a", "logit_bias": {"9999": 1}}"#, 400, "logit_bias"),
        ("/v1/completions", #"{"prompt": "a", "logit_bias": {"1": 101}}"#, 400, "logit_bias.1"),
        ("/v1/completions", #"{"prompt": "a", "stream_options": {}}"#, 400, "stream_options"),
        ("/v1/completions", #"{"prompt": "a", "top_kk": 1}"#, 400, "top_kk"),
        ("/v1/completions", #"{"prompt": "a", "grammar": "x"}"#, 400, "grammar"),
        ("/v1/chat/completions", #"{}"#, 400, "messages"),
        ("/v1/chat/completions", #"{"messages": []}"#, 400, "messages"),
        ("/v1/chat/completions", #"{"messages": [{}]}"#, 400, "messages[0].role"),
        (
            "/v1/chat/completions", #"{"messages": [{"role": "x", "content": ""}]}"#, 400,
            "messages[0].role"
        ),
        (
            "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#, 400,
            "messages[0].content[0].type"
        ),
        ("/v1/chat/completions", "{\(hello), \"top_logprobs\": 2}", 400, "top_logprobs"),
        ("/v1/chat/completions", "{\(hello), \"tool_choice\": \"required\"}", 400, "tool_choice"),
        ("/v1/chat/completions", "{\(hello), \"tools\": [{}]}", 400, "tools[0].function"),
        (
            "/v1/chat/completions",
            "{\(hello), \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"add\", \"strict\": true, \"parameters\": {\"not\": {}}}}]}",
            400, "tools"
        ),
        (
            "/api/chat", "{\"model\": \"tiny\", \(hello), \"tool_choice\": \"required\"}", 400,
            "tool_choice"
        ),
        (
            "/v1/chat/completions", "{\(hello), \"response_format\": {\"type\": \"xml\"}}", 400,
            "response_format.type"
        ),
        (
            "/v1/chat/completions",
            "{\(hello), \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"a\", \"schema\": {\"not\": {}}}}}",
            400, "response_format.json_schema.schema"
        ),
        (
            "/v1/chat/completions",
            "{\(hello), \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"schema\": {}}}}",
            400, "response_format.json_schema.name"
        ),
        ("/v1/completions", #"{"prompt": [[1], []]}"#, 400, "prompt[1]"),
        ("/v1/completions", #"{"prompt": "a", "logit_bias": {"+1": 1}}"#, 400, "logit_bias"),
        (
            "/v1/chat/completions", chat(#"{"role": "user", "content": []}"#), 400,
            "messages[0].content"
        ),
        ("/v1/chat/completions", chat(#"{"role": "assistant"}"#), 400, "messages[0].content"),
        (
            "/v1/chat/completions", chat(#"{"role": "tool", "content": "a"}"#), 400,
            "messages[0].tool_call_id"
        ),
        (
            "/v1/chat/completions",
            chat(
                #"{"role": "user", "content": "a", "tool_calls": [{"function": {"name": "f"}}]}"#),
            400, "messages[0].tool_calls"
        ),
        (
            "/v1/chat/completions",
            chat(
                #"{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 1}}]}"#
            ), 400, "messages[0].tool_calls[0].function.arguments"
        ),
        (
            "/v1/chat/completions",
            "{\(hello), \"tools\": [{\"function\": {\"name\": \"f\", \"parameters\": {\"type\": \"string\"}}}]}",
            400, "tools[0].function.parameters"
        ),
        ("/api/chat", #"{"model": "x"}"#, 404, nil), ("/api/chat", "{}", 400, nil),
        ("/api/generate", #"{"model": "tiny", "prompt": "a", "think": true}"#, 400, nil),
        ("/api/generate", #"{"model": "tiny", "prompt": "a", "think": "high"}"#, 400, nil),
        ("/api/generate", #"{"model": "tiny", "prompt": "a", "format": true}"#, 400, nil),
        ("/api/generate", #"{"model": "tiny", "prompt": "a", "keep_alive": "soon"}"#, 400, nil),
        ("/api/generate", #"{"model": "tiny", "options": {"num_gpu": "x"}}"#, 400, nil),
        ("/api/blobs/sha256:00", "", 501, nil),
        ("/api/generate", #"{"model": "tiny", "options": {"mirostat": 2}}"#, 400, nil),
        ("/api/generate", #"{"model": "tiny", "options": {"num_ctx": 100000}}"#, 400, nil),
        ("/detokenize", #"{"tokens": [99999]}"#, 400, "tokens[0]"),
        ("/nowhere", "{}", 404, nil),
    ]

    @Test func faultsNameTheField() async throws {
        let server = try server()
        for fault in Self.faults {
            let answer = await server.post(fault.path, fault.body)
            #expect(answer.status == fault.status, "\(fault)")
            if fault.path.hasPrefix("/api/") {
                #expect(answer.json["error"]?.text != nil, "\(fault)")
            } else {
                #expect(answer.json["error"]?["param"]?.text == fault.field, "\(fault)")
                #expect(answer.json["error"]?["message"]?.text != nil)
            }
        }
        for time in [#""1h30m""#, #""-1m""#, "0", "-1", "2.5"] {
            let body = "{\"model\": \"tiny\", \"prompt\": \"\", \"keep_alive\": \(time)}"
            #expect(await server.post("/api/generate", body).status == 200, "\(time)")
        }
        let packed = await server.ask(
            "POST", "/v1/completions", "x", headers: ["content-encoding": "gzip"])
        #expect(packed.status == 415)
        let wrong = await server.ask("GET", "/v1/completions")
        #expect(wrong.status == 405 && wrong.headers["allow"] == "POST")
    }

    // MARK: Access

    @Test func keysHostsAndOrigins() async throws {
        var policy = ServingAPI.Policy()
        policy.keys = ["one", "two"]
        let api = ServingAPI(policy: policy)
        func status(_ path: String, _ headers: [String: String]) async -> Int {
            await api.respond(
                to: ServingRequest(method: "GET", path: path, headers: headers)
            ).status
        }
        // There is no model yet.
        #expect(await status("/health", [:]) == 503)
        #expect(await status("/v1/models", [:]) == 401)
        #expect(await status("/v1/models", ["authorization": "Bearer three"]) == 401)
        #expect(await status("/v1/models", ["authorization": "Bearer on"]) == 401)
        #expect(await status("/v1/models", ["authorization": "Bearer two"]) == 503)
        #expect(await status("/health", ["host": "evil.example:8080"]) == 403)
        #expect(await status("/health", ["host": "[::1]:8080"]) == 503)
        #expect(await status("/health", ["origin": "http://evil.example"]) == 403)
        let response = await api.respond(
            to: ServingRequest(
                method: "OPTIONS", path: "/v1/models",
                headers: [
                    "origin": "http://localhost:3000", "host": "127.0.0.1:8080",
                    "access-control-request-headers": "authorization,x-stainless-os",
                ]))
        #expect(
            response.headers.contains {
                $0 == ("access-control-allow-headers", "authorization,x-stainless-os")
            })
        #expect(response.status == 204)
        #expect(
            response.headers.contains {
                $0 == ("access-control-allow-origin", "http://localhost:3000")
            })
    }

    @Test func metricsAreWellFormed() async throws {
        let server = try server()
        _ = await server.complete("\"prompt\": \"a\", \"max_tokens\": 2")
        let text = await server.ask("GET", "/metrics").text
        var types: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if line.hasPrefix("# TYPE") {
                #expect(types[words[2]] == nil)
                types[words[2]] = words[3]
            } else if !line.hasPrefix("#") {
                let name = String(words[0].prefix { $0 != "{" })
                let base = ["_bucket", "_sum", "_count"].reduce(name) {
                    types[$0] == nil && $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0
                }
                #expect(types[base] != nil, "\(line)")
                #expect(Double(words.last ?? "") != nil, "\(line)")
            }
        }
        #expect(types["ingot_time_to_first_token_seconds"] == "histogram")
        #expect(
            text.contains("ingot_time_to_first_token_seconds_bucket{model=\"tiny\",le=\"0.5\"}"))
        #expect(text.contains("ingot_slots{model=\"tiny\"} 3"))
    }
}
