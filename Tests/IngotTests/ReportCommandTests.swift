import Foundation
import TensorCore
import TestSupport
import Testing
import Zstandard

/// Whole command lines of `ingot report`.
@Suite(.serialized) struct ReportCommandTests {
    private static let tiny = Fixtures.path("conformance/convert/checkpoints/llama")
    private static let text = [
        "-f", Fixtures.path("conformance/convert/text.txt"), "-c", "128", "--chunks", "4", "-q",
    ]

    private func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func aDirectoryBecomesLevelsAndAReportInOneCommand() throws {
        try Fixtures.withTemporaryFolder { folder in
            let kept = folder + "/levels"
            var outcome = try Tool.run(
                ["report", Self.tiny, "--types", "Q8_0,Q4_K_M", "-o", folder + "/a"] + Self.text
                    + ["--levels-dir", kept, "--calibration", Self.text[1]])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                try files(in: folder + "/a") == ["report.html", "report.json", "report.md"])
            let made = try files(in: kept)
            #expect(made.count == 3 && made.allSatisfy { $0.hasPrefix("llama-") })
            let report = try JSON.parse(path: folder + "/a/report.json")
            let levels = try #require(report["levels"]?.array)
            #expect(levels.map { $0["name"]?.text } == ["Q8_0", "Q4_K_M"])
            for level in levels {
                let digest = try #require(level["digest"]?.text)
                let path = kept + "/" + (level["fileName"]?.text ?? "")
                #expect(digest == "sha256:" + sha256(try InputFile.contents(path: path)))
            }
            let overlap = try #require(report["calibration"]?.array?.first?["overlap"])
            #expect(overlap["sharedCount"]?.integer == overlap["sequenceCount"]?.integer)
            #expect(outcome.errors.contains("stand in the calibration text"))

            // The levels are those of `convert` and `quantize`; in a temporary folder nothing
            // stays, and the figures are the same.
            let base = kept + "/" + (made.first { !$0.contains("Q") } ?? "")
            let quantized = folder + "/q4.gguf"
            #expect(try Tool.run(["quantize", "-q", base, quantized, "Q4_K_M"]).exitCode == 0)
            #expect(
                try InputFile.contents(path: quantized)
                    == InputFile.contents(path: kept + "/llama-Q4_K_M.gguf"))
            outcome = try Tool.run(
                ["report", base, quantized, "--types", "Q8_0", "--json"] + Self.text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let again = try JSON.parse(Array(outcome.output.utf8))
            let same = try #require(again["levels"]?.array)
            #expect(same.map { $0["name"]?.text } == ["Q4_K_M", "Q8_0"])
            #expect(
                same[0]["divergence"]?["mean"]?["value"]?.double
                    == levels[1]["divergence"]?["mean"]?["value"]?.double)
        }
    }

    @Test func overlapIsThatOfWhatIsEvaluated() throws {
        try Fixtures.withTemporaryFolder { folder in
            let text = try InputFile.contents(path: Self.text[1])
            let (head, tail) = (folder + "/head.zst", folder + "/tail.zst")
            for (path, bytes) in [(head, text.prefix(2000)), (tail, text.suffix(2000))] {
                let writer = try ZstandardWriter(file: OutputFile(path: path))
                try writer.write(Array(bytes))
                _ = try writer.commit()
            }
            let outcome = try Tool.run(
                [
                    "report", Self.tiny, "--types", "Q8_0", "--activations", "q8", "-o",
                    folder + "/report", "-c", "64", "--chunks", "2", "-q", "-f", Self.text[1],
                    "--calibration", head, "--calibration", tail,
                ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let report = try JSON.parse(path: folder + "/report/report.json")
            let overlaps = try #require(report["calibration"]?.array).map { $0["overlap"] }
            #expect((overlaps[0]?["sharedCount"]?.integer ?? 0) > 10)
            #expect(overlaps[1]?["sharedCount"]?.integer == 0)
            #expect(report["settings"]?["activations"]?.text == "q8")
            let page = String(
                decoding: try InputFile.contents(path: folder + "/report/report.md"), as: UTF8.self)
            #expect(page.contains("q8: rounded to 8 bits"))
        }
    }

    @Test func temporaryLevelsGoAway() throws {
        try Fixtures.withTemporaryFolder { folder in
            let process = Process()
            process.executableURL = URL(filePath: Tool.path)
            process.arguments =
                ["report", Self.tiny, "--types", "Q8_0", "-o", folder + "/report"] + Self.text
            let temporary = folder + "/tmp"
            try FileManager.default.createDirectory(
                atPath: temporary, withIntermediateDirectories: true)
            process.environment = ProcessInfo.processInfo.environment
                .merging(["TMPDIR": temporary]) { $1 }
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(try files(in: temporary).isEmpty)
        }
    }

    @Test func aRegressionAgainstTheBaselineGivesExitCodeOneAndAFailureInTheXML() throws {
        try Fixtures.withTemporaryFolder { folder in
            let levels = folder + "/levels"
            var outcome = try Tool.run(
                ["report", Self.tiny, "--types", "Q8_0,Q2_K", "-o", folder + "/old"] + Self.text
                    + ["--levels-dir", levels])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let old = folder + "/old/report.json"
            let base = levels + "/" + (try files(in: levels).first { $0.contains("16") } ?? "")
            let common = ["report", base, "-o", folder + "/new", "--baseline", old] + Self.text

            outcome = try Tool.run(
                common + [levels + "/llama-Q8_0.gguf", "--junit", folder + "/good.xml"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                outcome.errors.contains("the baseline has levels")
                    || outcome.errors.contains(
                        "The baseline has levels that this report has not: Q2_K")
            )
            let good = String(
                decoding: try InputFile.contents(path: folder + "/good.xml"), as: UTF8.self)
            #expect(good.contains("failures=\"0\"") && good.contains("<testcase "))

            // The earlier report is made to say that Q2_K was twice as good.
            let text = String(decoding: try InputFile.contents(path: old), as: UTF8.self)
            let report = try JSON.parse(path: old)
            let mean = try #require(
                report["levels"]?.array?[1]["divergence"]?["mean"]?["value"]?.double)
            #expect(text.contains("\(mean)"))
            try OutputFile.write(
                Array(text.replacing("\(mean)", with: "\(mean / 2)").utf8), to: old)
            outcome = try Tool.run(
                common + [levels + "/llama-Q2_K.gguf", "--junit", folder + "/bad.xml"])
            #expect(outcome.exitCode == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains("gate not met: Q2_K: mean KL divergence rose"))
            let bad = String(
                decoding: try InputFile.contents(path: folder + "/bad.xml"), as: UTF8.self)
            #expect(bad.contains("failures=\"1\"") && bad.contains("<failure "))
            outcome = try Tool.run(
                common + [levels + "/llama-Q2_K.gguf", "--max-regression-kld", "150%"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }
    }

    @Test func typesStandBesideEachOtherInEveryRounding() throws {
        try Fixtures.withTemporaryFolder { folder in
            let base = folder + "/base.gguf"
            var outcome = try Tool.run(["convert", "-q", Self.tiny, "--outfile", base])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let matrix = folder + "/imatrix.gguf"
            outcome = try Tool.run(["imatrix", base, "-o", matrix] + Self.text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            outcome = try Tool.run(
                [
                    "report", base, "--types", "Q4_K_M,IQ2_XS", "--plain", "--imatrix", matrix,
                    "--levels-dir", folder + "/levels", "-o", folder + "/report",
                    "--calibrate-tokens", "2048", "--effort", "fast", "--calibrate-check",
                    Self.text[1], "--calibrate", Self.text[1],
                ] + Self.text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                try files(in: folder + "/levels") == [
                    "base-IQ2_XS-calibrated.gguf", "base-IQ2_XS-importance.gguf",
                    "base-Q4_K_M-calibrated.gguf", "base-Q4_K_M-importance.gguf",
                    "base-Q4_K_M-plain.gguf",
                ])
            #expect(outcome.errors.contains("IQ2_XS has no plain level"))
            let report = try JSON.parse(path: folder + "/report/report.json")
            let levels = try #require(report["levels"]?.array)
            #expect(
                levels.map { $0["rounding"]?.text } == [
                    "plain", "importance", "importance", "calibrated", "calibrated",
                ])
            let change = try #require(levels[3]["roundingChange"])
            #expect(change["reference"]?.text == "importance")
            let means = levels.map { $0["divergence"]?["mean"]?["value"]?.double ?? 0 }
            let told = try #require(change["meanDivergence"]?["value"]?.double)
            #expect(abs(told - (means[3] / means[1] - 1)) < 1e-9)
            #expect(levels[3]["calibration"]?["effort"]?.text == "fast")
            // The text that was calibrated on is found again in the one that is measured on.
            #expect(outcome.errors.contains("stand in the calibration text"))

            // Files that are named are told apart by what they say of themselves.
            outcome = try Tool.run(
                ["report", base, folder + "/levels/base-Q4_K_M-plain.gguf"]
                    + [folder + "/levels/base-Q4_K_M-calibrated.gguf", "--json"] + Self.text)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let again = try JSON.parse(Array(outcome.output.utf8))
            #expect(
                again["levels"]?.array?.map { $0["rounding"]?.text } == ["plain", "calibrated"])
        }
    }

    @Test func faultsAreFoundBeforeTheWork() throws {
        try Fixtures.withTemporaryFolder { folder in
            func fault(_ arguments: [String], _ code: Int32, _ text: String) throws {
                let outcome = try Tool.run(
                    ["report", Self.tiny, "-o", folder + "/report"] + arguments + Self.text)
                #expect(outcome.exitCode == code, "\(outcome.errors)")
                #expect(outcome.errors.contains(text), "\(text) in \(outcome.errors)")
                #expect(!FileManager.default.fileExists(atPath: folder + "/report"))
            }
            try fault([], 64, "--types")
            try fault(["--types", "Q4_K_M,Q4_K_M"], 64, "names a type twice")
            try fault(["--types", "Q4_K_M,"], 64, "no type is called")
            try fault(["--types", "Q4_K_M", "--junit", "x.xml"], 64, "none is given")
            try fault(
                ["--types", "Q4_K_M", "--max-regression-kld", "5%"], 64, "needs --baseline")
            try fault(
                ["--types", "Q4_K_M", "--min-same-top", "95"], 64, "a share of at most 1 or 100%")
            try fault(["--types", "Q4_K_M", "--max-kld", "Q5_K_M=1"], 64, "expected one of Q4_K_M")
            try fault(["--types", "Q4_K_M", "--calibration", folder + "/none"], 74, "no such file")
            try fault(["--types", "Q4_K_M", "--outtype", "q8_0"], 64, "expected f32, f16, bf16")
            try fault([folder + "/none.gguf", "--plain"], 64, "--types is missing")
            try fault([folder + "/none.gguf"], 74, "none.gguf")
            let foreign = folder + "/foreign.json"
            try OutputFile.write(Array("{}".utf8), to: foreign)
            try fault(["--types", "Q4_K_M", "--baseline", foreign], 65, "not a quality report")
            try fault(
                ["--types", "Q4_K_M", "--sensitivity", foreign], 65,
                "not the JSON of `ingot sensitivity`")
        }
    }
}
