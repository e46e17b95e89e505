import Evaluation
import Foundation
import Reporting
import TensorCore
import Testing

@Suite("Quality report")
struct ReportTests {
    @Test("comes back from its JSON", arguments: ["six", "hostile", "full"])
    func roundTrip(name: String) throws {
        let report = try #require(SampleReport.named[name])
        let bytes = try report.json()
        #expect(try QualityReport(json: bytes) == report)
        #expect(try QualityReport(json: bytes).json() == bytes)
    }

    @Test("has the keys that the schema promises")
    func keys() throws {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(SampleReport.six.json()))
                as? [String: Any])
        #expect(
            Set(object.keys) == [
                "schemaVersion", "title", "base", "text", "settings", "provenance", "levels",
                "warnings", "summary", "caveats",
            ])
        #expect(object["schemaVersion"] as? Int == 1)
        let level = try #require((object["levels"] as? [[String: Any]])?.first)
        #expect(
            Set(level.keys) == [
                "name", "fileName", "fileByteCount", "bitsPerWeight", "perplexity",
                "logPerplexityRatio", "perplexityRatio", "divergence", "sameTopToken",
                "meanProbabilityChange", "rmsProbabilityChange", "probabilityChange",
                "tokensPerSecond",
            ])
        let divergence = try #require(level["divergence"] as? [String: Any])
        #expect(
            Set(divergence.keys) == [
                "mean", "median", "quantile90", "quantile95", "quantile99", "quantile999",
                "maximum",
            ])
        #expect(
            (object["provenance"] as? [String: Any])?["date"] as? String == "2026-11-22T19:30:00Z")
    }

    @Test("keeps infinities and what may be missing")
    func notFinite() throws {
        var report = SampleReport.six
        report.levels[0].perplexity = Estimate(.infinity)
        report.levels[0].divergence.mean = Estimate(.nan)
        report.levels[0].tokensPerSecond = nil
        report.text.digest = nil
        let level = try QualityReport(json: report.json()).levels[0]
        #expect(level.perplexity == Estimate(.infinity))
        #expect(level.divergence.mean.value.isNaN)
        #expect(level.tokensPerSecond == nil)
    }

    @Test("tells which key of a foreign JSON is at fault")
    func foreign() throws {
        func error(_ text: String) -> ReportError? {
            #expect(throws: ReportError.self) {
                try QualityReport(json: Array(text.utf8), file: "r.json")
            }
        }
        #expect(error("{")?.exitCode == .badData)
        #expect(error("{}")?.place == "schemaVersion")
        #expect(error(#"{"schemaVersion": 7}"#)?.kind == .schemaVersion(found: 7, supported: 1))
        let whole = String(decoding: try SampleReport.six.json(), as: UTF8.self)
        let broken = whole.replacingOccurrences(of: "\"median\"", with: "\"middle\"")
        #expect(error(broken)?.place == "levels[0].divergence.median")
        #expect(
            error(broken)?.description.hasPrefix("r.json: levels[0].divergence.median: ") == true)
        #expect(error(String(repeating: "[", count: 100_000)) != nil)
    }

    @Test("is summed up by the smallest good level")
    func summary() {
        #expect(
            SampleReport.six.summary
                == "Q6_K keeps 92.0 % of the base's top tokens at 41 % of the bytes (6.60 bits "
                + "per weight); its perplexity is 0.85 % ± 0.05 % above the base's. It is the "
                + "smallest of 6 levels that keeps at least 90 % of them.")
        var report = SampleReport.report(levels: [SampleReport.six.levels[3]])
        #expect(
            report.summary
                == "Q4_K_M keeps 83.9 % of the base's top tokens at 32 % of the bytes (5.17 bits "
                + "per weight); its perplexity is 6.6 % ± 0.1 % above the base's.")
        report.levels[0].perplexityRatio = Estimate(0.9999, standardError: 0.0004)
        #expect(report.summary.contains("is the base's within the error (−0.01 % ± 0.04 %)."))
        report.levels[0].perplexityRatio = Estimate(0.98, standardError: 0.0004)
        #expect(report.summary.contains("is 2.00 % ± 0.04 % below the base's."))
    }

    @Test("knows its own weak points")
    func caveats() {
        #expect(SampleReport.six.caveats.isEmpty)
        var report = SampleReport.six
        report.settings.scoredTokenCount = 2048
        report.base.tensorTypes.append(.init(name: "Q8_0", tensorCount: 1, byteCount: 1))
        report.levels[2].divergence.mean = Estimate(0.0280, standardError: 0.001)
        report.levels[1].perplexityRatio = Estimate(0.99, standardError: 0.001)
        report.levels[5].divergence.mean = Estimate(.nan)
        let caveats = report.caveats
        #expect(caveats.count == 5)
        #expect(caveats[0].hasPrefix("Only 2,048 tokens were scored: about 2 of them"))
        #expect(caveats[1].hasPrefix("The base is quantized itself (Q8_0)"))
        #expect(caveats[2].hasPrefix("Q6_K has a lower perplexity than the base."))
        #expect(caveats[3].hasPrefix("Q2_K has figures that are not finite"))
        #expect(
            caveats[4].hasPrefix(
                "Q6_K and Q5_K_M differ in mean KL divergence by 0.00040, less than twice their "
                    + "combined error (0.0021)"))
        #expect(SampleReport.crowd.caveats.contains { $0.hasPrefix("Q4_1 is beaten by ") })
    }

    @Test("is a Markdown document whose tables hold together")
    func markdown() {
        for report in [SampleReport.six, SampleReport.hostile] {
            let lines = report.markdown().split(separator: "\n")
            let rows = lines.filter { $0.hasPrefix("|") }
            #expect(rows.count == 2 * (2 + 1 + 6))
            // Any bar starts a cell.
            let widths = rows.map { row in
                row.count { $0 == "|" }
            }
            #expect(Set(widths.prefix(9)).count == 1)
            #expect(Set(widths.dropFirst(9)).count == 1)
        }
        let text = SampleReport.six.markdown()
        #expect(text.contains("| Q4_K_M | 87.5 MB | 5.17 | 0.1195 ± 0.0014 | 1.530 ± 0.092 |"))
        // Outside code spans, where markup means nothing.
        let hostile = SampleReport.hostile.markdown().replacing(/(`+).+?\1/, with: "")
        #expect(!hostile.contains("<script") && !hostile.contains("<b>"))
        #expect(hostile.contains("\\*bold\\*\\[link\\]"))
    }

    @Test("fits a terminal", arguments: ["six", "crowd", "hostile"])
    func terminal(name: String) throws {
        let report = try #require(SampleReport.named[name])
        for width in [72, 80, 100] {
            let lines = report.terminalTable(width: width).split(separator: "\n")
            #expect(lines.count == report.levels.count + 4)
            #expect(lines.allSatisfy { $0.count <= width })
            let controls = lines.joined().unicodeScalars.filter {
                $0.properties.generalCategory == .control
            }
            #expect(controls.isEmpty)
        }
    }

    // swift-format-ignore: the lines are as wide as the terminal's
    @Test("reads on a terminal")
    func terminalText() {
        let report = SampleReport.report(levels: [SampleReport.six.levels[3]])
        let lines = report.terminalTable().split(separator: "\n")
        #expect(
            lines == [
                "Level       Size    bpw         Mean KLD     99.9 % KLD      Same top        PPL ratio  Of base",
                "                                     nat            nat             %                         %",
                "──────  ────────  ─────  ───────────────  ─────────────  ────────────  ───────────────  ───────",
                "base    270.9 MB  16.01                0              0           100                1      100",
                "Q4_K_M   87.5 MB   5.17  0.1195 ± 0.0014  1.530 ± 0.092  83.87 ± 0.18  1.0660 ± 0.0012       32",
            ])
    }

    @Test("keeps a terminal's columns aligned")
    func alignment() {
        let lines = SampleReport.six.terminalTable().split(separator: "\n").map(Array.init)
        let gaps = lines[2].indices.filter { lines[2][$0] == " " }
        #expect(gaps.count >= 10)
        for line in lines {
            for gap in gaps where gap < line.count { #expect(line[gap] == " ") }
        }
    }
}
