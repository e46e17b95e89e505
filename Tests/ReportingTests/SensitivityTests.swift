import Evaluation
import Foundation
import Reporting
import TensorCore
import Testing

@Suite("Sensitivity map")
struct SensitivityTests {
    private let document = """
        {"schemaVersion": 1, "text": "t.txt", "version": "0.1.0", "warnings": [], "map": {
          "model": "/models/m-f16.gguf", "grouping": "tensor", "formats": ["Q4_K"],
          "contextLength": 512, "windowCount": 4, "scoredTokenCount": 1020, "skipped": [],
          "basePerplexity": {"value": 17, "standardError": 0.1},
          "cells": [
            {"name": "blk.0.attn_v.weight", "layer": 0, "kind": "attn_v", "format": "Q4_K",
             "tensorCount": 1, "elementCount": 4096, "byteCount": 2304, "weightError": 0.07,
             "divergence": {"value": 0.001, "standardError": 0.0001},
             "logPerplexityRatio": {"value": 0, "standardError": 0},
             "sameTop": {"value": 1, "standardError": 0}},
            {"name": "output.weight", "kind": "output", "format": "Q4_K",
             "divergence": {"value": 0.002, "standardError": 0.0001}}]}}
        """

    @Test("is read from the command's JSON, folders left out")
    func reading() throws {
        let map = try Sensitivity(json: Array(document.utf8))
        #expect(map.model == "m-f16.gguf")
        #expect(map.cells.map(\.layer) == [0, nil])
        #expect(map.cells[1].divergence == Estimate(0.002, standardError: 0.0001))
    }

    @Test("other JSON is refused with the key at fault")
    func foreign() {
        func error(_ text: String) -> ReportError? {
            #expect(throws: ReportError.self) {
                try Sensitivity(json: Array(text.utf8), file: "s.json")
            }
        }
        #expect(error("[]")?.exitCode == .badData)
        #expect(error("{")?.description.hasPrefix("s.json: ") == true)
        let missing = error(document.replacing("\"windowCount\": 4, ", with: ""))
        #expect(missing?.place == "map.windowCount")
        let later = error(document.replacing("\"schemaVersion\": 1", with: "\"schemaVersion\": 9"))
        #expect(later?.kind == .schemaVersion(found: 9, supported: 1))
        let text = error(
            document.replacing("{\"value\": 0.001, \"standardError\": 0.0001}", with: "\"x\""))
        #expect(text?.place == "map.cells[0].divergence")
    }

    @Test("draws figures of every size and none, and layers far apart")
    func extremes() throws {
        var report = SampleReport.six
        var map = SampleReport.sensitivity
        map.cells[0].divergence.value = .infinity
        map.cells[1].divergence.value = .nan
        map.cells[2].divergence.value = -1
        map.cells[3].layer = .max
        map.cells[4].layer = .min
        map.cells[5].divergence.value = 1e300
        report.sensitivity = map
        #expect(report.htmlPage().contains("sensitivity-wide"))
        #expect(report.htmlPage().contains("<li>Most sensitive to "))
        #expect(report.markdown().contains("Most sensitive when quantized alone"))
        map.cells = []
        report.sensitivity = map
        #expect(!report.htmlPage().contains("sensitivity-wide"))
        map.cells = SampleReport.sensitivity.cells.map { cell in
            var cell = cell
            cell.divergence.value = 0
            return cell
        }
        report.sensitivity = map
        #expect(!report.htmlPage().contains("sensitivity-wide"))
    }

    @Test("a great many kinds are cut and the page says so")
    func manyKinds() {
        var report = SampleReport.six
        report.sensitivity = Sensitivity(
            model: "m", formats: ["Q4_K"],
            cells: (0..<500).map {
                .init(
                    name: "t\($0)", layer: 0, kind: "kind\($0)", format: "Q4_K",
                    divergence: Estimate(0.1))
            }, contextLength: 1, windowCount: 1, scoredTokenCount: 1)
        let page = report.htmlPage()
        #expect(page.contains("There are more kinds, layers or formats than are drawn."))
        #expect(page.contains("kind39<") && !page.contains("kind40<"))
    }
}
