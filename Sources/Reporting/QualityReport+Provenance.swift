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
        var rows = [
            ProvenanceRow(name: "Base", value: base.fileName, isCode: true),
            ProvenanceRow(
                name: "Base size",
                value: "\(NumberText.bytes(base.fileByteCount)), "
                    + "\(NumberText.fixed(base.bitsPerWeight, 2)) bits per weight"),
            ProvenanceRow(name: "Base perplexity", value: NumberText(base.perplexity).text),
        ]
        if !base.tensorTypes.isEmpty {
            let types = base.tensorTypes.map {
                "\(NumberText.count($0.tensorCount)) × \($0.name) (\(NumberText.bytes($0.byteCount)))"
            }
            rows.append(.init(name: "Base tensors", value: types.joined(separator: ", ")))
        }
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
        rows += [
            .init(
                name: "Scored",
                value: "\(NumberText.count(settings.scoredTokenCount)) tokens in "
                    + "\(NumberText.count(settings.windowCount)) windows of "
                    + "\(NumberText.count(settings.contextLength))"),
            .init(name: "Threads", value: NumberText.count(settings.threadCount)),
            .init(name: "Machine", value: provenance.machine),
            .init(name: "Tool", value: provenance.toolVersion),
            .init(name: "Date", value: dateText),
            .init(name: "Command", value: provenance.commandLine, isCode: true),
        ]
        return rows
    }

    /// `2026-11-22 19:30 UTC`.
    var dateText: String {
        let written = provenance.date.ISO8601Format()
        guard written.count == 20 else { return written }
        let characters = Array(written)
        return String(characters[0..<10]) + " " + String(characters[11..<16]) + " UTC"
    }
}
