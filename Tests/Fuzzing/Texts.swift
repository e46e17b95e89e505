import Conversion
import Grammars
import Modelfiles
import Templates
import TensorCore

extension FuzzTarget {
    /// Texts in languages.
    static let texts: [FuzzTarget] = [
        FuzzTarget("json", sources: ["TensorCore/JSON"]) { bytes, _ in
            let text = try JSON.parse(bytes).written()
            guard try JSON.parse(text).written() == text else {
                throw FuzzFailure("what is written reads as something else")
            }
        },
        FuzzTarget("front-matter", sources: ["Conversion/FrontMatter", "Conversion/Scalar"]) {
            bytes, _ in
            _ = try FrontMatter.parse(bytes, path: "README.md")
        },
        FuzzTarget("modelfile", sources: ["Modelfiles"]) { bytes, _ in
            let file = try Modelfile(parsing: bytes)
            guard let text = try? file.written() else { return }
            guard try Modelfile(parsing: Array(text.utf8)).written() == text else {
                throw FuzzFailure("what is written reads as something else")
            }
        },
        FuzzTarget("jinja", sources: ["Templates"]) { bytes, _ in
            var limits = TemplateLimits()
            limits.stepCount = min(limits.stepCount, 20_000)
            let template = try Template(String(decoding: bytes, as: UTF8.self), limits: limits)
            let messages: JSON = [
                ["role": "user", "content": "Hello"], ["role": "assistant", "content": .null],
            ]
            _ = try template.render([
                "messages": TemplateValue(messages), "bos_token": .trusted("<s>"),
                "add_generation_prompt": TemplateValue(true),
            ])
        },
        FuzzTarget("gbnf", sources: ["Grammars"]) { bytes, _ in
            let (rules, text) = bytes.halves
            match(try Grammar(gbnf: String(decoding: rules, as: UTF8.self)), text)
        },
        FuzzTarget("json-schema", sources: ["Grammars"]) { bytes, _ in
            let (schema, text) = bytes.halves
            match(try Grammar(jsonSchema: JSON.parse(schema)), text)
        },
    ]

    private static func match(_ grammar: Grammar, _ text: [UInt8]) {
        var matcher = GrammarMatcher(grammar)
        for byte in text.prefix(256) where !matcher.accept(CollectionOfOne(byte)) { break }
        _ = matcher.isComplete
    }
}
