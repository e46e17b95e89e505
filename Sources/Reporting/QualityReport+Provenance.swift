import Evaluation
import Foundation

/// A line of the block that says how the figures came about.
struct ProvenanceRow {
    let name: String
    let value: String
    /// Whether the value is a name or a command, to be shown letter by letter.
    var isCode = false
}

extension QualityReport {
    /// How the figures came about, line by line.
    var provenanceRows: [ProvenanceRow] {
        var rows = baseRows
        rows += [
            .init(name: "Text", value: text.name, isCode: true),
            .init(
                name: "Text size",
                value: "\(NumberText.bytes(text.byteCount)), "
                    + "\(NumberText.count(text.tokenCount)) tokens"),
        ]
        if let digest = text.digest {
            rows.append(.init(name: "Text digest", value: digest, isCode: true))
        }
        rows += calibrationRows
        rows += [
            .init(
                name: "Scored",
                value: "\(NumberText.count(settings.scoredTokenCount)) tokens in "
                    + "\(NumberText.count(settings.windowCount)) windows of "
                    + "\(NumberText.count(settings.contextLength))"),
            .init(name: "Activations", value: activationsText),
            .init(name: "Threads", value: NumberText.count(settings.threadCount)),
            .init(name: "Machine", value: provenance.machine),
            .init(name: "Tool", value: provenance.toolVersion),
            .init(name: "Date", value: dateText),
            .init(name: "Command", value: provenance.commandLine, isCode: true),
        ]
        if let sensitivity {
            rows.append(
                .init(
                    name: "Sensitivity",
                    value: "of \(sensitivity.model), \(NumberText.count(sensitivity.windowCount)) "
                        + "windows of \(NumberText.count(sensitivity.contextLength)), "
                        + "\(NumberText.count(sensitivity.scoredTokenCount)) tokens scored"))
        }
        for level in sortedLevels {
            let name = displayName(of: level)
            if let matrix = level.importanceMatrix {
                rows.append(
                    .init(name: "Importance of \(name)", value: matrix, isCode: true))
            }
            if let calibration = level.calibration {
                rows.append(.init(name: "Calibration of \(name)", value: calibration.sentence))
            }
            if let digest = level.digest {
                rows.append(.init(name: "Digest of \(name)", value: digest, isCode: true))
            }
        }
        return rows
    }

    /// The base model's file.
    private var baseRows: [ProvenanceRow] {
        var rows = [
            ProvenanceRow(name: "Base", value: base.fileName, isCode: true),
            ProvenanceRow(
                name: "Base size",
                value: "\(NumberText.bytes(base.fileByteCount)), "
                    + "\(NumberText.fixed(base.bitsPerWeight, 2)) bits per weight"),
            ProvenanceRow(name: "Base perplexity", value: NumberText(base.perplexity).text),
        ]
        if let digest = base.digest {
            rows.append(.init(name: "Base digest", value: digest, isCode: true))
        }
        if !base.tensorTypes.isEmpty {
            let types = base.tensorTypes.map {
                "\(NumberText.count($0.tensorCount)) × \($0.name) (\(NumberText.bytes($0.byteCount)))"
            }
            rows.append(.init(name: "Base tensors", value: types.joined(separator: ", ")))
        }
        return rows
    }

    /// What linear layers took in, in words.
    private var activationsText: String {
        switch settings.activations {
        case nil, "f32"?: "F32: the figures are those of the weights alone"
        case "q8"?: "q8: rounded to 8 bits before quantized weights, as engines run them"
        case let other?: other
        }
    }

    /// What the text shares with the calibration texts, a line each.
    private var calibrationRows: [ProvenanceRow] {
        (calibration ?? []).map { text in
            guard let overlap = text.overlap else {
                return .init(
                    name: "Calibration",
                    value: "\(text.name), not there to be read: whether the text overlaps with it "
                        + "is not known")
            }
            let count = NumberText.count(overlap.sequenceCount)
            guard overlap.sequenceCount > 0 else {
                return .init(
                    name: "Calibration",
                    value: "\(text.name); the text has no \(overlap.wordCount) words to look for")
            }
            let sampled =
                overlap.samplingInterval > 1
                ? " (1 in \(NumberText.count(overlap.samplingInterval)) looked for)" : ""
            let shared =
                overlap.sharedCount == 0 ? "0" : NumberText.count(overlap.sharedCount)
            return .init(
                name: "Calibration",
                value: "\(text.name); it holds \(shared) of the text's \(count) sequences of "
                    + "\(overlap.wordCount) words\(sampled)")
        }
    }

    /// `2026-11-22 19:30 UTC`.
    var dateText: String { provenance.dateText }
}

extension QualityReport.Provenance {
    /// `2026-11-22 19:30 UTC`.
    package var dateText: String {
        let written = date.ISO8601Format()
        guard written.count == 20 else { return written }
        let characters = Array(written)
        return String(characters[0..<10]) + " " + String(characters[11..<16]) + " UTC"
    }
}
