import Foundation
import GGUF
import TensorCore
import TestSupport
import Testing

/// Whole command lines: standard output, standard error, exit code, and what is left on the disk.
@Suite(.serialized) struct CommandLineTests {
    static let tiny = Fixtures.path("conformance/convert/checkpoints/llama")

    private func converted(in folder: String) throws -> String {
        let path = folder + "/f16.gguf"
        let outcome = try Tool.run(["convert", "--quiet", Self.tiny, "--outfile", path])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        return path
    }

    private func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func theMainJob() throws {
        try Fixtures.withTemporaryFolder { folder in
            let input = try converted(in: folder)
            let quantized = folder + "/q8.gguf"
            var outcome = try Tool.run(["quantize", input, quantized, "Q8_0"])
            #expect(outcome.exitCode == 0)
            #expect(outcome.output.contains("bits/weight"))
            #expect(outcome.output.contains("Q8_0"))
            outcome = try Tool.run([
                "report", input, quantized, "-f",
                Fixtures.path("conformance/convert/text.txt"), "-c", "128", "--chunks", "8", "-o",
                folder + "/report", "--max-kld", "Q8_0=0.5",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                try files(in: folder + "/report") == ["report.html", "report.json", "report.md"])
            let report = try JSON.parse(path: folder + "/report/report.json")
            let level = try #require(report["levels"]?.array?.first)
            #expect(level["name"]?.text == "Q8_0")
            let divergence = try #require(level["divergence"]?["mean"]?["value"]?.double)
            #expect(divergence > 0 && divergence < 0.01)
        }
    }

    @Test func aGateThatIsNotMetGivesExitCodeOneAndNamesTheLevel() throws {
        try Fixtures.withTemporaryFolder { folder in
            let input = try converted(in: folder)
            let quantized = folder + "/q2.gguf"
            #expect(try Tool.run(["quantize", "-q", input, quantized, "Q2_K"]).exitCode == 0)
            let outcome = try Tool.run([
                "report", input, quantized, "-q", "-f",
                Fixtures.path("conformance/convert/text.txt"), "-c", "128", "--chunks", "4", "-o",
                folder + "/report", "--max-kld", "Q2_K=0.0001",
            ])
            #expect(outcome.exitCode == 1)
            #expect(outcome.errors.contains("gate not met: Q2_K"))
            #expect(try files(in: folder + "/report").count == 3)
        }
    }

    @Test func aCheckedTokenizerIsWrittenOrNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/out.gguf"
            var outcome = try Tool.run(["convert", Self.tiny, "--check-tokenizer", "--dry-run"])
            #expect(outcome.exitCode == 0)
            #expect(outcome.errors.contains("texts encode alike by the definition and by the file"))
            outcome = try Tool.run(
                ["convert", Self.tiny, "--check-tokenizer", "--pre", "gpt-2", "--outfile", path])
            #expect(outcome.exitCode == 65)
            #expect(outcome.errors.contains("Likely cause: the rules of the pre-tokenizer name"))
            #expect(try files(in: folder).isEmpty)
            outcome = try Tool.run(
                ["convert", Self.tiny, "--check-tokenizer", "--outfile", path])
            #expect(outcome.exitCode == 0)
            #expect(try files(in: folder) == ["out.gguf"])
        }
    }

    @Test func tokenizeReadsDirectoriesAndFilesAlike() throws {
        try Fixtures.withTemporaryFolder { folder in
            let arguments = ["-p", "Hello  world\n", "--ids"]
            let directory = try Tool.run(["tokenize", Self.tiny] + arguments)
            let file = try Tool.run(["tokenize", try converted(in: folder)] + arguments)
            #expect(directory.exitCode == 0 && directory.output.hasPrefix("["))
            #expect(directory.output == file.output)
            let text = folder + "/ids.txt"
            try directory.output.write(toFile: text, atomically: true, encoding: .utf8)
            let back = try Tool.run(["tokenize", Self.tiny, "--decode", "-f", text])
            #expect(back.output == "Hello  world\n")
            let missing = try Tool.run(["tokenize", Self.tiny])
            #expect(missing.exitCode == 64)
        }
    }

    /// Its tensors stand in the quantizer's order, which no file of safetensors keeps.
    @Test func aQuantizedFileIsExportedAsOne() throws {
        try Fixtures.withTemporaryFolder { folder in
            let quantized = folder + "/q.gguf"
            try #require(
                Tool.run(["quantize", "-q", try converted(in: folder), quantized, "Q8_0"]).exitCode
                    == 0)
            let outcome = try Tool.run(["export", "-q", quantized, folder + "/hf"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let weights = try files(in: folder + "/hf").filter { $0.contains("safetensors") }
            #expect(weights == ["model.safetensors"])
            #expect(!outcome.errors.contains("order"))
        }
    }

    /// What a family says about the tokenizer counts: a decoder does not end a text with EOS.
    @Test func tokenizeAsksTheFamily() throws {
        let config =
            #"{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":16,"intermediate_size":32,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":4}"#
        let tokenizer =
            #"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},"model":{"type":"Unigram","unk_id":1,"vocab":[["</s>",0],["<unk>",0],["▁",-2],["a",-3]]}}"#
        try Fixtures.withTemporaryFolder { folder in
            for (name, text) in [("config.json", config), ("tokenizer.json", tokenizer)] {
                try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            }
            let arguments = ["-p", "aa", "--ids"]
            let found = try Tool.run(["tokenize", folder] + arguments)
            #expect(found.output == "[2, 3, 3]\n", "\(found)")
            let file = folder + "/vocabulary.gguf"
            try #require(
                Tool.run(["convert", folder, "--vocab-only", "--outfile", file]).exitCode == 0)
            #expect(try Tool.run(["tokenize", file] + arguments).output == found.output)
            // The files of a tokenizer alone, or of a model of no family, do too.
            try "{}".write(toFile: folder + "/config.json", atomically: true, encoding: .utf8)
            #expect(try Tool.run(["tokenize", folder] + arguments).exitCode == 0)
        }
    }

    @Test func perplexityPrintsOneJSONObject() throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run([
                "perplexity", try converted(in: folder), "-f",
                Fixtures.path("conformance/convert/text.txt"), "-c", "128", "--chunks", "8",
                "--json",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let value = try JSON.parse(Array(outcome.output.utf8))
            let expected = try JSON.parse(
                path: Fixtures.path("conformance/convert/expected/llama.perplexity.json"))
            let perplexity = try #require(value["perplexity"]?.double)
            let reference = try #require(expected["transformers_f32"]?.double)
            #expect(abs(perplexity / reference - 1) < 2e-4)
            #expect(value["windows"]?.integer == 8)
            #expect(value["tokensScored"]?.integer == 8 * 63)
            #expect(value["standardError"]?.double ?? 0 > 0)
            #expect(value["tokensPerSecond"]?.double ?? 0 > 0)
        }
    }

    @Test func controlTokensInATextAreTokensOnRequest() throws {
        try Fixtures.withTemporaryFolder { folder in
            // One window of 32 only where each of the 32 is one token.
            let text = folder + "/turns.txt"
            try String(repeating: "<|eot_id|>", count: 32)
                .write(toFile: text, atomically: true, encoding: .utf8)
            let command = [
                "perplexity", try converted(in: folder), "-f", text, "-c", "32", "--json",
            ]
            let windows = try [[], ["--parse-special"]].map { flags in
                let outcome = try Tool.run(command + flags)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return try JSON.parse(Array(outcome.output.utf8))["windows"]?.integer ?? 0
            }
            #expect(windows[0] > 1)
            #expect(windows[1] == 1)
        }
    }

    @Test func theBinaryRunsTheCommandItIsCalledBy() throws {
        try Fixtures.withTemporaryFolder { folder in
            for name in ["convert", "quantize"] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(name)", withDestinationPath: Tool.path)
            }
            var outcome = try Tool.run(
                [Self.tiny, "--outfile", "model-f16.gguf"], calledAs: folder + "/convert",
                in: folder)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            outcome = try Tool.run(
                ["model-f16.gguf", "out.gguf", "Q4_K_M"], calledAs: folder + "/quantize",
                in: folder)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                try GGUFFile(path: folder + "/out.gguf").metadata["general.file_type"]
                    == .uint32(15))
            // The output may be left out, and threads may follow the type, as in the peer's tool.
            outcome = try Tool.run(
                ["model-f16.gguf", "q4_0", "2"], calledAs: folder + "/quantize", in: folder)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(Fixtures.exists(folder + "/ggml-model-Q4_0.gguf"))
        }
    }

    @Test func inspectShowsBothKindsOfFile() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = try converted(in: folder)
            var outcome = try Tool.run(["inspect", path])
            #expect(outcome.exitCode == 0)
            for text in ["general.architecture", "token_embd.weight", "512 × 256", "totals"] {
                #expect(outcome.output.contains(text), "\(text)")
            }
            outcome = try Tool.run(["inspect", "--json", Self.tiny + "/model.safetensors"])
            #expect(outcome.exitCode == 0)
            let value = try JSON.parse(Array(outcome.output.utf8))
            #expect(value["container"]?.text == "safetensors")
            #expect(value["tensors"]?.array?.count ?? 0 > 10)
        }
    }

    @Test func helpHasExamples() throws {
        for command in ["convert", "quantize", "perplexity", "report", "inspect"] {
            let outcome = try Tool.run([command, "--help"])
            #expect(outcome.exitCode == 0)
            #expect(outcome.output.contains("Example"), "\(command)")
            #expect(outcome.output.contains("ingot \(command)"), "\(command)")
        }
    }

    /// Each fault: one line on standard error that starts with `error:` and names what it must, the
    /// exit code, and nothing left where the output should have come.
    private func expectFault(
        _ arguments: [String], exitCode: Int32, mentions: [String], in folder: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try files(in: folder)
        let outcome = try Tool.run(arguments, in: folder)
        #expect(outcome.exitCode == exitCode, "\(outcome.errors)", sourceLocation: sourceLocation)
        let errors = outcome.errors.split(separator: "\n").filter {
            $0.lowercased().hasPrefix("error:")
        }
        #expect(errors.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
        for text in mentions {
            #expect(
                outcome.errors.contains(text), "\(text) in \(outcome.errors)",
                sourceLocation: sourceLocation)
        }
        #expect(try files(in: folder) == before, sourceLocation: sourceLocation)
    }

    @Test func badTypesAndWordsAreUsageErrors() throws {
        try Fixtures.withTemporaryFolder { folder in
            let input = try converted(in: folder)
            try expectFault(
                ["quantize", input, "out.gguf", "Q4KM"], exitCode: 64,
                mentions: ["no type is called Q4KM", "Q4_K_M"], in: folder)
            try expectFault(
                ["quantize", input, "out.gguf", "Q4_K_M", "many"], exitCode: 64,
                mentions: ["THREADS is many"], in: folder)
            try expectFault(["quantize", input], exitCode: 64, mentions: ["TYPE"], in: folder)
            try expectFault(
                ["convert", Self.tiny, "--outtype", "f17"], exitCode: 64,
                mentions: ["f17", "F16"],
                in: folder)
            try expectFault(
                ["report", input, input, "-f", "x", "-o", "r", "--max-kld", "much"], exitCode: 64,
                mentions: ["much"], in: folder)
        }
    }

    @Test func inputsThatAreNotThereOrNotModels() throws {
        try Fixtures.withTemporaryFolder { folder in
            try expectFault(
                ["quantize", "none.gguf", "out.gguf", "Q4_0"], exitCode: 74,
                mentions: ["none.gguf", "no such file"], in: folder)
            try OutputFile.write(Array("GGML, not GGUF".utf8), to: folder + "/text.gguf")
            try expectFault(
                ["quantize", "text.gguf", "out.gguf", "Q4_0"], exitCode: 65,
                mentions: ["text.gguf", "not a GGUF file"], in: folder)
            let input = try converted(in: folder)
            try FileManager.default.createDirectory(
                atPath: folder + "/taken.gguf", withIntermediateDirectories: false)
            try expectFault(
                ["quantize", input, "taken.gguf", "Q4_0"], exitCode: 74,
                mentions: ["taken.gguf", "is a directory"], in: folder)
            try expectFault(
                ["quantize", input, input, "Q4_0"], exitCode: 64,
                mentions: ["the input file itself"],
                in: folder)
            let bytes = try InputFile.contents(path: input)
            try OutputFile.write(Array(bytes[..<(bytes.count / 2)]), to: folder + "/half.gguf")
            try expectFault(
                ["quantize", "half.gguf", "out.gguf", "Q4_0"], exitCode: 65,
                mentions: ["half.gguf", "damaged or incomplete"], in: folder)
        }
    }

    @Test func aFullDiskIsAnErrorAndLeavesNothing() throws {
        try Fixtures.withTemporaryFolder { folder in
            let input = try converted(in: folder)
            // A limit on the size of files acts as a disk that fills while it is written to.
            let script = "ulimit -f 64; trap '' XFSZ; exec \"$0\" quantize -q \"$1\" out.gguf F32"
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            process.arguments = ["-c", script, Tool.path, input]
            process.currentDirectoryURL = URL(filePath: folder)
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            let text = String(
                decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 74, "\(text)")
            #expect(text.contains("out.gguf"))
            #expect(try files(in: folder) == ["f16.gguf"])
        }
    }
}
