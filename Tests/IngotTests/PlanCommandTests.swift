import Foundation
import TensorCore
import TestSupport
import Testing

/// `ingot plan` as a command line.
@Suite struct PlanCommandTests {
    private static let checkpoint = Fixtures.path("conformance/convert/checkpoints/llama")

    @Test func aFileADirectoryAndAConfigurationTakeTheSameBytes() throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = folder + "/model.gguf"
            let made = try Tool.run(["quantize", "-q", Self.checkpoint, file, "Q4_K_M"])
            #expect(made.exitCode == 0, "\(made.errors)")
            let plans = try [
                [file], [Self.checkpoint, "Q4_K_M"], [Self.checkpoint + "/config.json", "Q4_K_M"],
            ].map { words in
                let outcome = try Tool.run(
                    ["plan"] + words + ["--slots", "3", "--hardware", "T4", "--json"])
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return try JSON.parse(Array(outcome.output.utf8))
            }
            #expect(plans.map { $0["kind"]?.text } == ["gguf", "directory", "configuration"])
            #expect(plans.map { $0["type"]?.text } == ["Q4_K_M", "Q4_K_M", "Q4_K_M"])
            #expect(plans[0]["memory"] == plans[1]["memory"])
            #expect(plans[0]["memory"] == plans[2]["memory"])
            #expect((plans[0]["memory"]?["cache"]?.integer ?? 0) > 0)
        }
    }

    @Test func aPageAndATableOfOnesOwn() throws {
        try Fixtures.withTemporaryFolder { folder in
            let listed = try Tool.run(["plan", "--list-hardware", "--json"])
            #expect(listed.exitCode == 0, "\(listed.errors)")
            let table = folder + "/hardware.json"
            try listed.output.write(toFile: table, atomically: true, encoding: .utf8)
            let outcome = try Tool.run([
                "plan", Self.checkpoint, "--all-types", "--hardware", table, "--hardware", "h100",
                "--html", folder + "/plan.html", "--qps", "2",
            ])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("IQ1_S *") && outcome.output.contains("Q8_0"))
            #expect(outcome.output.contains("Load: 2.00 requests/s"))
            #expect(outcome.output.contains("best directory for GPU engines that fits"))
            let page = try String(contentsOfFile: folder + "/plan.html", encoding: .utf8)
            #expect(page.contains("<svg") && page.contains("H100"))
        }
    }

    @Test func aQuantizedDirectoryIsPlannedAsItIs() throws {
        try Fixtures.withTemporaryFolder { folder in
            let made = try Tool.run(["quantize", "-q", Self.checkpoint, folder + "/out", "W4A16"])
            #expect(made.exitCode == 0, "\(made.errors)")
            func plan(_ words: [String]) throws -> JSON {
                let outcome = try Tool.run(["plan"] + words + ["--hardware", "H100", "--json"])
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return try JSON.parse(Array(outcome.output.utf8))
            }
            let (stored, planned) = (
                try plan([folder + "/out"]), try plan([Self.checkpoint, "w4a16"])
            )
            #expect(stored["type"]?.text == "W4A16 g128" && planned["type"]?.text == "W4A16")
            #expect(stored["memory"]?["weights"]?.integer == planned["memory"]?["weights"]?.integer)
            #expect(stored["types"]?.array?.contains { $0["engines"] != nil } == true)
        }
    }

    @Test(arguments: [
        ([], 64, "MODEL is missing"),
        (["MODEL", "--slots", "0"], 64, "slots: 0 found"),
        (["MODEL", "--context", "9999999999999"], 64, "context: 9999999999999 found"),
        (["MODEL", "--qps", "-1"], 64, "qps"),
        (["MODEL", "--qps", "nan"], 64, "--qps: nan found"),
        (["MODEL", "--hardware", "abacus"], 64, "no device called abacus"),
        (["MODEL", "--hardware", "MODEL/config.json"], 65, "devices: the key is missing"),
        (["MODEL", "Q9_Z"], 64, "no type is called Q9_Z"),
        (["MODEL", "W4A16_G48"], 64, "W4A16_G48 asks for groups of 48"),
        (["MODEL", "-ctk", "q4_k"], 64, "expected one of f32"),
        (["MODEL/config.json"], 64, "name one, such as Q4_K_M"),
        (["MODEL/none.gguf"], 74, "no such file"),
        (["MODEL", "--report", "MODEL/config.json"], 65, "config.json"),
    ])
    func badInputIsSaidInOneSentence(
        _ words: [String], _ exitCode: Int, _ sentence: String
    ) throws {
        let outcome = try Tool.run(
            ["plan"] + words.map { $0.replacingOccurrences(of: "MODEL", with: Self.checkpoint) })
        #expect(Int(outcome.exitCode) == exitCode, "\(outcome.errors)")
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }
}
