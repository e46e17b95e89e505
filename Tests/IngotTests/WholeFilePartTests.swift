import Foundation
import TestSupport
import Testing

/// What is about whole files and made in parts all the same: the files that one run writes.
@Suite struct WholeFilePartTests {
    private static let model = Fixtures.path("conformance/convert/checkpoints/llama")

    /// Two folders with the same model: one for a single run, one for parts.
    private static func withModel(_ body: (_ whole: String, _ parts: String) throws -> Void) throws
    {
        try Fixtures.withTemporaryFolder { folder in
            let (whole, parts) = (folder + "/whole", folder + "/parts")
            for path in [whole, parts] {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true)
                try run(["convert", "-q", model, "--outfile", path + "/m.gguf"])
                let text = try Data(
                    contentsOf: URL(filePath: Fixtures.path("text/calibration.txt")))
                try text.prefix(1500).write(to: URL(filePath: path + "/text.txt"))
            }
            try body(whole, parts)
        }
    }

    @discardableResult
    private static func run(_ words: [String], in folder: String? = nil) throws -> Tool.Outcome {
        let outcome = try Tool.run(words, in: folder)
        #expect(outcome.exitCode == 0, "\(words): \(outcome.errors)")
        return outcome
    }

    private static func expectSame(_ names: [String], _ whole: String, _ parts: String) throws {
        for name in names {
            #expect(
                try sha256(ofFile: "\(whole)/\(name)") == sha256(ofFile: "\(parts)/\(name)"),
                "\(name)")
        }
    }

    @Test("The split of the input is kept in parts")
    func keptSplit() throws {
        try Self.withModel { whole, parts in
            for folder in [whole, parts] {
                // 21 tensors in seven files.
                try Self.run(["split", "--split-max-tensors", "3", "m.gguf", "s"], in: folder)
            }
            let words = ["quantize", "--keep-split", "s-00001-of-00007.gguf", "out.gguf", "Q4_0"]
            try Self.run(words, in: whole)
            for number in 1...2 {
                try Self.run(words + ["--part", "\(number)/2"], in: parts)
            }
            try Self.run(["join", "--delete-parts", "out.gguf"], in: parts)
            let names = (1...7).map { "out-0000\($0)-of-00007.gguf" }
            try Self.expectSame(names, whole, parts)
            let many = try Tool.run(words + ["--part", "1/99"], in: parts)
            #expect(many.exitCode == 65 && many.errors.contains("fewer parts"), "\(many.errors)")
        }
    }

    @Test("The record of the joined file is that of one run")
    func provenance() throws {
        try Self.withModel { whole, parts in
            let words = ["quantize", "--provenance", "m.gguf", "out.gguf", "Q4_K_M"]
            try Self.run(words, in: whole)
            // The first part was there before the record was asked for.
            try Self.run(words.filter { $0 != "--provenance" } + ["--part", "1/2"], in: parts)
            for part in ["1/2", "2/2"] { try Self.run(words + ["--part=\(part)"], in: parts) }
            try Self.run(["join", "out.gguf"], in: parts)
            try Self.expectSame(["out.gguf", "out.gguf.provenance.json"], whole, parts)
            try Self.run(["verify", "out.gguf"], in: parts)
        }
    }

    @Test("Formats chosen for a target are chosen once, and parts are made of the plan")
    func target() throws {
        try Self.withModel { whole, parts in
            let target = ["--target-bpw", "5", "-f", "text.txt"]
            try Self.run(["quantize"] + target + ["m.gguf", "out.gguf"], in: whole)
            let refused = try Tool.run(
                ["quantize"] + target + ["m.gguf", "out.gguf", "--part", "1/2"], in: parts)
            #expect(refused.exitCode == 64 && refused.errors.contains("--formats-from"))
            let plan = try Self.run(
                ["quantize", "-q"] + target + ["m.gguf", "out.gguf", "--dry-run", "--json"],
                in: parts)
            try plan.output.write(
                toFile: parts + "/plan.json", atomically: true, encoding: .utf8)
            let words = ["quantize", "--formats-from", "plan.json", "m.gguf", "out.gguf"]
            for number in 1...3 {
                try Self.run(words + ["--part", "\(number)/3"], in: parts)
            }
            try Self.run(["join", "out.gguf"], in: parts)
            try Self.expectSame(["out.gguf"], whole, parts)

            for (more, said) in [
                (["--tensor-type", "ffn_down=f16"], "would be written"), (["Q8_0"], "a plan of"),
                (["--target-bpw", "5"], "expected one"),
            ] {
                let outcome = try Tool.run(words + more, in: parts)
                #expect(outcome.exitCode != 0 && outcome.errors.contains(said), "\(outcome.errors)")
            }
            for text in ["", "[]", "{\"recipe\": \"Q4_K_M\", \"tensors\": []}"] {
                try text.write(toFile: parts + "/plan.json", atomically: true, encoding: .utf8)
                let outcome = try Tool.run(words, in: parts)
                #expect(outcome.exitCode == 65, "\(text): \(outcome.errors)")
            }
        }
    }

    @Test(
        "Norms of effort best are tuned when parts are joined",
        .enabled(if: Tool.isOptimized, "norms are distilled four times, for minutes in debug"))
    func best() throws {
        try Self.withModel { whole, parts in
            let text = Fixtures.path("text/evaluation.txt")
            let calibration = [
                "--calibrate-tokens", "2048", "--calibrate-check", text, "--calibrate", text,
            ]
            let words =
                ["quantize", "m.gguf", "out.gguf", "Q4_0", "--effort", "best"] + calibration
            try Self.run(words, in: whole)
            for number in 1...2 { try Self.run(words + ["--part", "\(number)/2"], in: parts) }
            func refused(_ more: [String], _ said: String) throws {
                let outcome = try Tool.run(["join", "out.gguf"] + more, in: parts)
                #expect(outcome.exitCode == 65, "\(outcome.errors)")
                #expect(outcome.errors.contains(said), "\(outcome.errors)")
                #expect(!Fixtures.exists(parts + "/out.gguf"))
            }
            try refused([], "--model MODEL --calibrate")
            try refused(["--model", "m.gguf", "--calibrate", text], "another calibration")
            try Self.run(["quantize", "m.gguf", "other.gguf", "Q8_0"], in: parts)
            try refused(["--model", "other.gguf"] + calibration, "another model")
            try Self.run(["join", "out.gguf", "--model", "m.gguf"] + calibration, in: parts)
            try Self.expectSame(["out.gguf"], whole, parts)
        }
    }
}
