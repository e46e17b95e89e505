import Foundation
import GGUF
import Quantization
import TestSupport
import Testing

/// `quantize --target-…` as command lines.
@Suite struct TargetCommandTests {
    private func withModel(_ body: (_ folder: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run([
                "convert", "--quiet", Fixtures.path("conformance/convert/checkpoints/llama"),
                "--outfile", folder + "/f16.gguf",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let text = try Data(contentsOf: URL(filePath: Fixtures.path("text/calibration.txt")))
            try text.prefix(1500).write(to: URL(filePath: folder + "/one.txt"))
            try text.suffix(1500).write(to: URL(filePath: folder + "/two.txt"))
            try body(folder)
        }
    }

    private func size(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }

    @Test func theFileKeepsTheSizeAndThePlanSaysWhy() throws {
        try withModel { folder in
            let outcome = try Tool.run(
                ["quantize", "-q", "--pure", "f16.gguf", "q5.gguf", "Q5_K"], in: folder)
            #expect(outcome.exitCode == 0)
            let limit = try size(folder + "/q5.gguf")
            let arguments = [
                "quantize", "-q", "--target-size", "\(limit)", "--min-type", "Q3_K", "-f",
                "one.txt",
                "-f", "two.txt", "f16.gguf", "out.gguf", "Q4_K_M", "2",
            ]
            let plan = try Tool.run(arguments + ["--dry-run", "--json"], in: folder)
            #expect(plan.exitCode == 0, "\(plan.errors)")
            #expect(!Fixtures.exists(folder + "/out.gguf"))
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(plan.output.utf8)) as? [String: Any])
            let written = try Tool.run(arguments, in: folder)
            #expect(written.exitCode == 0, "\(written.errors)")
            #expect(try size(folder + "/out.gguf") == object["fileByteCount"] as? Int)
            #expect(try size(folder + "/out.gguf") <= limit)

            let allocation = try #require(object["allocation"] as? [String: Any])
            #expect(allocation["byteLimit"] as? Int == limit)
            let trials = try #require(allocation["trials"] as? [[String: Any]])
            #expect(trials.contains { $0["name"] as? String == "Q4_K_M" })
            #expect(trials.contains { $0["name"] as? String == allocation["chosen"] as? String })
            let tensors = try #require(object["tensors"] as? [[String: Any]])
            let types = Dictionary(
                uniqueKeysWithValues: try GGUFFile(path: folder + "/out.gguf").tensors.map {
                    ($0.name, $0.format.name)
                })
            for tensor in tensors {
                let name = try #require(tensor["name"] as? String)
                #expect(tensor["type"] as? String == types[name])
                guard let why = tensor["allocation"] as? [String: Any] else { continue }
                let errors = try #require(why["errors"] as? [String: Double])
                #expect(errors.keys.contains(try #require(types[name])))
            }
        }
    }

    /// Sizes in powers of 1000, and of 1024 where they say so; a file's name has the target.
    @Test func sizesAreReadAsFileSizes() throws {
        try withModel { folder in
            for (size, bytes) in [
                ("0.5M", 500_000), ("512KiB", 524_288), ("600kB", 600_000), ("650000", 650_000),
            ] {
                let outcome = try Tool.run(
                    [
                        "quantize", "-q", "--dry-run", "--json", "--target-size", size, "-f",
                        "one.txt", "f16.gguf",
                    ], in: folder)
                let object =
                    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
                    as? [String: Any]
                let allocation = object?["allocation"] as? [String: Any]
                #expect(allocation?["byteLimit"] as? Int == bytes, "\(size): \(outcome.errors)")
                #expect((object?["output"] as? String)?.hasSuffix("f16-\(size).gguf") == true)
            }
        }
    }

    @Test func aTargetThatMakesNoSenseIsRefused() throws {
        try withModel { folder in
            for (options, message) in [
                (["--target-size", "big"], "--target-size is big"),
                (["--target-size", "0"], "--target-size is 0"),
                (["--target-size", "1K"], "the smallest mixture has"),
                (["--target-size", "1T"], "nothing is lost at"),
                (["--target-size", "1M", "--target-bpw", "4"], "do not go together"),
                (["--target-bpw", "-1"], "--target-bpw"),
                (["--target-kld", "0"], "--target-kld is 0"),
                (["--target-bpw", "5", "--min-type", "Q9"], "no type is called Q9"),
                (["--target-bpw", "5", "--pure"], "do not go with it"),
                (["--target-bpw", "5", "--split-max-size", "1M"], "do not go with it"),
                (["--min-type", "Q3_K"], "--min-type is for"),
                (["-f", "one.txt"], "-f is for"),
            ] {
                let outcome = try Tool.run(
                    ["quantize"] + options + ["f16.gguf", "out.gguf"]
                        + (options.contains { $0.hasPrefix("--target") } ? [] : ["Q4_K_M"]),
                    in: folder)
                #expect(outcome.exitCode == 64, "\(options): \(outcome.errors)")
                #expect(outcome.errors.contains(message), "\(options): \(outcome.errors)")
                #expect(!Fixtures.exists(folder + "/out.gguf"))
            }
            let outcome = try Tool.run(
                ["quantize", "--target-bpw", "5", "f16.gguf", "out.gguf", "F16"], in: folder)
            #expect(outcome.errors.contains("F16 quantizes nothing"))
        }
    }
}
