import Foundation
import TestSupport
import Testing

/// Work done in parts and joined, by the binary.
@Suite struct PartCommandTests {
    @Test func joinedPartsAreTheFileOfOneRun() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = Fixtures.path("tiny-llama")
            let f16 = folder + "/f16.gguf"
            let whole = try Tool.run(["convert", model, "--outfile", f16])
            try #require(whole.exitCode == 0, "\(whole.errors)")
            for number in 1...3 {
                let run = try Tool.run([
                    "convert", model, "--outfile", folder + "/parts.gguf", "--part", "\(number)/3",
                ])
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            let joined = try Tool.run(["join", "--delete-parts", folder + "/parts.gguf"])
            #expect(joined.exitCode == 0, "\(joined.errors)")
            #expect(try sha256(ofFile: f16) == sha256(ofFile: folder + "/parts.gguf"))

            // Several types in one pass.
            for arguments in [
                ["Q4_K_M"], ["Q4_K_M", "--part", "1/2"], ["Q4_K_M", "--part", "2/2"],
            ] {
                let place = arguments.count == 1 ? "/whole/" : "/parts/"
                let run = try Tool.run(
                    ["quantize", f16, folder + place, "Q8_0"] + arguments)
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            for type in ["Q8_0", "Q4_K_M"] {
                let run = try Tool.run(["join", folder + "/parts/f16-\(type).gguf"])
                #expect(run.exitCode == 0, "\(run.errors)")
                #expect(
                    try sha256(ofFile: folder + "/whole/f16-\(type).gguf")
                        == sha256(ofFile: folder + "/parts/f16-\(type).gguf"))
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(Set(left) == ["f16.gguf", "parts.gguf", "whole", "parts"])
        }
    }

    @Test func aCompletePartIsLeftAndAChangedSourceIsNoticed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (input, output) = (folder + "/in.gguf", folder + "/out.gguf")
            let converted = try Tool.run([
                "convert", Fixtures.path("tiny-llama"), "--outfile", input,
            ])
            try #require(converted.exitCode == 0, "\(converted.errors)")
            func run(_ part: String, _ more: String...) throws -> Tool.Outcome {
                try Tool.run(["quantize", input, output, "Q4_0", "--part", part] + more)
            }
            #expect(try run("1/2").exitCode == 0)
            #expect(try run("1/2").output == "part 1 of 2 is complete\n")
            #expect(try run("1/2", "--overwrite").output.contains("part-00001-of-00002: tensors"))
            let early = try Tool.run(["join", output])
            #expect(early.exitCode == 65)
            #expect(early.errors.contains("part 2 of 2 is missing"))

