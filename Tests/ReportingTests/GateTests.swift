import Reporting
import TensorCore
import Testing

@Suite("Quality gates")
struct GateTests {
    @Test(
        "are read",
        arguments: [
            ("Q4_K_M=0.2", "Q4_K_M", 0.2), ("0.2", nil, 0.2), ("a=b.gguf=1e-3", "a=b.gguf", 1e-3),
        ] as [(String, String?, Double)])
    func parsing(text: String, level: String?, limit: Double) throws {
        let gate = try Gate(.meanDivergence, parsing: text)
        #expect(gate == Gate(.meanDivergence, level: level, limit: limit))
    }

    @Test(
        "are refused with what is expected",
        arguments: [
            "", "=", "=0.2", "Q4_K_M", "Q4_K_M=", "Q4_K_M=x", "nan", "inf", "Q4_K_M=-1", "0",
            "0x1p3", "1e999", "0.2 ",
        ])
    func refusal(text: String) {
        let error = #expect(throws: ReportError.self) {
            try Gate(.perplexityRatio, parsing: text)
        }
        #expect(error?.exitCode == .usage)
        #expect(error?.description.hasPrefix("--max-ppl-ratio \(text): ") == true)
        #expect(error?.description.contains("TYPE=VALUE") == true)
    }

    @Test("pass and fail by level")
    func evaluation() throws {
        let report = SampleReport.six
        #expect(try Gate(.meanDivergence, parsing: "Q4_K_M=0.1195").failures(in: report).isEmpty)
        #expect(try Gate(.meanDivergence, parsing: "q8_0=0.01").failures(in: report).isEmpty)
        let failures = try report.failures(of: [
            Gate(.meanDivergence, parsing: "Q4_K_M=0.1"),
            Gate(.perplexityRatio, parsing: "1.27"),
            Gate(.meanDivergence, parsing: "smollm2-135m-Q8_0.gguf=0.001"),
        ])
        #expect(
            failures.map(\.description) == [
                "Q4_K_M: mean KL divergence 0.119500 ± 0.0014, allowed at most 0.1",
                "Q3_K_M: perplexity ratio 1.27400 ± 0.0037, allowed at most 1.27 "
                    + "(nearer than twice the error: more text would make it certain)",
                "Q2_K: perplexity ratio 5.12000 ± 0.050, allowed at most 1.27",
                "Q8_0: mean KL divergence 0.00330000 ± 0.000041, allowed at most 0.001",
            ])
    }

    @Test("fail on what is not a number")
    func notANumber() throws {
        var report = SampleReport.six
        report.levels[0].divergence.mean = Estimate(.nan)
        #expect(try Gate(.meanDivergence, parsing: "Q8_0=1").failures(in: report).count == 1)
    }

    @Test("must hold something")
    func unknownLevel() {
        var report = SampleReport.six
        let error = #expect(throws: ReportError.self) {
            try Gate(.meanDivergence, parsing: "Q4_K=1").failures(in: report)
        }
        #expect(error?.description.contains("Q4_K,") == true)
        #expect(error?.description.contains("Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K") == true)
        report.levels = []
        #expect(throws: ReportError(.noLevels)) {
            try Gate(.meanDivergence, parsing: "1").failures(in: report)
        }
    }

    @Test("name the file when two levels have one type")
    func twins() throws {
        var report = SampleReport.six
        report.levels[4].name = "Q2_K"
        let failures = try Gate(.meanDivergence, parsing: "Q2_K=0.1").failures(in: report)
        #expect(
            failures.map(\.level) == [
                "Q2_K (smollm2-135m-Q3_K_M.gguf)", "Q2_K (smollm2-135m-Q2_K.gguf)",
            ])
    }
}
