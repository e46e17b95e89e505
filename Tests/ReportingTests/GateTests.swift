import Evaluation
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
        #expect(try Gate(.meanDivergence, parsing: "Q4_K_M=0.1195").checks(in: report)[0].isMet)
        #expect(try Gate(.meanDivergence, parsing: "q8_0=0.01").checks(in: report)[0].isMet)
        let checks = try report.checks(of: [
            Gate(.meanDivergence, parsing: "Q4_K_M=0.1"),
            Gate(.perplexityRatio, parsing: "1.27"),
            Gate(.meanDivergence, parsing: "smollm2-135m-Q8_0.gguf=0.001"),
            Gate(.quantile999, parsing: "Q6_K=0.3"),
            Gate(.sameTopToken, parsing: "Q8_0=0.98"),
        ])
        #expect(checks.count == 10)
        let failures = checks.filter { !$0.isMet }
        #expect(
            failures.map(\.description) == [
                "Q4_K_M: mean KL divergence 0.119500 ± 0.0014, allowed at most 0.1",
                "Q3_K_M: perplexity ratio 1.27400 ± 0.0037, allowed at most 1.27 "
                    + "(nearer than twice the error: more text would make it certain)",
                "Q2_K: perplexity ratio 5.12000 ± 0.050, allowed at most 1.27",
                "Q8_0: mean KL divergence 0.00330000 ± 0.000041, allowed at most 0.001",
                "Q6_K: 99.9 % KL divergence 0.381000 ± 0.023, allowed at most 0.3",
                "Q8_0: share of same top tokens 0.971300 ± 0.00082, allowed at least 0.98",
            ])
    }

    @Test("fail on what is not a number")
    func notANumber() throws {
        var report = SampleReport.six
        report.levels[0].divergence.mean = Estimate(.nan)
        report.levels[0].sameTopToken = Estimate(.nan)
        for gate in [
            try Gate(.meanDivergence, parsing: "Q8_0=1"),
            try Gate(.sameTopToken, parsing: "Q8_0=0.1"),
        ] {
            let checks = try gate.checks(in: report)
            #expect(checks.map(\.isMet) == [false])
        }
    }

    @Test("a share is a fraction or a percentage")
    func shares() throws {
        #expect(try Gate(.sameTopToken, parsing: "Q8_0=0.9").limit == 0.9)
        #expect(try Gate(.sameTopToken, parsing: "90%").limit == 0.9)
        for text in ["90", "101%", "0%", "%", "-1%"] {
            let error = #expect(throws: ReportError.self) {
                try Gate(.sameTopToken, parsing: text)
            }
            #expect(error?.description.contains("at most 1 or 100%") == true)
        }
        #expect(throws: ReportError.self) { try Gate(.meanDivergence, parsing: "5%") }
    }

    @Test("must hold something")
    func unknownLevel() {
        var report = SampleReport.six
        let error = #expect(throws: ReportError.self) {
            try Gate(.meanDivergence, parsing: "Q4_K=1").checks(in: report)
        }
        #expect(error?.description.contains("Q4_K,") == true)
        #expect(error?.description.contains("Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K") == true)
        report.levels = []
        #expect(throws: ReportError(.noLevels)) {
            try Gate(.meanDivergence, parsing: "1").checks(in: report)
        }
    }

    @Test("name the file when two levels have one type")
    func twins() throws {
        var report = SampleReport.six
        report.levels[4].name = "Q2_K"
        let checks = try Gate(.meanDivergence, parsing: "Q2_K=0.1").checks(in: report)
        #expect(
            checks.map(\.level) == [
                "Q2_K (smollm2-135m-Q3_K_M.gguf)", "Q2_K (smollm2-135m-Q2_K.gguf)",
            ])
    }
}
