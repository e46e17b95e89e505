import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// The same input everywhere: split models and texts from pipes, in every command that takes them.
@Suite struct InputCommandTests {
    private static let text = Fixtures.path("text/evaluation.txt")
    private static let window = ["-f", text, "-c", "64", "--chunks", "2", "-q"]

    private func run(_ arguments: [String]) throws -> Tool.Outcome {
        let outcome = try Tool.run(arguments)
        try #require(outcome.exitCode == 0, "\(arguments): \(outcome.errors)")
        return outcome
    }

    /// The embedded model in one file, its tensors in the order in which the quantizer writes them.
    private func model(in folder: String) throws -> String {
        let path = folder + "/whole.gguf"
        _ = try run(["convert", "-q", Fixtures.path("tiny-llama"), "--outfile", folder + "/c.gguf"])
        _ = try run(["quantize", "-q", folder + "/c.gguf", path, "COPY"])
        return path
    }

    /// The model cut into three, by its first part.
    private func split(_ model: String, in folder: String, more: [String] = []) throws -> String {
        _ = try run(
            ["quantize", "-q", model, folder + "/p.gguf", "COPY", "--split-max-tensors", "20"]
                + more)
        return try #require(
            Directory.names(in: folder).first { $0.hasPrefix("p-00001-of-") }.map {
                "\(folder)/\($0)"
            })
    }

    /// The lines that a command prints, but for names, time and speed.
    private func figures(_ command: [String], _ model: String) throws -> [Substring] {
        let outcome = try run(command.map { $0 == "MODEL" ? model : $0 })
        return outcome.output.split(separator: "\n").filter { line in
            !["\"model\"", "\"base\"", "econds", "tokensPerSecond"].contains { line.contains($0) }
        }
    }

    @Test(arguments: [[], ["--no-tensor-first-split"]])
    func aSplitModelIsTheWholeOneInEveryCommand(more: [String]) throws {
        try Fixtures.withTemporaryFolder { folder in
            let whole = try model(in: folder)
            let first = try split(whole, in: folder, more: more)
            let tasks = folder + "/tasks.txt"
            try OutputFile.write(
                Array("One goes\n1\nup.\ndown the road.\naway and\nso\n".utf8), to: tasks)
            for command in [
                ["perplexity", "MODEL", "--json"] + Self.window,
                ["compare", "MODEL", whole, "--json"] + Self.window,
                ["compare", whole, "MODEL", "--json"] + Self.window,
                [
                    "sensitivity", "MODEL", "--group", "kind", "--format", "Q4_0", "--json",
                ] + Self.window,
                ["generate", "MODEL", "-p", "The ship", "-n", "4", "--json", "-q"],
                ["score", "MODEL", "--task", "hellaswag", "-f", tasks, "--json", "-q"],
                ["tokenize", "MODEL", "-p", "The ship", "--ids"],
            ] {
                #expect(
                    try figures(command, first) == figures(command, whole), "\(command[0])")
            }
            for (name, model) in [("a", whole), ("b", first)] {
                _ = try run(["imatrix", model, "-o", "\(folder)/\(name).gguf"] + Self.window)
                _ = try run(["export", model, "\(folder)/\(name)", "-q"])
            }
            #expect(
                try ImportanceSums(path: folder + "/a.gguf").entries
                    == ImportanceSums(path: folder + "/b.gguf").entries)
            let files = try Directory.names(in: folder + "/a").filter { !$0.hasPrefix(".") }
            #expect(files.contains("config.json") && files.count > 5)
            for file in files {
                #expect(
                    try InputFile.contents(path: "\(folder)/a/\(file)")
                        == InputFile.contents(path: "\(folder)/b/\(file)"), "\(file)")
            }
            #expect(try run(["diff", whole, first]).output.contains("nothing differs"))
            let shown = try JSON.parse(Array(run(["inspect", first, "--json"]).output.utf8))
            #expect(
                try shown["tensors"]?.array?.count == GGUFFile(path: whole).tensors.count)
        }
    }

    @Test func otherPartsAndMissingOnesAreNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let first = try split(model(in: folder), in: folder)
            let (second, third) = (
                first.replacing("00001-of", with: "00002-of"),
                first.replacing("00001-of", with: "00003-of")
            )
            func commands(_ model: String) -> [[String]] {
                [
                    ["perplexity", model] + Self.window, ["compare", model, first] + Self.window,
                    ["imatrix", model, "-o", folder + "/i.gguf"] + Self.window,
                    ["sensitivity", model] + Self.window,
                    ["generate", model, "-p", "x", "-n", "1"], ["export", model, folder + "/x"],
                    ["score", model, "--task", "hellaswag", "-f", Self.text], ["verify", model],
                    ["diff", model, first], ["report", model, first, "--json"] + Self.window,
                    ["quantize", model, folder + "/q.gguf", "Q8_0"],
                ]
            }
            for command in commands(second) + [["tokenize", second, "-p", "x"]] {
                let outcome = try Tool.run(command)
                #expect(outcome.exitCode == 65, "\(command[0])")
                #expect(
                    outcome.errors.contains("part 2 of 3") && outcome.errors.contains(first),
                    "\(outcome.errors)")
            }
            #expect(try run(["inspect", second]).output.contains("part 2 of 3"))
            try FileManager.default.removeItem(atPath: third)
            for command in commands(first) {
                let outcome = try Tool.run(command)
                #expect(outcome.exitCode == 65, "\(command[0])")
                #expect(outcome.errors.contains(third), "\(outcome.errors)")
                #expect(!outcome.errors.contains(second), "\(outcome.errors)")
            }
            // The header of the part that is there can be looked at all the same.
            let outcome = try run(["inspect", first])
            #expect(outcome.output.contains("part 1 of 3") && outcome.errors.contains(third))
            #expect(try run(["tokenize", first, "-p", "x"]).output.contains("'x'"))
        }
    }

    @Test func textsFromPipes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try model(in: folder)
            let command = "\"$INGOT\" perplexity \"$1\" -c 64 --chunks 3 -t 1 --json -q"
            func perplexity(_ script: String) throws -> Double {
                let outcome = try Tool.shell(script, [model, Self.text, folder])
                try #require(outcome.exitCode == 0, "\(script): \(outcome.errors)")
                return try #require(
                    JSON.parse(Array(outcome.output.utf8))["perplexity"]?.double)
            }
            let whole = try perplexity("\(command) -f \"$2\"")
            for script in [
                "cat \"$2\" | \(command) -f -", "cat \"$2\" | \(command) -f /dev/stdin",
                "\(command) -f - < \"$2\"", "\(command) -f /dev/fd/3 3< \"$2\"",
                "mkfifo \"$3/p\"; cat \"$2\" > \"$3/p\" & \(command) -f \"$3/p\"",
                "(head -c 5000 \"$2\"; sleep 0.2; tail -c +5001 \"$2\") | \(command) -f -",
                "head -c 100 \"$2\" > \"$3/a\"; tail -c +101 \"$2\" | \(command) -f \"$3/a\" -f -",
            ] { #expect(try perplexity(script) == whole, "\(script)") }
            // The other commands read texts in the same way.
            for (script, expected) in [
                ("imatrix \"$1\" -c 64 --chunks 1 -q -o \"$3/i.gguf\" -f -", "1 window of 64"),
                ("compare \"$1\" \"$1\" -c 64 --chunks 1 -q -f -", "Same top p"),
                ("report \"$1\" \"$1\" -c 64 --chunks 1 -q --json -f -", "\"standard input\""),
                ("sensitivity \"$1\" -c 64 --chunks 1 -q --group kind -f -", "ffn_down"),
                ("tokenize \"$1\" -f - --show-count -q", "Total number of tokens"),
                ("tokenize \"$1\" --stdin --show-count -q", "Total number of tokens"),
            ] {
                let outcome = try Tool.shell(
                    "head -c 3000 \"$2\" | \"$INGOT\" \(script)", [model, Self.text, folder])
                #expect(
                    outcome.exitCode == 0 && outcome.output.contains(expected),
                    "\(script): \(outcome.errors)")
            }
            let prompt = try Tool.shell(
                "printf 'The ship' | \"$INGOT\" generate \"$1\" -n 3 -q -f -", [model])
            #expect(
                try prompt.output
                    == run(["generate", model, "-p", "The ship", "-n", "3", "-q"]).output)
            for (script, code) in [
                ("\"$INGOT\" perplexity \"$1\" -f - -f - < \"$2\"", 64),
                ("\"$INGOT\" perplexity \"$1\" -f /dev/stdin -f - < \"$2\"", 64),
                ("\"$INGOT\" report \"$1\" \"$1\" --json -f - --calibration - < \"$2\"", 64),
                ("cat \"$1\" | \"$INGOT\" perplexity - -f \"$2\"", 74),
                ("cat \"$1\" | \"$INGOT\" perplexity /dev/stdin -f \"$2\"", 74),
                ("\"$INGOT\" perplexity \"$1\" -f - < /dev/null", 65),
                ("gzip -c \"$2\" | \"$INGOT\" perplexity \"$1\" -f -", 65),
            ] as [(String, Int32)] {
                let outcome = try Tool.shell(script, [model, Self.text])
                #expect(outcome.exitCode == code, "\(script): \(outcome.errors)")
            }
        }
    }

    @Test func severalFilesOfTasksAndPrompts() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try model(in: folder)
            let task = "One goes\n1\nup.\ndown the road.\naway and\nso\n"
            let (one, two) = (folder + "/1.txt", folder + "/2.txt")
            try OutputFile.write(Array(task.utf8), to: one)
            try OutputFile.write([0xEF, 0xBB, 0xBF] + Array((task + task).utf8), to: two)
            let arguments = ["score", model, "--task", "hellaswag", "--json", "-q", "-f", one]
            let found = try JSON.parse(Array(run(arguments + ["-f", two]).output.utf8))
            #expect(found["taskCount"]?.integer == 3)
            let tasks = try #require(found["result"]?["tasks"]?.array)
            #expect(tasks[0] == tasks[1] && tasks[1] == tasks[2])
            #expect(
                try run(["tokenize", model, "-f", one, "-f", one, "--ids"]).output
                    == run(["tokenize", model, "-p", task + task, "--ids"]).output)
        }
    }

    /// A file without the name of its pre-tokenizer, as they were made before there was one.
    private func withoutPre(_ model: String, to path: String) throws {
        let file = try GGUFFile(path: model)
        var metadata = file.metadata
        metadata["tokenizer.ggml.pre"] = nil
        let layout = try GGUFLayout(metadata: metadata, tensors: file.tensors, path: path)
        let output = try OutputFile(path: path, byteCount: layout.byteCount)
        try output.write(layout.header, at: 0)
        for (number, offset) in layout.offsets.enumerated() {
            var bytes = [UInt8](repeating: 0, count: file.byteCounts[number])
            try bytes.withUnsafeMutableBytes {
                try file.readBytes(0..<$0.count, ofTensor: number, into: $0)
            }
            try output.write(bytes, at: offset)
        }
        try output.commit(byteCount: layout.byteCount)
    }

    @Test func aMissingPreTokenizerIsToldAndCanBeNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try model(in: folder)
            let (old, mended) = (folder + "/old.gguf", folder + "/mended.gguf")
            try withoutPre(model, to: old)
            let pre = try #require(GGUFFile(path: model).metadata["tokenizer.ggml.pre"]?.text)
            let tasks = folder + "/tasks.txt"
            try OutputFile.write(
                Array("One goes\n1\nup.\ndown the road.\naway and\nso\n".utf8), to: tasks)
            let commands = [
                ["perplexity", "MODEL", "--json"] + Self.window,
                ["compare", "MODEL", "MODEL", "--json"] + Self.window,
                ["sensitivity", "MODEL", "--group", "kind", "--format", "Q4_0", "--json"]
                    + Self.window,
                ["generate", "MODEL", "-p", "In 1843", "-n", "2", "--json", "-q"],
                ["score", "MODEL", "--task", "hellaswag", "-f", tasks, "--json", "-q"],
                ["tokenize", "MODEL", "-p", "In 1843", "--ids"],
            ]
            for command in commands
                + [
                    ["imatrix", "MODEL", "-o", folder + "/i.gguf"] + Self.window,
                    ["report", "MODEL", "MODEL", "--json"] + Self.window,
                    ["export", "MODEL", folder + "/x", "-q", "--allow-changes"],
                ]
            {
                let outcome = try Tool.run(command.map { $0 == "MODEL" ? old : $0 })
                #expect(outcome.exitCode == 0, "\(command[0]): \(outcome.errors)")
                #expect(
                    outcome.errors.components(separatedBy: "no tokenizer.ggml.pre").count == 2,
                    "\(command[0]): \(outcome.errors)")
            }
            _ = try run([
                "quantize", "-q", old, mended, "COPY", "--override-kv",
                "tokenizer.ggml.pre=str:\(pre)",
            ])
            for command in commands {
                let expected = try figures(command, model)
                #expect(try figures(command + ["--pre", pre], old) == expected, "\(command[0])")
                #expect(try figures(command, mended) == expected, "\(command[0])")
                let outcome = try Tool.run(
                    command.map { $0 == "MODEL" ? old : $0 } + ["--pre", "no-such"])
                #expect(outcome.exitCode == 65, "\(outcome.errors)")
                #expect(outcome.errors.contains("\"no-such\" is not known"), "\(outcome.errors)")
                #expect(outcome.errors.contains(old) && outcome.errors.contains("llama-bpe"))
            }
            #expect(try run(["perplexity", model] + Self.window).errors.isEmpty)
        }
    }
}
