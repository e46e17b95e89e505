import Calibration
import Evaluation
import Foundation
import GGUF
import Parts
import Reporting
import TensorCore

/// Parts of evaluations: figures that the command would have given.
extension JoinCommand {
    /// Writes the figures of `perplexity` or `compare`.
    func joinEvaluation(_ set: PartSet) throws -> [String] {
        let (head, result) = try GatheredParts(found: set).result(
            EvaluationHead.self, models: \.models, contextLength: \.contextLength,
            tokensRun: \.tokensRun)
        guard !dryRun else { return [] }
        let listing = ComparisonListing(
            result, text: head.text, windowCount: result.base.windowCount, stride: head.stride,
            activations: head.activations, warnings: head.warnings)
        let isComparison = set.command == "compare"
        let text: String
        if head.isJSON {
            text =
                try isComparison
                ? ReadableJSON.text(of: listing)
                : ReadableJSON.text(of: PerplexityListing(result, head))
        } else {
            let lines =
                isComparison
                ? listing.lines : PerplexityListing.lines(of: result, isQuiet: head.isQuiet)
            text = lines.joined(separator: "\n")
        }
        try OutputFile.write(Array(text.utf8) + [0x0A], to: output)
        return [output]
    }

    /// Writes the folder of `report`, and applies the gates.
    func joinReport(_ set: PartSet) throws -> [String] {
        let gates = try gating.gates()
        let earlier = try gating.baselineReport()
        let (head, result) = try GatheredParts(found: set).result(
            ReportHead.self,
            models: { [$0.report.base.fileName] + $0.report.levels.map(\.fileName) },
            contextLength: \.report.settings.contextLength, tokensRun: \.tokensRun)
        guard !dryRun else { return [] }
        var report = head.report
        report.setResult(result)
        report.provenance.date = Date(
            timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        let names = report.levels.map { ($0.name, $0.fileName) }
        for gate in gates { try gate.requireLevel(among: names) }
        if let earlier {
            try RegressionGate.requireLevel(
                of: earlier.report, file: earlier.path, among: names.map(\.0))
            report.baseline = BaselineComparison(
                of: report, with: earlier.report, fileName: Paths.name(earlier.path))
        }
        var checks = try report.checks(of: gates)
        if let gate = try gating.regressionGate() { checks += try gate.checks(in: report) }
        try ReportGiving(
            output: output, junit: gating.junit, isJSON: false, isQuiet: options.quiet
        ).give(report, checks, width: 120)
        try ReportGiving.require(checks)
        return [output]
    }
}

/// Parts of importance matrices.
extension JoinCommand {
    /// Adds the sums of `imatrix`: their order changes nothing.
    func joinImportance(_ set: PartSet) throws -> [String] {
        let parts = GatheredParts(found: set)
        var gathered = GatheredImportance()
        let head = try parts.read(0, as: ImportanceHead.self).head
        var windows = 0
        for number in set.parts.indices {
            let (own, body) = try parts.read(number, as: ImportanceHead.self)
            guard let sums = GatheredImportance(bytes: body), own.windows >= 0,
                gathered.add(sums)
            else {
                throw PartError(
                    .content(
                        found: "sums of other tensors, or none",
                        expected: "those of part \(number + 1)"), path: try parts.path(number))
            }
            windows = windows.addingReportingOverflow(own.windows).partialValue
        }
        guard !dryRun else { return [] }
        let sums = ImportanceSums(
            entries: gathered.sums, datasets: head.texts, chunkCount: windows,
            chunkSize: head.contextLength)
        try sums.write(to: output, as: ImportanceSums.Form(rawValue: head.form) ?? .gguf)
        Terminal.warnings(ImatrixCommand.warnings(sums))
        return [output]
    }
}

/// What a part of `imatrix` says besides its sums.
struct ImportanceHead: Codable {
    /// The names of the texts.
    let texts: [String]
    /// The part's windows.
    let windows: Int
    let contextLength: Int
    /// The form of the file.
    let form: String
}

/// What a part of `report` says besides its values: all that the report will say, its own figures in the
/// place of the joined ones.
struct ReportHead: Codable {
    let report: QualityReport
    /// The tokens of the part's windows.
    let tokensRun: Int
}
