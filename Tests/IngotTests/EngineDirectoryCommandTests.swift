import Foundation
import TensorCore
import TestSupport
import Testing

/// Command lines about directories for GPU engines.
@Suite struct EngineDirectoryCommandTests {
    private static func checkpoint(_ name: String) -> String {
        Fixtures.path("conformance/convert/checkpoints/\(name)")
    }

    @Test func typesAreListedWithWhatTheyAreFor() throws {
        let outcome = try Tool.run(["quantize", "--list-types"])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count == 20)
        let line = try #require(lines.first { $0.contains("FP8_DYNAMIC") })
        for word in ["8.9", "vLLM", "TensorRT-LLM", "throughput"] { #expect(line.contains(word)) }
    }

    /// Rows of 800 are no groups of 128, and no whole blocks where engines stack them.
    @Test func typesOfAModelSayWhatIsRefused() throws {
        let outcome = try Tool.run(["quantize", "--list-types", Self.checkpoint("llama-odd")])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        func line(_ start: String) -> String? {
            lines.first { $0.drop { $0 == " " }.hasPrefix(start) }
        }
        #expect(line("W4A16 ")?.contains("refused") == true)
        #expect(line("W8A8 ")?.contains(" MB ") == true)
        #expect(line("W4A16: ")?.contains("rows of 800 values found") == true)
        #expect(line("W4A16: ")?.contains("--group-size 32") == true)
        #expect(line("FP8_BLOCK: ")?.contains("a multiple of 128") == true)
        #expect(line("W8A8: ") == nil)

        let smaller = try Tool.run([
            "quantize", "--list-types", "--group-size", "32", Self.checkpoint("llama-odd"),
        ])
        #expect(smaller.output.contains("W4A16: ") == false)
        #expect(smaller.output.contains("FP8_BLOCK: "))
    }

    @Test(arguments: [
        (["quantize", "--list-types", "MODEL", "W4A16"], 64, "one model or none"),
        (["quantize", "--list-types", "MODEL", "--group-size", "48"], 64, "128 or channel"),
        (["quantize", "--list-types", "nowhere"], 74, "nowhere"),
        (["quantize", "MODEL", "OUT", "NVFP4"], 64, "--calibrate"),
        (["quantize", "MODEL", "OUT", "W4A16"], 65, "--ignore PATTERN"),
        (["quantize", "MODEL", "OUT", "W8A8", "--ignore", "k_proj"], 64, "(q|k|v)_proj"),
        (["quantize", "MODEL", "OUT", "W8A8", "--kv-cache", "int8"], 64, "expected fp8"),
        (["quantize", "MODEL", "OUT", "W8A8", "--pure"], 64, "--pure is for GGUF files"),
        (["quantize", "MODEL", "OUT.gguf", "W8A8"], 64, "a type of directories"),
        (["quantize", "MODEL", "OUT", "W8A8", "--max-shard-size", "0"], 64, "--max-shard-size"),
    ])
    func refusalsAreOneSentence(_ words: [String], _ code: Int, _ hint: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run(
                words.map {
                    $0.replacingOccurrences(of: "MODEL", with: Self.checkpoint("llama-odd"))
                        .replacingOccurrences(of: "OUT", with: folder + "/out")
                })
            #expect(outcome.exitCode == code, "\(outcome.errors)")
            let errors = outcome.errors.split(separator: "\n").filter {
                $0.lowercased().hasPrefix("error")
            }
            #expect(errors.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains(hint), "\(outcome.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    /// What is there stays, to the byte, and nothing appears beside it.
    @Test func aDirectoryThatIsNotEmptyIsLeftAlone() throws {
        try Fixtures.withTemporaryFolder { folder in
            let out = folder + "/out"
            try FileManager.default.createDirectory(
                atPath: out, withIntermediateDirectories: true)
            try OutputFile.write(Array("mine".utf8), to: out + "/notes.txt")
            let outcome = try Tool.run(["quantize", Self.checkpoint("llama"), out + "/", "W8A8"])
            #expect(outcome.exitCode == 74, "\(outcome.errors)")
            #expect(outcome.errors.contains("not empty"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: out) == ["notes.txt"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out"])
        }
    }

    /// The tokenizer and every other file come along.
    ///
    /// Weights of other kinds do not. The model card says what was done and keeps the original's text.
    @Test func filesAreCarriedOverAndTheCardIsWrittenAnew() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (model, out) = (folder + "/m", folder + "/out")
            try FileManager.default.copyItem(atPath: Self.checkpoint("llama"), toPath: model)
            let own = "---\nlicense: mit\n---\n# Mine\n\nSpeaks softly.\n"
            for (name, text) in [
                ("README.md", own), ("LICENSE", "free"), ("modeling_own.py", "pass"),
                ("pytorch_model.bin", "x"), ("model.gguf", "x"),
            ] { try OutputFile.write(Array(text.utf8), to: "\(model)/\(name)") }
            let outcome = try Tool.run(["quantize", "-q", model, out, "FP8_DYNAMIC"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            for name in try FileManager.default.contentsOfDirectory(atPath: model)
            where !["README.md", "config.json", "model.safetensors"].contains(name) {
                let isLeft = ["pytorch_model.bin", "model.gguf"].contains(name)
                #expect(
                    FileManager.default.contentsEqual(
                        atPath: "\(model)/\(name)", andPath: "\(out)/\(name)") != isLeft, "\(name)")
            }
            let card = try String(contentsOfFile: out + "/README.md", encoding: .utf8)
            for text in [
                "license: \"mit\"", "base_model: \"m\"", "base_model_relation: quantized",
                "FP8_DYNAMIC", "vllm serve", "left alone: lm_head", "to nearest", "Speaks softly.",
            ] { #expect(card.contains(text), "\(text)") }
            #expect(card.components(separatedBy: "\n---\n").count == 2)
        }
    }
}
