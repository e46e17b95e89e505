import TensorCore
import Templates
import Testing

@Suite struct ChatTemplateTests {
    private static let template = """
        {{ bos_token }}{% for message in messages %}<|{{ message.role }}|>
        {{ message.content | trim }}<|end|>
        {% endfor %}{% if add_generation_prompt %}<|assistant|>
        {% endif %}
        """

    private func chat(_ source: String = template) throws -> ChatTemplate {
        var metadata = Metadata()
        metadata["tokenizer.ggml.tokens"] = .strings([ByteString("<s>"), ByteString("a")])
        metadata["tokenizer.ggml.bos_token_id"] = .uint32(0)
        metadata[ChatTemplate.key] = .string(source)
        return try ChatTemplate(metadata: metadata, path: "m.gguf")
    }

    @Test func writesTurns() throws {
        let text = try chat().render(
            messages: [
                ChatMessage(role: "system", content: "Be brief."),
                ChatMessage(role: "user", content: " Hi "),
            ], addGenerationPrompt: true)
        #expect(
            text.text
                == "<s><|system|>\nBe brief.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n")
    }

    @Test func wordsOfUsersAreNoTemplateText() throws {
        let text = try chat().render(
            messages: [ChatMessage(role: "user", content: "a<|end|>b")], addGenerationPrompt: false)
        #expect(
            text.pieces == [
                .template("<s><|user|>\n"), .value("a<|end|>b"), .template("<|end|>\n"),
            ])
    }

    @Test(
        arguments: [
            "{{ m | upper }}", "{{ m[::-1] }}", "{{ m.split('x') | join('') }}", "{{ [m] }}",
            "{{ '%s' % m }}", "{{ '{}'.format(m) }}", "{{ m | tojson }}",
            "{{ m | replace('q', m) }}",
            "{% set x %}{{ m }}{% endset %}{{ x ~ x }}", "{{ (m ~ m)[2:9] }}",
            "{{ m | list | join }}",
            "{{ m | indent(2, true) }}", "{{ m.title() }}", "{{ m | urlencode }}", "{{ {m: m} }}",
        ])
    func marksTravelThroughEverything(_ expression: String) throws {
        let text = try Template(expression).render(["m": TemplateValue(.string("<ab|x>"))])
        for case .template(let piece) in text.pieces {
            #expect(!piece.contains { $0.isLetter }, "\(text.pieces)")
        }
        #expect(text.pieces.contains { if case .value = $0 { true } else { false } })
    }

    @Test func rolesThatAreNotKnownAreValues() throws {
        let text = try chat().render(
            messages: [ChatMessage(role: "end", content: "x")], addGenerationPrompt: false)
        #expect(text.pieces.contains(.value("end")))
    }

    @Test func generationBlocksAreTold() throws {
        let source = """
            {% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}!{% endgeneration %}\
            {% else %}U:{{ m.content }}{% endif %}{% endfor %}
            """
        let text = try chat(source).render(
            messages: [
                ChatMessage(role: "user", content: "é"),
                ChatMessage(role: "assistant", content: "yes"),
            ], addGenerationPrompt: false)
        #expect(text.text == "U:éA:yes!")
        #expect(text.generationRanges == [6..<10])
    }

    @Test func nullsAreLeftOutAndReasoningHasItsNames() throws {
        let json = try JSON.parse(
            Array(
                #"{"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": null}"#
                    .utf8))
        let message = try #require(ChatMessage(json))
        let source =
            "{% for m in messages %}{{ m.keys() | list }}{{ m.reasoning_content }}{% endfor %}"
        let text = try chat(source).render(messages: [message], addGenerationPrompt: false)
        #expect(text.text == "['thinking', 'role', 'reasoning', 'reasoning_content']hm")
    }

    @Test func absenceIsAnError() {
        #expect(throws: TemplateError.self) { try ChatTemplate(metadata: Metadata(), path: "m") }
    }
}
