import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct DeploymentCommandTests {
    /// A folder with the tiny model as `model.gguf`.
    private func withModel<Result>(_ body: (String) throws -> Result) throws -> Result {
        try Fixtures.withTemporaryFolder { folder in
            let made = try Tool.run(
                [
                    "convert", Fixtures.path("tiny-llama"), "--outfile", "model.gguf", "-q", "-t",
                    "1",
                ], in: folder)
            #expect(made.exitCode == 0, "\(made.errors)")
            return try body(folder)
        }
    }

    @Test func modelfilesAreWrittenAndLaidOut() throws {
        try withModel { folder in
            let printed = try Tool.run(["modelfile", "model.gguf"], in: folder)
            #expect(
                printed.output == """
                    FROM ./model.gguf
                    PARAMETER num_ctx 1024
                    PARAMETER stop <|end_of_text|>

                    """)
            let written = try Tool.run(
                ["modelfile", "model.gguf", "-o", "Modelfile", "--system", "Be terse.", "-q"],
                in: folder)
            #expect(written.exitCode == 0 && written.output.isEmpty && written.errors.isEmpty)
            let stored = try Tool.run(
                ["modelfile", "model.gguf", "--ollama-store", "store", "--name", "tiny"],
                in: folder)
            #expect(stored.exitCode == 0 && stored.errors.contains("tiny:latest"))
            #expect(
                Fixtures.exists("\(folder)/store/manifests/registry.ollama.ai/library/tiny/latest"))

            for (arguments, code, part) in [
                (["--ollama-store", "store"], 64, "--name"),
                (["--parameter", "warmth=1"], 64, "num_ctx"),
                (["--parameter", "warmth"], 64, "NAME=VALUE"),
                (["--ollama-store", "store", "--name", "../a"], 64, "--name"),
                (["--template"], 65, "chat template"),
            ] as [([String], Int32, String)] {
                let refused = try Tool.run(["modelfile", "model.gguf"] + arguments, in: folder)
                #expect(refused.exitCode == code && refused.errors.contains(part), "\(arguments)")
            }
        }
    }

    @Test func deploymentsAreWrittenOnce() throws {
        try withModel { folder in
            let arguments = [
                "deploy", "model.gguf", "--engine", "llama.cpp", "--target", "compose",
            ]
            let shown = try Tool.run(arguments + ["--dry-run"], in: folder)
            #expect(
                shown.exitCode == 0 && shown.output.contains("# compose.yaml\n---\nname: model"))
            #expect(!Fixtures.exists("\(folder)/out"))
            #expect(try Tool.run(arguments + ["-o", "out"], in: folder).exitCode == 0)
            #expect(try Directory.names(in: "\(folder)/out").contains("compose.yaml"))
            let again = try Tool.run(arguments + ["-o", "out"], in: folder)
            #expect(again.exitCode == 74 && again.errors.contains("not empty"))

            for (engine, target, code, part) in [
                ("tgi", "docker", 65, "ingot quantize"), ("vllm", "docker", 65, "W4A16"),
                ("trol", "docker", 64, "sglang"), ("ollama", "boat", 64, "systemd"),
            ] as [(String, String, Int32, String)] {
                let refused = try Tool.run(
                    [
                        "deploy", "model.gguf", "--engine", engine, "--target", target, "-o", "no",
                    ], in: folder)
                #expect(refused.exitCode == code && refused.errors.contains(part), "\(engine)")
                #expect(!Fixtures.exists("\(folder)/no"))
            }
        }
    }

    @Test func completionsKnowEveryCommand() throws {
        let checked = try Tool.shell("\"$INGOT\" --generate-completion-script bash | bash -n", [])
        #expect(checked.exitCode == 0 && checked.errors.isEmpty)
        for shell in ["bash", "zsh", "fish"] {
            let text = try Tool.run(["--generate-completion-script", shell]).output
            for command in ["convert", "modelfile", "deploy", "card"] {
                #expect(text.contains(command), "\(shell): \(command)")
            }
        }
    }

    @Test func cardsAreNotReplacedUnasked() throws {
        try withModel { folder in
            let arguments = ["card", "model.gguf", "-o", "README.md", "--base-model", "me/tiny"]
            #expect(try Tool.run(arguments, in: folder).exitCode == 0)
            let card = try InputFile.contents(path: "\(folder)/README.md")
            #expect(String(decoding: card, as: UTF8.self).contains("base_model: me/tiny"))
            let again = try Tool.run(arguments, in: folder)
            #expect(again.exitCode == 65 && again.errors.contains("--force"))
            #expect(try Tool.run(arguments + ["--force"], in: folder).exitCode == 0)
            let missing = try Tool.run(
                ["card", "model.gguf", "--report", "model.gguf"], in: folder)
            #expect(missing.exitCode == 65)
        }
    }
}
