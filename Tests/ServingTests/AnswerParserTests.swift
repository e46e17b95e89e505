import Serving
import TensorCore
import Testing

@Suite struct AnswerParserTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var format: ToolFormat
        var text: String
        var content: String
        var calls: [String]
        var testDescription: String { text }
    }

    static let examples = [
        Example(format: .hermes, text: "Hello <b>!", content: "Hello <b>!", calls: []),
        Example(
            format: .hermes,
            text: "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>",
            content: "", calls: ["f{\"x\":1}"]),
        Example(
            format: .hermes,
            text:
                "Let me see.\n<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"g\", \"arguments\": {\"s\": \"</tool\"}}</tool_call>",
            content: "Let me see.", calls: ["f{}", "g{\"s\":\"</tool\"}"]),
        Example(
            format: .hermes, text: "<tool_call>{\"name\": \"h\"}</tool_call>",
            content: "<tool_call>{\"name\": \"h\"}</tool_call>", calls: []),
        Example(
            format: .hermes, text: "<tool_call>{\"name\": \"f\"",
            content: "<tool_call>{\"name\": \"f\"",
            calls: []),
        Example(
            format: .llama, text: "{\"name\": \"f\", \"parameters\": {\"x\": \"}\"}}", content: "",
            calls: ["f{\"x\":\"}\"}"]),
        Example(
            format: .llama,
            text:
                "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}",
            content: "", calls: ["f{}", "g{}"]),
        Example(format: .llama, text: "{not json}", content: "{not json}", calls: []),
        Example(format: .llama, text: "Well: {}", content: "Well: {}", calls: []),
        Example(
            format: .mistral, text: "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"x\": [1]}}]",
            content: "", calls: ["f{\"x\":[1]}"]),
        Example(
            format: .mistral, text: "[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[ARGS]{}",
            content: "", calls: ["f{\"x\":1}", "g{}"]),
        Example(format: .mistral, text: "a [TOOL", content: "a [TOOL", calls: []),
    ]

    /// Wherever a text is cut, it comes to the same.
    @Test(arguments: examples)
    func tellsCallsFromText(_ example: Example) {
        let letters = Array(example.text)
        for size in [1, 2, 3, 7, letters.count] {
            var parser = AnswerParser(
                format: example.format, names: ["f", "g"], allowsSeveral: true, beginning: "")
            var pieces: [AnswerParser.Piece] = []
            for start in stride(from: 0, to: letters.count, by: size) {
                pieces += parser.add(String(letters[start..<min(start + size, letters.count)]))
            }
            pieces += parser.finish()
            var (content, calls): (String, [String]) = ("", [])
            for piece in pieces {
                switch piece {
                case .content(let text): content += text
                case .thought(let text): Issue.record("\(text) is no thought")
                case .call(let call):
                    let text = String(decoding: call.arguments.writtenCompactly(), as: UTF8.self)
                    calls.append(call.name + text)
                }
            }
            #expect(content == example.content, "in parts of \(size)")
            #expect(calls == example.calls, "in parts of \(size)")
        }
    }

    /// A stop text is found wherever it is cut, and nothing else is lost.
    @Test(arguments: [
        (["END"], "abcENDdef", "abc"), (["END"], "abEENDx", "abE"), (["END"], "abcEN", "abcEN"),
        (["aab", "ab"], "aaab", "a"), (["é"], "caféx", "caf"), ([], "abc", "abc"),
        (["abcd", "bc"], "xabce", "xa"),
    ])
    func stopTexts(_ stops: [String], _ text: String, _ kept: String) {
        let bytes = Array(text.utf8)
        for size in 1...bytes.count {
            var matcher = StopMatcher(stops)
            var released: [UInt8] = []
            var isStopped = false
            for start in stride(from: 0, to: bytes.count, by: size) where !isStopped {
                let part = Array(bytes[start..<min(start + size, bytes.count)])
                let (more, stop) = matcher.add(part)
                released += more
                isStopped = stop != nil
            }
            if !isStopped { released += matcher.finish() }
            #expect(String(decoding: released, as: UTF8.self) == kept, "in parts of \(size)")
        }
    }
}
