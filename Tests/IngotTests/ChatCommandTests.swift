import Foundation
import TensorCore
import TestSupport
import Testing

/// Conversations in the terminal, by lines of standard input.
@Suite struct ChatCommandTests {
    private func withModel(_ body: (_ model: String, _ folder: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/f16.gguf"
            let checkpoint = Fixtures.path("conformance/convert/checkpoints/llama")
            let outcome = try Tool.run(["convert", "--quiet", checkpoint, "--outfile", path])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            try body(path, folder)
        }
    }

    private func chat(_ lines: String, _ options: String, _ model: String) throws -> Tool.Outcome {
        try Tool.shell(
            "printf '\(lines)' | \"$INGOT\" chat \"$1\" -n 6 -c 256 --temp 0 \(options)", [model])
    }

    @Test func turnsAreAnswered() throws {
        try withModel { model, _ in
            let one = try chat("The ship\\n", "-q", model)
            #expect(one.exitCode == 0, "\(one.errors)")
            let generated = try Tool.run([
                "generate", model, "--chat", "-p", "The ship", "-n", "6", "-q",
            ])
            // Control tokens are shown there and hidden here; these answers have none.
            #expect(one.output == generated.output)
            // Forgotten, the question has the same answer; asked again, it is another text.
            let cleared = try chat("The ship\\n/clear\\nThe ship\\n", "-q", model)
            #expect(cleared.output == one.output + one.output)
            let again = try chat("The ship\\n/regen\\n\\n/exit\\nThe ship\\n", "-q", model)
            #expect(again.output == one.output + one.output)
            let twice = try chat("The ship\\nand then\\n", "", model)
            #expect(twice.output.hasPrefix(one.output))
            // The second prompt goes on with the first.
            let notes = twice.errors.split(separator: "\n").filter { $0.hasPrefix("[") }
            #expect(
                notes.count == 2 && notes[0].contains(" 0 known") && !notes[1].contains(" 0 known"))
        }
    }

    @Test func theTemplateCanBeAnother() throws {
        try withModel { model, folder in
            let template = folder + "/t.jinja"
            func write(_ text: String) throws {
                try Data(text.utf8).write(to: URL(filePath: template))
            }
            try write("{{ messages[0].content }}")
            let option = "-q --chat-template-file \(template)"
            let plain = try Tool.run(["generate", model, "-p", "The ship", "-n", "6", "-q"])
            #expect(try "The ship" + chat("The ship\\n", option, model).output == plain.output)
            try write("{{ messages[0].content }}{{ word }}")
            let words = option + " --chat-template-kwargs {\\\"word\\\":\\\"ship\\\"}"
            #expect(try chat("The\\n", words, model).exitCode == 0)
            try write("{{ raise_exception('no system') if messages[0].role == 'system' }}x")
            let refused = try chat("The ship\\n", option + " --system x", model)
            #expect(
                refused.exitCode == 0 && refused.errors.contains("the template refuses: no system"))
            try write("{% if %}")
            let broken = try chat("The ship\\n", option, model)
            #expect(broken.exitCode == 65 && broken.errors.contains("t.jinja: line 1: "))
        }
    }

    @Test func whatDoesNotFitIsTold() throws {
        try withModel { model, folder in
            let long = String(repeating: "ship ", count: 400)
            let outcome = try chat("\(long)\\nThe ship\\n", "-q", model)
            #expect(outcome.exitCode == 0)
            #expect(outcome.errors.contains("there is room for 256 with the answer"))
            #expect(!outcome.output.isEmpty)
            #expect(try Tool.run(["chat", model, "-n", "0"]).exitCode == 64)
            #expect(try Tool.run(["chat", model, "--chat-template-kwargs", "[]"]).exitCode == 64)
            let system = ["generate", model, "-p", "x", "--system", "y"]
            #expect(try Tool.run(system).exitCode == 64)
            #expect(try Tool.run(["chat", folder + "/none.gguf"]).exitCode == 74)
        }
    }
}
