import Modelfiles
import TensorCore
import Testing

@Suite struct ModelfileTests {
    private func parse(_ text: String) throws -> Modelfile {
        try Modelfile(parsing: Array(text.utf8))
    }

    @Test func readsEveryInstruction() throws {
        let file = try parse(
            """
            # A comment
            from ./model.gguf
            PARAMETER temperature 0.7
            Parameter stop "<|im_end|>"
            PARAMETER stop User:
            TEMPLATE \"""{{ .System }}
            {{ .Prompt }}\"""
            SYSTEM   You are terse. # and so on
            ADAPTER ./lora.gguf
            LICENSE \"""
              MIT

            \"""
            MESSAGE user Is Toronto in Canada?
            MESSAGE assistant "yes
            and no"
            REQUIRES 0.14.0
            RENDERER qwen3
            PARSER qwen3
            DRAFT ./small.gguf
            """)
        #expect(
            file.instructions == [
                .from("./model.gguf"), .parameter(name: "temperature", value: "0.7"),
                .parameter(name: "stop", value: "<|im_end|>"),
                .parameter(name: "stop", value: "User:"),
                .template("{{ .System }}\n{{ .Prompt }}"),
                .system("You are terse. # and so on"), .adapter("./lora.gguf"),
                .license("\n  MIT\n\n"), .message(role: "user", content: "Is Toronto in Canada?"),
                .message(role: "assistant", content: "yes\nand no"), .requires("0.14.0"),
                .renderer("qwen3"), .parser("qwen3"), .draft("./small.gguf"),
            ])
        #expect(file.entries.map(\.line) == [2, 3, 4, 5, 6, 8, 9, 10, 14, 15, 17, 18, 19, 20])
        #expect(file.from == "./model.gguf" && file.system?.hasPrefix("You") == true)
    }

    @Test func takesWhatEditorsWrite() throws {
        let file = try parse("\u{FEFF}FROM a\r\nSYSTEM \"\"\"b\r\nc\"\"\"  \r\n")
        #expect(file.instructions == [.from("a"), .system("b\nc")])
        // The last of several counts.
        #expect(try parse("FROM a\nSYSTEM b\nSYSTEM c").system == "c")
    }

    static let values = [
        "plain", "two words", "", " ", " a", "a ", "a\nb", "a\n", "\n", "\"", "\"a\"", "\"\"",
        "\"\"\"",
        "a\"", "a\nb\"", "\"a\nb", "\"\"\na", "# a", "a # b", "é 日本語 \u{2028}", "a\tb", "\t",
        "a\rb",
        "{{ if .System }}\n{{ end }}", "say \"hi\"\nand go",
    ]

    @Test func whatIsWrittenReadsTheSame() throws {
        for value in Self.values {
            for instruction: Modelfile.Instruction in [
                .system(value), .template(value), .license(value),
                .parameter(name: "stop", value: value), .message(role: "user", content: value),
            ] {
                let file = Modelfile([.from("m"), instruction])
                #expect(try parse(file.written()) == file, "\(instruction)")
            }
        }
        var generator = SystemRandomNumberGenerator()
        let pieces = ["\"", "\"\"\"", "\n", " ", "a", "#", "FROM", "\t", "é"]
        for _ in 0..<2000 {
            let text = (0..<8).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            guard let file = try? parse("FROM m\nSYSTEM " + text) else { continue }
            #expect(try parse(file.written()) == file, "\(text)")
        }
    }

    @Test func whatCannotBeWrittenIsRefused() {
        for value in ["a\"\"\"\nb", "\"\"\"\na", "a\r\nb"] {
            #expect(throws: ModelfileError.self) {
                try Modelfile([.from("m"), .system(value)]).written()
            }
        }
        #expect(throws: ModelfileError.self) { try Modelfile([.system("a")]).written() }
        #expect(throws: ModelfileError.self) {
            try Modelfile([.from("m"), .message(role: "tool", content: "a")]).written()
        }
    }

    static let faults: [(text: String, line: Int, part: String)] = [
        ("", 0, "FROM"), ("SYSTEM a", 0, "FROM"), ("FROM", 1, "no value"),
        ("FROM a\n\nFOO b", 3, "FOO"), ("FROM a\nPARAMETER", 2, "no name"),
        ("FROM a\nPARAMETER stop", 2, "no value"), ("FROM a\nMESSAGE tool b", 2, "tool"),
        ("FROM a\nMESSAGE user", 2, "no value"), ("FROM a\nSYSTEM \"\"\"b\nc\n", 2, "does not end"),
        ("FROM a\nSYSTEM \"b", 2, "does not end"),
    ]

    @Test func faultsTellTheLine() {
        for fault in Self.faults {
            let error = #expect(throws: ModelfileError.self) { try parse(fault.text) }
            #expect(error?.line == fault.line, "\(fault)")
            #expect(error?.problem.contains(fault.part) == true, "\(fault)")
        }
        let bytes = #expect(throws: ModelfileError.self) {
            try Modelfile(parsing: Array("FROM a\nSYSTEM ".utf8) + [0xFF])
        }
        #expect(bytes?.line == 2)
    }

    /// What Ollama stores: values of their kinds, the last of several, and all of a setting's texts.
    @Test func settingsAreValuesOfTheirKinds() throws {
        let file = try parse(
            """
            FROM a
            PARAMETER Temperature 0.5
            PARAMETER stop one
            PARAMETER num_ctx 4096
            PARAMETER use_mmap false
            PARAMETER stop two
            PARAMETER num_ctx -1
            PARAMETER top_p 1e-1
            PARAMETER stop three
            PARAMETER use_mmap true
            """)
        #expect(
            try file.parameterObject()
                == .object([
                    .init(key: "temperature", value: .real(0.5)),
                    .init(
                        key: "stop",
                        value: .array([.string("one"), .string("two"), .string("three")])),
                    .init(key: "num_ctx", value: .integer(-1)),
                    .init(key: "top_p", value: .real(0.1)),
                    .init(key: "use_mmap", value: true),
                ]))
        #expect(try parse("FROM a\nSYSTEM b").parameterObject() == .object([]))
        #expect(ModelfileParameter.named("NUM_CTX")?.kind == .integer)
        #expect(ModelfileParameter.named("num_ct") == nil)
    }

    @Test(
        arguments: [
            ("num_ctx", "4.5"), ("num_ctx", "9223372036854775808"), ("temperature", "warm"),
            ("temperature", "inf"), ("temperature", "nan"), ("use_mmap", "yes"),
            ("use_mmap", "True"),
            ("mirostat", "1"),
        ])
    func otherSettingsAreRefused(_ name: String, _ value: String) throws {
        let file = try parse("FROM a\n\nPARAMETER \(name) \(value)")
        let error = #expect(throws: ModelfileError.self) { try file.parameterObject() }
        #expect(error?.place == "line 3" && error?.problem.contains("PARAMETER \(name)") == true)
        // Instructions that were not read have no line.
        let made = Modelfile([.from("a"), .parameter(name: name, value: value)])
        let unplaced = #expect(throws: ModelfileError.self) { try made.parameterObject() }
        #expect(unplaced != nil && unplaced?.place == nil)
    }

    @Test func equalOnesHaveTheSameInstructions() throws {
        #expect(try parse("FROM a\nSYSTEM b") == parse("# c\n\nfrom   a\n\nsystem b"))
        #expect(try parse("FROM a\nSYSTEM b") != parse("FROM a\nSYSTEM c"))
        #expect(try parse("FROM a\nSYSTEM b") != parse("SYSTEM b\nFROM a"))
        let file = try parse(
            "FROM a\nLICENSE b\nMESSAGE user c\nLICENSE d\nMESSAGE assistant e\nFROM f")
        #expect(file.from == "f" && file.licenses == ["b", "d"] && file.template == nil)
        #expect(
            file.messages.map(\.role) == ["user", "assistant"]
                && file.messages.map(\.content) == ["c", "e"])
    }
}
