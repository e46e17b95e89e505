import Evaluation
import Foundation
import Reporting
import Testing

/// Levels of one type beside each other.
@Suite struct RoundingTests {
    @Test func aTypeIsARowWithTheChangeInBrackets() {
        let text = SampleReport.roundings.markdown()
        #expect(text.contains("| Type | plain | importance | calibrated |"))
        #expect(text.contains("0.0700 ± 0.0014 (−30 ± 1 %) |"), "\(text)")
        #expect(text.contains("| IQ2_XS | – | 2.000 ± 0.040 | 2.200 ± 0.044 (+10 ± 1 %) |"))
        // A type with one level has nothing beside it.
        #expect(!text.contains("| Q6_K | – |"))
        #expect(SampleReport.roundings.htmlPage().contains("Roundings beside each other"))
        #expect(!SampleReport.six.markdown().contains("Roundings"))
    }

    @Test func levelsAreNamedByWhatTellsThemApart() {
        let text = SampleReport.roundings.terminalTable(width: 200)
        #expect(text.contains("Q4_K_M, importance") && text.contains("IQ2_XS, calibrated"))
        // Q6_K's name does not say that it is calibrated, so a column does.
        #expect(text.contains("Rounding"))
        var report = SampleReport.roundings
        report.levels[0].rounding = .calibrated
        #expect(report.markdown().contains("Q4_K_M (model-Q4_K_M-calibrated.gguf)"))
        report.levels = Array(SampleReport.roundings.levels.prefix(3))
        #expect(!report.terminalTable(width: 200).contains("Rounding"))
    }

    @Test func whatIsNewComesBackFromTheJSON() throws {
        let report = SampleReport.roundings
        let read = try QualityReport(json: report.json())
        #expect(read == report)
        #expect(read.levels[2].roundingChange?.reference == .importance)
        #expect(try QualityReport(json: SampleReport.six.json()).levels[0].rounding == nil)
    }
}
