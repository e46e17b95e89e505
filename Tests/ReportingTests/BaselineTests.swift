import Evaluation
import Foundation
import Reporting
import TensorCore
import Testing

@Suite("Comparison with an earlier report")
struct BaselineTests {
    private func compared(
        _ report: QualityReport = SampleReport.six, with earlier: QualityReport
    ) -> QualityReport {
        var report = report
        report.baseline = BaselineComparison(of: report, with: earlier, fileName: "old.json")
        return report
    }

    @Test("an equal report has no difference and passes")
    func equal() throws {
        let report = compared(with: SampleReport.six)
        let baseline = try #require(report.baseline)
        #expect(baseline.differences.isEmpty)
        #expect(baseline.missingLevels.isEmpty && baseline.addedLevels.isEmpty)
        #expect(baseline.levels.count == 6)
        #expect(baseline.levels.allSatisfy { $0.meanDivergence.difference.value == 0 })
        for text in ["0", "1%", "0.001"] {
            let checks = try RegressionGate(parsing: text).checks(in: report)
            #expect(checks.count == 6)
            #expect(checks.allAreMet)
        }
        #expect(report.markdown().contains("The mean divergence of every level is the same."))
    }

    @Test("a level that became worse fails, with the figures in a line")
    func regression() throws {
        let report = compared(with: SampleReport.earlier)
        let checks = try RegressionGate().checks(in: report)
        // Q2_K is only in the new report.
        #expect(checks.map(\.level) == ["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M"])
        #expect(
            checks.filter { !$0.isMet }.map(\.description) == [
                "Q4_K_M: mean KL divergence rose from 0.100000 ± 0.0014 to 0.119500 ± 0.0014 "
                    + "(+19 %), allowed to rise by at most 5 % and twice the combined error"
            ])
        #expect(report.baseline?.missingLevels == ["Q4_0"])
        #expect(report.baseline?.addedLevels == ["Q2_K"])
        #expect(report.baseline?.differences == ["Windows: 159 in the baseline, 160 now."])
        #expect(report.caveats.contains { $0.contains("other conditions") })
        #expect(report.caveats.contains { $0.contains("has not: Q4_0") })
        let row = report.markdown().split(separator: "\n").first {
            $0.hasPrefix("| Q4_K_M | 0.1000 ± 0.0014 |")
        }
        #expect(row?.contains("| +0.0195 ± 0.0020 |") == true)
    }

    @Test(
        "the limit is in nats or in per cent of the earlier value, and decides alone",
        arguments: [("0.0196", true), ("0.0194", false), ("20%", true), ("19%", false)])
    func limits(text: String, passes: Bool) throws {
        let report = compared(with: SampleReport.earlier)
        let checks = try RegressionGate(parsing: text).checks(in: report)
        #expect(checks.allAreMet == passes)
    }

    @Test("a rise within the error passes by default, and not against a limit of one's own")
    func withinTheError() throws {
        var earlier = SampleReport.six
        // 10 % less, 0.8 combined errors away.
        earlier.levels[2].divergence.mean = Estimate(0.0447, standardError: 0.006)
        let report = compared(with: earlier)
        #expect(try RegressionGate().checks(in: report).allAreMet)
        let checks = try RegressionGate(parsing: "5%").checks(in: report)
        #expect(checks.filter { !$0.isMet }.map(\.level) == ["Q5_K_M"])
        #expect(checks[2].finding.hasSuffix("(the rise is less than twice the combined error)"))
        // Clear of the error, but less than 5 %.
        earlier.levels[2].divergence.mean = Estimate(0.0480, standardError: 0.0001)
        var precise = SampleReport.six
        precise.levels[2].divergence.mean.standardError = 0.0001
        #expect(
            try RegressionGate().checks(in: compared(precise, with: earlier))
                .allAreMet)
    }

    @Test("what became no number has regressed; what became one has not")
    func notANumber() throws {
        var broken = SampleReport.six
        broken.levels[0].divergence.mean = Estimate(.nan)
        var checks = try RegressionGate().checks(in: compared(broken, with: SampleReport.six))
        #expect(checks.filter { !$0.isMet }.map(\.level) == ["Q8_0"])
        checks = try RegressionGate().checks(in: compared(with: broken))
        #expect(checks.allAreMet)
    }

    @Test("must have a level in common, and says which there are")
    func nothingInCommon() {
        var other = SampleReport.six
        other.levels = [
            SampleReport.level(
                "IQ1_S", bits: 2, mean: 5, error: 0.1, tail: 20, top: 0.1, ratio: 9)
        ]
        let error = #expect(throws: ReportError.self) {
            try RegressionGate().checks(in: compared(with: other))
        }
        #expect(error?.exitCode == .usage)
        #expect(error?.description.hasPrefix("old.json: ") == true)
        #expect(error?.description.contains("IQ1_S") == true)
        #expect(throws: ReportError.self) {
            try RegressionGate.requireLevel(of: other, file: "old.json", among: ["Q8_0"])
        }
    }

    @Test("tells what was measured differently")
    func conditions() {
        var earlier = SampleReport.six
        earlier.text.digest = "sha256:" + String(repeating: "0", count: 64)
        earlier.text.name = "other.txt"
        earlier.settings.contextLength = 256
        earlier.base.fileByteCount += 1
        #expect(
            compared(with: earlier).baseline?.differences == [
                "The text is another one: other.txt, sha256:000000000000… in the baseline, "
                    + "wiki.test.raw, sha256:173c87a53759… now.",
                "Context: 256 in the baseline, 512 now.",
                "The base is another file: smollm2-135m-f16.gguf, 270,884,033 bytes in the "
                    + "baseline, smollm2-135m-f16.gguf, 270,884,032 bytes now.",
            ])
    }

    @Test("finds a level of a type that is there twice by its file")
    func twins() throws {
        var report = SampleReport.six
        report.levels[4].name = "Q2_K"
        let baseline = try #require(compared(report, with: report).baseline)
        #expect(baseline.levels.map(\.fileName) == report.levels.map(\.fileName))
        var renamed = report
        renamed.levels[4].fileName = "renamed.gguf"
        let other = try #require(compared(renamed, with: report).baseline)
        #expect(other.levels.count == 5)
        #expect(other.addedLevels == ["Q2_K (renamed.gguf)"])
    }

    @Test(
        "limits that are none are refused", arguments: ["", "x", "-1", "nan", "%", "-5%", "1e999"])
    func refusal(text: String) {
        let error = #expect(throws: ReportError.self) { try RegressionGate(parsing: text) }
        #expect(error?.exitCode == .usage)
        #expect(error?.description.contains("--max-regression-kld") == true)
    }
}

extension [QualityCheck] {
    fileprivate var allAreMet: Bool { !contains { !$0.isMet } }
}
