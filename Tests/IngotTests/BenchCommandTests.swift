import Foundation
import TestSupport
import Testing

/// Speeds, in llama-bench's words.
@Suite struct BenchCommandTests {
    private func withModel(_ body: (_ model: String) throws -> Void) throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/f16.gguf"
            let checkpoint = Fixtures.path("conformance/convert/checkpoints/llama")
            let outcome = try Tool.run(["convert", "--quiet", checkpoint, "--outfile", path])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            try body(path)
        }
    }

    @Test func testsAreNamedAndTimed() throws {
        try withModel { model in
            let outcome = try Tool.run([
                "bench", model, "-p", "5,0", "-n", "3", "-pg", "4,2", "-d", "0,2", "-r", "2", "-t",
                "1", "-ctk", "q8_0", "--cache-type-v", "f32", "-o", "json",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let found = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
            let results = try #require(found as? [[String: Any]])
            #expect(
                results.map { $0["test"] as? String } == [
                    "pp5", "tg3", "pp4+tg2", "pp5 @ d2", "tg3 @ d2", "pp4+tg2 @ d2",
                ])
            for result in results {
                let samples = try #require(result["samples_ns"] as? [Double])
                let mean = try #require(result["avg_ns"] as? Double)
                #expect(samples.count == 2 && abs(mean - samples.reduce(0, +) / 2) <= 1)
                #expect(result["type_k"] as? String == "q8_0")
                #expect(result["type_v"] as? String == "f32")
                #expect((result["avg_ts"] as? Double ?? 0) > 0)
                let isAlone = result["n_prompt"] as? Int == 0
                #expect((result["bandwidth_share"] != nil) == isAlone)
            }
        }
    }

    @Test func rowsOfADatabase() throws {
        try withModel { model in
            let odd = String(model.dropLast("f16.gguf".count)) + "it's.gguf"
            try FileManager.default.moveItem(atPath: model, toPath: odd)
            let outcome = try Tool.run([
                "bench", odd, "-p", "2", "-n", "1", "-r", "1", "-t", "1", "-o", "sql",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.first == "CREATE TABLE IF NOT EXISTS llama_bench (")
            #expect(lines.contains("  n_prompt INTEGER,") && lines.contains("  type_k TEXT,"))
            #expect(lines.contains("  avg_ts REAL,") && lines.contains(");"))
            let rows = lines.filter { $0.hasPrefix("INSERT INTO llama_bench (model_filename, ") }
            #expect(rows.count == 2 && rows.allSatisfy { $0.hasSuffix(");") })
            #expect(rows.allSatisfy { $0.contains("/it''s.gguf', ") })
            #expect(rows.first?.hasSuffix(", NULL);") == true)
        }
    }

    @Test func wrongCountsAreRefused() throws {
        for (arguments, expected) in [
            (["-p", "x"], "-p has 'x', expected a count"), (["-pg", "4"], "-pg is '4', expected"),
            (["-p", "0", "-n", "0"], "nothing to measure"), (["-r", "0"], "-r is 0"),
            (["-ctk", "q4_0"], "'q4_0' found, expected f32, f16 or q8_0"),
        ] {
            let outcome = try Tool.run(["bench", "model.gguf"] + arguments)
            #expect(outcome.exitCode == 64 && outcome.errors.contains(expected), "\(arguments)")
        }
    }
}
