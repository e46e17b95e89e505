import Serving
import TensorCore
import TestSupport
import Testing

@Suite struct ThoughtTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var prompt = "<|assistant|>\n"
        var text: String
        var thought: String
        var answer: String
        var testDescription: String { text }
    }

    static let examples = [
        Example(text: "Hello <think>!", thought: "", answer: "Hello <think>!"),
        Example(text: " <b>", thought: "", answer: " <b>"),
        Example(text: "<think>\nHm.\n</think>\n\nYes.\n", thought: "Hm.", answer: "Yes.\n"),
        Example(text: "\n<think></think>Yes", thought: "", answer: "Yes"),
        Example(text: "<think>a </b> c", thought: "a </b> c", answer: ""),
        Example(text: "<thin", thought: "", answer: "<thin"),
        Example(prompt: "x<think>\n", text: "a\n b</think>c", thought: "a\n b", answer: "c"),
        Example(prompt: "<think>\n\n</think>\n\n", text: "c", thought: "", answer: "c"),
    ]

    @Test(arguments: examples) func tellsThoughtsHoweverTheTextComes(_ example: Example) {
        for size in [1, 2, 3, 100] {
            var splitter = ThoughtSplitter(after: example.prompt)
            var parts: [ThoughtSplitter.Part] = []
            var rest = Substring(example.text)
            while !rest.isEmpty {
                parts += splitter.add(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            parts += splitter.finish()
            var (thought, answer) = ("", "")
            for part in parts {
                switch part {
                case .thought(let text): thought += text
                case .answer(let text): answer += text
                }
            }
            #expect(thought == example.thought)
            #expect(answer == example.answer)
        }
    }

    /// A template that begins a thought, unless it is told not to.
    private static let template = """
        {{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>
        {{ message['content'] }}
        {% endfor %}{% if enable_thinking is false %}<think></think>{% else %}<think>{% endif %}
        """

    @Test func endpointsTellThoughtsApart() async throws {
        let server = try TestServer(template: Self.template)
        let hello = #""messages": [{"role": "user", "content": "Hello"}]"#
        let chat = await server.post(
            "/v1/chat/completions",
            "{\(hello), \"max_tokens\": 6, \"seed\": 1, \"ignore_eos\": true}"
        ).json["choices"]?.array?.first?["message"]
        #expect(chat?["content"] == "" && chat?["reasoning_content"]?.text?.isEmpty == false)
        let options = #""model": "tiny", "stream": false, "options": {"num_predict": 6, "seed": 1}"#
        let usual = await server.post("/api/chat", "{\(hello), \(options)}").json["message"]
        #expect(usual?["thinking"]?.text?.isEmpty == false && usual?["content"] == "")
        let off = await server.post("/api/chat", "{\(hello), \(options), \"think\": false}").json
        #expect(off["message"]?["thinking"] == nil && off["message"]?["content"] != "")
        let generated = await server.post(
            "/api/generate", "{\"prompt\": \"a\", \(options), \"think\": true}")
        #expect(generated.json["thinking"]?.text?.isEmpty == false)
        let show = await server.post("/api/show", #"{"model": "tiny"}"#).json
        #expect(show["capabilities"]?.array?.contains("thinking") == true)
        // A grammar is the answer's.
        let kept = await server.post(
            "/api/chat", "{\(hello), \(options), \"format\": {\"const\": 1}}")
        #expect(kept.json["message"]?["content"] == "1")
    }
}
