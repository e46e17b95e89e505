import Foundation
import TensorCore
import TestSupport
import Testing

/// `ingot embed` and the report of embedding models, as a user runs them.
@Suite("Embedding commands")
struct EmbeddingCommandTests {
    private static let bert = Fixtures.path("encoders/bert")

    private func run(_ arguments: [String], in folder: String? = nil) throws -> Tool.Outcome {
        let outcome = try Tool.run(arguments, in: folder)
        try #require(outcome.exitCode == 0, "\(outcome.errors)")
        return outcome
    }

    @Test func aFileAndItsDirectoryGiveTheSameVectors() throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = folder + "/bert.gguf"
            _ = try run(["convert", "-q", Self.bert, "--outfile", file, "--outtype", "f32"])
            let text = ["-q", "-p", "A short one.\nThe quick brown fox", "--embd-output-format"]
            let (first, second) = (
                try run(["embed", file] + text + ["array"]).output,
                try run(["embed", Self.bert] + text + ["array"]).output
            )
            #expect(first == second)
            let vectors = try #require(try JSON.parse(Array(first.utf8)).array)
            #expect(vectors.count == 2)
            let squares = vectors[0].array?.compactMap(\.double).reduce(0) { $0 + $1 * $1 }
            #expect(abs(try #require(squares) - 1) < 1e-5)

            let path = folder + "/vectors.json"
            _ = try run(["embed", file] + text + ["json+", "-o", path])
            let json = try JSON.parse(path: path)
            #expect(json["data"]?.array?.count == 2)
            #expect(json["data"]?.array?[0]["embedding"] == vectors[0])
            let cosines = try #require(json["cosineSimilarity"]?.array)
            #expect(abs(try #require(cosines[1].array?[1].double) - 1) < 1e-6)
            #expect(cosines[0].array?[1] == cosines[1].array?[0])
        }
    }

    @Test func texts() throws {
        let lines = try run([
            "embed", Self.bert, "-q", "-p", "one\ttwo", "--embd-separator", "\\t",
            "--embd-output-format", "raw", "--pooling", "cls",
        ]).output.split(separator: "\n")
        #expect(lines.count == 2 && lines[0].split(separator: " ").count == 32)
        // A row for each token: CLS, at least one piece, SEP.
        let rows = try run([
            "embed", Self.bert, "-q", "-p", "word", "--pooling", "none", "--embd-output-format",
            "raw",
        ]).output.split(separator: "\n")
        #expect(rows.count >= 3)
        let shown = try run(["embed", Self.bert, "-q", "-p", "one\ntwo"]).output
        #expect(shown.contains("embedding 1: ") && shown.contains("cosine similarity:"))

        for (arguments, code, words) in [
            (["-p", String(repeating: "word ", count: 400)], 65, "text 1: "),
            (["-p", "a", "--pooling", "rank"], 65, "no classifier found"),
            (["-p", "a", "--pooling", "max"], 64, "expected none, mean, cls, last or rank"),
            (["-p", "a", "--embd-normalize", "-2"], 64, "--embd-normalize is -2"),
            ([], 64, "-p TEXT"),
        ] as [([String], Int32, String)] {
            let outcome = try Tool.run(["embed", Self.bert] + arguments)
            #expect(outcome.exitCode == code && outcome.errors.contains(words), "\(arguments)")
        }
        let perplexity = try Tool.run([
            "perplexity", Self.bert, "-f", Fixtures.path("text/evaluation.txt"), "-c", "64",
        ])
        #expect(perplexity.exitCode == 65 && perplexity.errors.contains("an encoder (bert) found"))
    }

    @Test func aReportMeasuresVectorsAndKeepsGates() throws {
        try Fixtures.withTemporaryFolder { folder in
            let arguments = [
                "report", "-q", Self.bert, "--types", "Q8_0,Q4_0", "-f",
                Fixtures.path("text/evaluation.txt"), "--sentences", "40", "-o", folder + "/report",
            ]
            let passing = try Tool.run(arguments + ["--min-cosine", "Q8_0=0.99"])
            #expect(passing.exitCode == 0, "\(passing.errors)")
            let json = try JSON.parse(path: folder + "/report/report.json")
            #expect(json["kind"]?.text == "embedding" && json["schemaVersion"]?.integer == 1)
            // One is longer than the model's context.
            #expect(json["settings"]?["sentenceCount"]?.integer == 39)
            #expect(json["settings"]?["pooling"]?.text == "mean")
            let levels = try #require(json["levels"]?.array)
            #expect(levels.compactMap { $0["file"]?["name"]?.text } == ["Q8_0", "Q4_0"])
            func value(_ level: Int, _ key: String) -> Double {
                levels[level]["agreement"]?[key]?["value"]?.double ?? -1
            }
            for key in ["cosine", "rankCorrelation", "keptNeighbours"] {
                #expect(value(0, key) > value(1, key) && value(0, key) <= 1, "\(key)")
                #expect(
                    (levels[1]["agreement"]?[key]?["standardError"]?.double ?? -1) > 0, "\(key)")
            }
            let text = try String(contentsOfFile: folder + "/report/report.md", encoding: .utf8)
            #expect(text.contains("Kept neighbours") && text.contains("Q4_0"))
            let page = try String(
                contentsOfFile: folder + "/report/report.html", encoding: .utf8)
            #expect(page.contains("<th scope=\"row\">Q4_0</th>") && !page.contains("<script"))

            let failing = try Tool.run(
                arguments + ["--min-kept-neighbours", "Q4_0=99.9%", "--junit", folder + "/j.xml"])
            #expect(failing.exitCode == 1)
            #expect(failing.errors.contains("gate not met: Q4_0: share of kept neighbours"))
            let junit = try String(contentsOfFile: folder + "/j.xml", encoding: .utf8)
            #expect(junit.contains("failures=\"1\""))
            for extra in [
                ["--max-kld", "0.1"], ["--min-cosine", "2"], ["--min-cosine", "Q3_K=0.9"],
            ] {
                #expect(try Tool.run(arguments + extra).exitCode == 64, "\(extra)")
            }
        }
    }
}
