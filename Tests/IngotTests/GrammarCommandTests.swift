import Foundation
import TensorCore
import TestSupport
import Testing

/// Texts that follow grammars, and Modelfiles of `serve`.
@Suite struct GrammarCommandTests {
    private func withModel(_ body: (_ model: String, _ folder: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/f16.gguf"
            let checkpoint = Fixtures.path("conformance/convert/checkpoints/llama")
            let outcome = try Tool.run(["convert", "--quiet", checkpoint, "--outfile", path])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            try body(path, folder)
        }
    }

    @Test func textsFollowGrammars() throws {
        try withModel { model, folder in
            func generate(_ options: [String]) throws -> Tool.Outcome {
                try Tool.run(["generate", model, "-p", "a", "--chat", "-q"] + options)
            }
            let plain = try generate(["--grammar", "root ::= \"x\" [0-9]{2}"])
            let text = plain.output.filter { !$0.isWhitespace }
            #expect(text.count == 3 && text.hasPrefix("x"), "\(plain.output)\(plain.errors)")
            let schema = folder + "/schema.json"
            try Data(#"{"enum": ["yes", "no"]}"#.utf8).write(to: URL(filePath: schema))
            for options in [["--json-schema-file", schema], ["-j", #"{"enum": ["yes", "no"]}"#]] {
                for seed in ["1", "2"] {
                    let one = try generate(options + ["--temp", "1", "--seed", seed])
                    #expect(
                        ["\"yes\"", "\"no\""].contains(one.output.filter { !$0.isWhitespace }),
                        "\(one.output)\(one.errors)")
                }
            }
            let told = try Tool.shell(
                "printf 'Hi\\n' | \"$INGOT\" chat \"$1\" -q --grammar 'root ::= \"ok\"'", [model])
            #expect(told.output.filter { !$0.isWhitespace } == "ok", "\(told.errors)")
            let grammar = folder + "/g.gbnf"
            try Data("root ::= other\n".utf8).write(to: URL(filePath: grammar))
            let broken = try generate(["--grammar-file", grammar])
            #expect(broken.exitCode == 65 && broken.errors.contains("g.gbnf"), "\(broken.errors)")
            #expect(broken.errors.contains("the rule other is used and not defined"))
            let refused = try generate(["--json-schema", #"{"not": {}}"#])
            #expect(refused.exitCode == 65 && refused.errors.contains("not"), "\(refused.errors)")
            #expect(try generate(["--json-schema", "{}", "--grammar", "x"]).exitCode == 64)
        }
    }

    @Test func modelfilesAreReadBeforeAnythingListens() throws {
        try withModel { model, folder in
            let path = folder + "/Modelfile"
            func serve(_ text: String) throws -> Tool.Outcome {
                try Data(text.utf8).write(to: URL(filePath: path))
                return try Tool.run(["serve", "-f", path])
            }
            for (text, part) in [
                ("FROM f16.gguf\nFOO a", "Modelfile: line 2: \"FOO\""),
                ("FROM llama3.2", "line 1: FROM llama3.2: there is no such file"),
                ("FROM f16.gguf\nPARAMETER top_p 2", "line 2: PARAMETER top_p: 2"),
                ("FROM f16.gguf\nADAPTER a", "line 2: ADAPTER"),
                ("FROM f16.gguf\nFROM f16.gguf", "line 2: FROM stands twice"),
            ] {
                let outcome = try serve(text)
                #expect(
                    outcome.exitCode == 65 && outcome.errors.contains(part), "\(outcome.errors)")
            }
            #expect(try Tool.run(["serve"]).exitCode == 64)
            #expect(try Tool.run(["serve", model, "-f", path]).exitCode == 64)
        }
    }
}
