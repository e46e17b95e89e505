import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// The commands that run models, as a user runs them, on the embedded model.
@Suite struct EvaluationCommandTests {
    private static let text = Fixtures.path("text/evaluation.txt")

    /// The embedded model as F16, and quantizations of it.
    private func models(_ types: [String], in folder: String) throws -> [String] {
        let base = folder + "/f16.gguf"
        var outcome = try Tool.run([
            "convert", "-q", Fixtures.path("tiny-llama"), "--outfile", base,
        ])
        try #require(outcome.exitCode == 0, "\(outcome.errors)")
        return try [base]
            + types.map { type in
                let path = folder + "/\(type).gguf"
                outcome = try Tool.run(["quantize", "-q", base, path, type])
                try #require(outcome.exitCode == 0, "\(outcome.errors)")
                return path
            }
    }

    private func json(_ arguments: [String], in folder: String? = nil) throws -> JSON {
        let outcome = try Tool.run(arguments + ["--json", "-q"], in: folder)
        try #require(outcome.exitCode == 0, "\(outcome.errors)")
        return try JSON.parse(Array(outcome.output.utf8))
    }

    private func divergence(_ level: JSON?) -> Double? {
        level?["divergence"]?["mean"]?["value"]?.double
    }

    @Test func compareShowsEveryModelBesideItsBase() throws {
        try Fixtures.withTemporaryFolder { folder in
            let files = try models(["Q8_0", "Q4_0"], in: folder)
            let window = ["-f", Self.text, "-c", "128", "--chunks", "10"]
            let found = try json(["compare"] + files + window)
            let levels = try #require(found["levels"]?.array)
            let (first, second) = (divergence(levels[0]) ?? -1, divergence(levels[1]) ?? -1)
            #expect(first > 0 && second > 3 * first)
            #expect(found["tokensScored"]?.integer == 630)
            // Each alone is as it is beside the other.
            let alone = try json(["compare", files[0], files[2]] + window)
            #expect(divergence(alone["levels"]?.array?[0]) == second)

            // Rounded activations are a noise on top: little for the base of 16 bits.
            let rounded = try json(["compare", "--activations", "q8"] + files + window)
            #expect(rounded["activations"]?.text == "q8" && found["activations"]?.text == "f32")
            let perplexities = try [rounded, found].map {
                try #require($0["basePerplexity"]?["value"]?.double)
            }
            #expect(perplexities[0] != perplexities[1])
            #expect(abs(perplexities[0] / perplexities[1] - 1) < 1e-4)
            let noisy = try #require(divergence(rounded["levels"]?.array?[0]))
            #expect(noisy > first && noisy < 0.1)

            let outcome = try Tool.run(["compare", "-q"] + files + window)
            for line in [
                "Mean PPL(Q)-PPL(base)", "Maximum KLD", "99.9 %  KLD", "75.0 %  Δp", "Same top p",
                "Q4_0.gguf",
            ] {
                #expect(outcome.output.contains(line), "\(line)")
            }

            // Saved logits stand in for the base; the results go to a file.
            let logits = folder + "/base.logits.zst"
            #expect(
                try Tool.run(["compare", files[0], "-q", "--save-logits", logits] + window).exitCode
                    == 0)
            let result = folder + "/result.json"
            #expect(
                try Tool.run([
                    "compare", "--logits", logits, files[2], "--json", "-q", "-o", result,
                ])
                .exitCode == 0)
            let stored = try JSON.parse(path: result)
            let kept = try #require(divergence(stored["levels"]?.array?[0]))
            #expect(abs(kept / second - 1) < 1e-4)
            #expect(
                stored["basePerplexity"]?["value"]?.double
                    == found["basePerplexity"]?["value"]?.double
                    || abs(
                        (stored["basePerplexity"]?["value"]?.double ?? 0)
                            / (found["basePerplexity"]?["value"]?.double ?? 1) - 1) < 1e-6
            )
            // The file is a text of its own, and no model.
            for (arguments, code) in [
                (["compare", "--logits", logits, files[2], "-f", Self.text], 64),
                (["compare", files[0], "-f", Self.text], 64),
                (["compare", files[0], files[1]], 64),
                (["compare", "--logits", Self.text, files[2]], 65),
            ] as [([String], Int32)] {
                #expect(try Tool.run(arguments).exitCode == code, "\(arguments)")
            }
        }
    }

    @Test func perplexityReadsCompressedAndSeveralTexts() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try models([], in: folder)[0]
            let bytes = try InputFile.contents(path: Self.text)
            let (first, second) = (folder + "/1.txt", folder + "/2.txt")
            try OutputFile.write(Array(bytes[..<7001]), to: first)
            try OutputFile.write(Array(bytes[7001..<30_000]), to: second)
            try OutputFile.write(Array(bytes[..<30_000]), to: folder + "/all.txt")
            let zstd = Process()
            zstd.executableURL = URL(filePath: "/usr/bin/env")
            zstd.arguments = ["zstd", "-q", folder + "/all.txt", "-o", folder + "/all.zst"]
            try zstd.run()
            zstd.waitUntilExit()
            func value(_ texts: [String], _ more: [String] = []) throws -> Double? {
                try json(
                    ["perplexity", model, "-c", "128"] + texts.flatMap { ["-f", $0] } + more)[
                        "perplexity"]?.double
            }
            let whole = try #require(try value([folder + "/all.txt"]))
            #expect(try value([first, second]) == whole)
            if zstd.terminationStatus == 0 {
                #expect(try value([folder + "/all.zst"]) == whole)
                let compressed = try InputFile.contents(path: folder + "/all.zst")
                try OutputFile.write(
                    Array(compressed[..<(compressed.count - 20)]), to: folder + "/cut.zst")
                let outcome = try Tool.run(["perplexity", model, "-f", folder + "/cut.zst"])
                #expect(outcome.exitCode == 65 && outcome.errors.contains("cut.zst"))
            }
            // Longer contexts for the same tokens: the sliding protocol is no worse.
            let sliding = try json(
                ["perplexity", model, "-c", "128", "--stride", "64", "-f", folder + "/all.txt"])
            #expect(sliding["stride"]?.integer == 64)
            #expect(sliding["tokensScored"]?.integer == (sliding["textTokens"]?.integer ?? 0) - 1)
            let trailing = try json(
                ["perplexity", model, "-c", "128", "--ppl-stride", "64", "-f", folder + "/all.txt"])
            #expect(trailing["contextLength"]?.integer == 160)
        }
    }

    @Test func anInterruptedPerplexityGoesOn() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try models([], in: folder)[0]
            let state = folder + "/run.state"
            let arguments = ["perplexity", model, "-f", Self.text, "-c", "256", "-t", "1"]
            let whole = try json(arguments)
            let process = Process()
            process.executableURL = URL(filePath: Tool.path)
            process.arguments = arguments + ["-q", "--resume", state]
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            while process.isRunning, !Fixtures.exists(state) { usleep(1000) }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            // (A very fast machine may have finished; then there is nothing to go on from.)
            if Fixtures.exists(state) {
                let other = try Tool.run([
                    "perplexity", model, "-f", Self.text, "-c", "128", "-t", "1", "--resume", state,
                ])
                #expect(other.exitCode == 65)
                #expect(other.errors.contains("another context length"), "\(other.errors)")
            }
            let rest = try json(arguments + ["--resume", state])
            for key in ["perplexity", "standardError", "running", "tokensScored", "windows"] {
                #expect(rest[key] == whole[key], "\(key)")
            }
            #expect(!Fixtures.exists(state))
            try OutputFile.write(Array("{}".utf8), to: state)
            #expect(try Tool.run(arguments + ["--resume", state]).exitCode == 65)
        }
    }

    @Test func scoreTellsAccuracyAndDifference() throws {
        try Fixtures.withTemporaryFolder { folder in
            let files = try models(["Q2_K"], in: folder)
            let tasks = folder + "/tasks.txt"
            let lines = (0..<12).flatMap { task in
                [
                    "Task \(task): one goes", "\(task % 4)", "up.", "down the road.", "away and",
                    "so",
                ]
            }
            try OutputFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: tasks)
            let arguments = ["score", files[1], "--task", "hellaswag", "-f", tasks]
            let found = try json(arguments + ["--against", files[0]])
            #expect(found["taskCount"]?.integer == 12)
            #expect(found["chance"]?.double == 0.25)
            let accuracy = try #require(found["result"]?["accuracy"]?["value"]?.double)
            let base = try #require(found["base"]?["accuracy"]?["value"]?.double)
            #expect(found["difference"]?["value"]?.double == accuracy - base)
            #expect(found["result"]?["tasks"]?.array?.count == 12)
            let some = try json(arguments + ["--tasks", "5"])
            #expect(some["result"]?["tasks"]?.array?.count == 5)
            let rounded = try json(arguments + ["--activations", "q8"])
            #expect(rounded["activations"]?.text == "q8")
            #expect(rounded["result"]?["tasks"] != found["result"]?["tasks"])
            let outcome = try Tool.run(arguments)
            #expect(outcome.output.contains("hellaswag Q2_K.gguf:"))
            #expect(outcome.output.contains("by chance 25.00 %"))
            #expect(
                try Tool.run(["score", files[1], "--task", "quiz", "-f", tasks]).exitCode == 64)
            #expect(
                try Tool.run(["score", files[1], "--task", "winogrande", "-f", tasks]).exitCode
                    == 65)
        }
    }

    /// A part quantized in memory is what the quantizer writes for it.
    @Test func sensitivityIsThatOfAQuantizedFile() throws {
        try Fixtures.withTemporaryFolder { folder in
            let base = try models([], in: folder)[0]
            let file = folder + "/down.gguf"
            var outcome = try Tool.run([
                "quantize", "-q", "--tensor-type", "attn_=f16", "--tensor-type", "ffn_gate=f16",
                "--tensor-type", "ffn_up=f16", "--output-tensor-type", "f16",
                "--token-embedding-type", "f16", base, file, "Q4_0",
            ])
            try #require(outcome.exitCode == 0, "\(outcome.errors)")
            let window = ["-f", Self.text, "-c", "128", "--chunks", "6"]
            let compared = try json(["compare", base, file] + window)
            let found = try json(
                ["sensitivity", base, "--group", "kind", "--format", "q4_0"] + window)
            let cells = try #require(found["map"]?["cells"]?.array)
            let cell = try #require(cells.first { $0["name"]?.text == "ffn_down" })
            #expect(
                cell["divergence"]?["value"]?.double == divergence(compared["levels"]?.array?[0]))
            #expect(cell["format"]?.text == "Q4_0")
            let error = try #require(cell["weightError"]?.double)
            #expect(error > 0.01 && error < 0.2)
            #expect(
                cells.contains { $0["name"]?.text == "output" || $0["name"]?.text == "token_embd" })

            let single = try json(
                ["sensitivity", base, "--format", "Q8_0", "--format", "Q2_K"] + window)
            let names = Set(single["map"]?["cells"]?.array?.compactMap { $0["name"]?.text } ?? [])
            #expect(names.contains("blk.0.ffn_down.weight"))
            #expect(single["map"]?["cells"]?.array?.count == 2 * names.count)
            outcome = try Tool.run(["sensitivity", base, "--group", "layer", "-q"] + window)
            #expect(outcome.output.contains("KLD Q4_K") && outcome.output.contains("blk.1"))
            for (arguments, code) in [
                (["sensitivity", base, "--format", "Q4KM"], 64),
                (["sensitivity", base, "--format", "IQ1_S"], 64),
                (["sensitivity", base, "--group", "expert"], 64),
            ] as [([String], Int32)] {
                #expect(try Tool.run(arguments + window).exitCode == code, "\(arguments)")
            }
        }
    }

    @Test func imatrixGathersAddsAndSaves() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = try models([], in: folder)[0]
            let (whole, first, rest) = (
                folder + "/whole.gguf", folder + "/first.gguf", folder + "/rest.gguf"
            )
            func run(_ arguments: [String]) throws -> Tool.Outcome {
                try Tool.run(["imatrix", "-q"] + arguments)
            }
            let text = ["-f", Fixtures.path("text/calibration.txt"), "-c", "128"]
            var outcome = try run(
                [model, "-o", whole, "--chunks", "12", "--save-frequency", "5"] + text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(Fixtures.exists(whole + ".at_5") && Fixtures.exists(whole + ".at_10"))
            #expect(try run([model, "-o", first, "--chunks", "5"] + text).exitCode == 0)
            #expect(
                try ImportanceSums(path: first).entries.mapValues(\.counts)
                    == ImportanceSums(path: whole + ".at_5").entries.mapValues(\.counts))
            // The rest, added to the beginning, is the whole, but for roundings of activations.
            outcome = try run(
                [model, "-o", rest, "--from-chunk", "5", "--chunks", "7", "--in-file", first] + text
            )
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let (one, two) = (try ImportanceSums(path: whole), try ImportanceSums(path: rest))
            #expect(two.chunkCount == 12 && one.datasets == two.datasets)
            for (name, entry) in one.entries {
                #expect(two.entries[name]?.counts == entry.counts)
                for (a, b) in zip(entry.sums, two.entries[name]?.sums ?? []) {
                    #expect(abs(a - b) <= 1e-3 * abs(a), "\(name)")
                }
            }
            #expect(try run(["--in-file", first, "--in-file", first, "-o", rest]).exitCode == 0)
            #expect(try ImportanceSums(path: rest).chunkCount == 10)
            #expect(
                try Tool.run([
                    "quantize", "-q", "--imatrix", whole, model, folder + "/q.gguf", "Q2_K",
                ]).exitCode == 0)
            // The older form has means of windows, which are sums again with their length.
            let legacy = folder + "/first.dat"
            let sums = try ImportanceSums(path: first)
            try OutputFile.write(Self.legacy(sums), to: legacy)
            #expect(try run(["--in-file", legacy, "-o", rest, "-c", "128"]).exitCode == 0)
            let back = try ImportanceSums(path: rest)
            #expect(back.chunkCount == 5 && back.chunkSize == 128)
            for (name, entry) in sums.entries {
                #expect(back.entries[name]?.counts == entry.counts)
                for (a, b) in zip(entry.sums, back.entries[name]?.sums ?? []) {
                    #expect(abs(a - b) <= 1e-3 * abs(a), "\(name)")
                }
            }
            #expect(try run([model, "-o", rest, "--from-chunk", "100000"] + text).exitCode == 65)
            #expect(try run(["--in-file", model, "-o", rest]).exitCode == 65)
        }
    }

    /// Sums as the older binary form has them.
    private static func legacy(_ sums: ImportanceSums) -> [UInt8] {
        var builder = ByteBuilder()
        func add(_ text: String) {
            builder.append(Int32(text.utf8.count))
            builder.append(text)
        }
        builder.append(Int32(sums.entries.count))
        for (name, entry) in sums.entries {
            add(name)
            builder.append(Int32(sums.chunkCount))
            builder.append(Int32(entry.sums.count))
            for sum in entry.sums {
                builder.append(Float(sum / entry.counts[0] * Double(sums.chunkCount)))
            }
        }
        builder.append(Int32(sums.chunkCount))
        add("calibration.txt")
        return builder.bytes
    }

    @Test func generateShowsBothTexts() throws {
        try Fixtures.withTemporaryFolder { folder in
            let files = try models(["Q2_K"], in: folder)
            let arguments = ["generate", files[1], "-p", "The ship", "-n", "24"]
            let found = try json(arguments + ["--against", files[0]])
            let tokens = try #require(found["result"]?["tokens"]?.array)
            let base = try #require(found["base"]?["tokens"]?.array)
            #expect(tokens.count <= 24 && !tokens.isEmpty)
            let common = zip(tokens, base).prefix { $0 == $1 }.count
            if tokens != base {
                #expect(found["firstDifference"]?["token"]?.integer == common)
            }
            if let difference = found["firstDifference"], tokens != base {
                func probability(_ of: String, _ key: String) throws -> Double {
                    try #require(difference[of]?[key]?.double)
                }
                // Each holds its own token for the most probable.
                #expect(
                    try probability("model", "probability")
                        > probability("base", "probabilityInOther"))
                #expect(
                    try probability("base", "probability")
                        > probability("model", "probabilityInOther"))
            }
            // Threads do not change what is said, nor how surely.
            for activations in ["f32", "q8"] {
                let one = try json(arguments + ["--activations", activations, "-t", "1"])
                let three = try json(arguments + ["--activations", activations, "-t", "3"])
                #expect(one["result"]?["probabilities"] == three["result"]?["probabilities"])
                #expect(one["activations"]?.text == activations)
            }
            // Drawn text follows from the seed; greedy text from nothing else.
            let drawn =
                arguments + ["--temp", "1.5", "--top-k", "0", "--top-p", "1", "--min-p", "0"]
            let one = try json(drawn + ["--seed", "1"])
            #expect(try json(drawn + ["--seed", "1"])["result"]?["text"] == one["result"]?["text"])
            #expect(try json(drawn + ["--seed", "2"])["result"]?["text"] != one["result"]?["text"])
            let outcome = try Tool.run(arguments + ["--against", files[1]])
            #expect(outcome.output.hasPrefix("Q2_K.gguf:\nThe ship"), "\(outcome.output)")
            #expect(outcome.output.contains("the texts are the same"))
            #expect(try Tool.run(["generate", files[0], "-n", "4"]).exitCode == 64)
            #expect(try Tool.run(arguments + ["--temp", "-1"]).exitCode == 64)
        }
    }

    @Test func strideAndTextAreCheckedFirst() throws {
        let model = "none.gguf"
        for arguments in [
            ["perplexity", model], ["perplexity", model, "-f", "x", "--stride", "0"],
            ["perplexity", model, "-f", "x", "--stride", "8", "--ppl-stride", "8"],
            ["report", model, model, "-o", "r"], ["sensitivity", model],
            ["perplexity", model, "-f", "x", "--resume", "a", "--save-logits", "b"],
        ] {
            #expect(try Tool.run(arguments).exitCode == 64, "\(arguments)")
        }
    }
}