            var bytes = try Data(contentsOf: URL(filePath: input))
            bytes[bytes.count - 1] ^= 1
            try bytes.write(to: URL(filePath: input))
            #expect(try run("2/2").exitCode == 0)
            let mixed = try Tool.run(["join", output])
            #expect(mixed.exitCode == 65)
            #expect(mixed.errors.contains("another source"))
            #expect(!Fixtures.exists(output))
            let again = try run("1/2")
            #expect(again.errors.contains("another source; it is made again"))
            #expect(try Tool.run(["join", "--dry-run", output]).exitCode == 0)
            #expect(!Fixtures.exists(output))
            #expect(try Tool.run(["join", output]).exitCode == 0)
        }
    }

    @Test func splitFilesAreMadeInPartsAndNamed() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = Fixtures.path("tiny-llama")
            for (name, part) in [("whole", nil), ("parts", "1/2"), ("parts", "2/2")] {
                let run = try Tool.run(
                    ["quantize", model, "\(folder)/\(name).gguf", "Q8_0"]
                        + ["--split-max-tensors", "10"] + (part.map { ["--part", $0] } ?? []))
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            let joined = try Tool.run(["join", "--delete-parts", folder + "/parts.gguf"])
            #expect(joined.exitCode == 0, "\(joined.errors)")
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            let whole = names.filter { $0.hasPrefix("whole-") }
            #expect(whole.count > 2)
            #expect(names == whole.map { $0.replacing("whole", with: "parts") } + whole)
            for name in whole {
                #expect(
                    try sha256(ofFile: "\(folder)/\(name)")
                        == sha256(ofFile: "\(folder)/\(name.replacing("whole", with: "parts"))"))
            }
            let many = try Tool.run([
                "quantize", model, folder + "/many.gguf", "Q8_0", "--split-max-tensors", "10",
                "--part", "1/99",
            ])
            #expect(many.exitCode == 65)
            #expect(many.errors.contains("fewer parts"))
        }
    }

    @Test func partsOfWindowsGiveTheFiguresOfOneRun() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (base, level) = (folder + "/f16.gguf", folder + "/q4.gguf")
            _ = try Tool.run(["convert", Fixtures.path("tiny-llama"), "--outfile", base])
            _ = try Tool.run(["quantize", base, level, "Q4_0"])
            let text = ["-f", Fixtures.path("text/evaluation.txt"), "-c", "64", "--chunks", "5"]
            func run(_ words: [String]) throws {
                let run = try Tool.run(words)
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            let commands: [(String, [String])] = [
                ("imatrix", ["imatrix", base]),
                ("perplexity.json", ["perplexity", base, "--json"]),
                ("compare.json", ["compare", base, level, "--json"]),
                ("report", ["report", base, level]),
            ]
            for (name, words) in commands {
                let (whole, joined) = ("\(folder)/whole-\(name)", "\(folder)/\(name)")
                try run(words + text + ["-o", whole])
                for number in 1...2 {
                    try run(words + text + ["-o", joined, "--part", "\(number)/2"])
                }
                try run(["join", "-q", "--delete-parts", joined])
                let place = name == "report" ? "/report.json" : ""
                #expect(
                    try Self.figures(whole + place) == Self.figures(joined + place), "\(name)")
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(!left.contains { $0.contains(".part-") })
        }
    }

    /// The lines of a file but those that tell times and the command line; of other files the bytes.
    private static func figures(_ path: String) throws -> [String] {
        guard path.hasSuffix(".json") else { return [try sha256(ofFile: path)] }
        let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        return text.split(separator: "\n").map(String.init).filter { line in
            !["seconds", "tokensPerSecond", "date", "commandLine"].contains {
                line.contains("\"\($0)\"")
            }
        }
    }

    @Test func calibratedPartsAreTheFileOfOneRun() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = folder + "/f16.gguf"
            func run(_ words: [String]) throws {
                let run = try Tool.run(words)
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            try run(["convert", Fixtures.path("tiny-llama"), "--outfile", model])
            let texts = Fixtures.path("text/evaluation.txt")
            let tokens = ["--calibrate-tokens", "2048"]
            try run(
                ["quantize", model, folder + "/whole.gguf", "Q4_0", "--effort", "fast"]
                    + ["--calibrate", texts] + tokens)
            try run(["calibrate", "inputs", model, folder + "/inputs", texts] + tokens)
            for number in 1...2 {
                try run(
                    ["quantize", model, folder + "/parts.gguf", "Q4_0", "--effort", "fast"]
                        + ["--calibrate", folder + "/inputs", "--part", "\(number)/2"])
            }
            try run(["join", folder + "/parts.gguf"])
            #expect(
                try sha256(ofFile: folder + "/whole.gguf")
                    == sha256(ofFile: folder + "/parts.gguf"))
        }
    }

    @Test(arguments: [
        (["quantize", "a.gguf", "b.gguf", "Q4_0", "--part", "3/2"], "expected K/N"),
        (["quantize", "a.gguf", "b.gguf", "Q4_0", "--overwrite"], "--part is missing"),
        (["join", "/nowhere/at/all.gguf"], "no such file"),
    ])
    func mistakesAreNamed(arguments: [String], said: String) throws {
        let run = try Tool.run(arguments)
        #expect(run.exitCode != 0)
        #expect(run.errors.contains(said), "\(run.errors)")
    }
}
