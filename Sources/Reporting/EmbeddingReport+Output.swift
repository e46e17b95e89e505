import Evaluation
import Foundation
public import TensorCore

extension EmbeddingReport {
    /// The report as Markdown, JSON and HTML in a folder.
    public func files(in folder: String) throws -> [OutputFile.Content] {
        try ReportFiles.contents(
            in: folder, markdown: markdown(), json: json(), page: htmlPage())
    }

    static let headings = [
        "Level", "Size", "Bits per weight", "Cosine", "Least cosine", "Rank correlation",
        "Kept neighbours, %",
    ]

    /// The cells of the table, the base first; cells that are missing at a row's end are empty.
    var rows: [[String]] {
        [
            [
                "base", NumberText.bytes(base.fileByteCount),
                NumberText.fixed(base.bitsPerWeight, 2),
            ]
        ]
            + levels.map { level in
                [
                    visible(displayName(of: level)), NumberText.bytes(level.file.fileByteCount),
                    NumberText.fixed(level.file.bitsPerWeight, 2),
                    NumberText(level.agreement.cosine).text,
                    NumberText.fixed(level.agreement.leastCosine, 5),
                    NumberText(level.agreement.rankCorrelation).text,
                    NumberText(level.agreement.keptNeighbours, scale: 100).text,
                ]
            }
    }

    /// One sentence that says what was found.
    public var summary: String {
        let measured =
            "\(NumberText.count(settings.sentenceCount)) sentences of \(visible(text.name)), pooling"
            + " \(settings.pooling)"
        guard let best = levels.max(by: { $0.agreement.cosine.value < $1.agreement.cosine.value })
        else { return "No level measured on \(measured)." }
        return "\(visible(displayName(of: best))) is nearest to the base: cosine "
            + NumberText(best.agreement.cosine).text
            + ", \(NumberText(best.agreement.keptNeighbours, scale: 100).text) % of the"
            + " \(best.agreement.neighbourCount) nearest neighbours kept (\(measured))."
    }

    /// The levels for a terminal: plain text of at most `width` columns.
    public func terminalTable(width: Int = 100) -> String {
        let columns = EmbeddingReport.headings.enumerated().map { index, heading in
            TextTable.Column(
                heading: heading, alignment: index == 0 ? .left : .right,
                expendability: [0, 2, 3, 0, 1, 0, 0][index])
        }
        return TextTable(columns: columns, rows: rows).lines(width: width)
            .joined(separator: "\n")
    }

    /// The report as GitHub-flavoured Markdown.
    public func markdown() -> String {
        func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        var text = "# Embedding quality of \(markdownEscaped(title))\n\n"
        text += markdownEscaped(summary) + "\n\n"
        text += row(EmbeddingReport.headings)
        text += row([":--"] + EmbeddingReport.headings.dropFirst().map { _ in "--:" })
        for cells in rows {
            let missing = EmbeddingReport.headings.count - cells.count
            text += row(
                cells.map(markdownEscaped) + [String](repeating: "", count: max(0, missing)))
        }
        if !warnings.isEmpty {
            text += "\n## To keep in mind\n\n"
            text += warnings.map { "- \(markdownEscaped($0))\n" }.joined()
        }
        text += "\n## How it was measured\n\n"
        text += provenanceRows.map { row in
            let value = row.isCode ? markdownCode(row.value) : markdownEscaped(row.value)
            return "- \(row.name): \(value)\n"
        }.joined()
        return text + "\n\(EmbeddingReport.words)\n"
    }

    /// What the columns mean.
    static let words = """
        Cosine is that of a sentence's vector in the level and in the base. Rank correlation is \
        Spearman's, between the orders in which all other sentences are near to one. Kept \
        neighbours is the share of a sentence's nearest in the base that are its nearest still. \
        Every ± is one standard error of the mean over sentences.
        """

    var provenanceRows: [ProvenanceRow] {
        let date = provenance.date.ISO8601Format().prefix(16).split(separator: "T")
        return [
            .init(name: "Base", value: base.fileName, isCode: true),
            .init(name: "Base digest", value: base.digest, isCode: true),
            .init(name: "Text", value: text.name, isCode: true),
            .init(
                name: "Sentences",
                value: "\(NumberText.count(settings.sentenceCount)), "
                    + "\(NumberText.count(text.tokenCount)) tokens"),
            .init(name: "Pooling", value: settings.pooling),
            .init(name: "Numbers of a vector", value: NumberText.count(settings.vectorLength)),
            .init(name: "Activations", value: settings.activations),
            .init(name: "Machine", value: provenance.machine),
            .init(name: "Tool", value: provenance.toolVersion),
            .init(name: "Date", value: date.joined(separator: " ") + " UTC"),
            .init(name: "Command", value: provenance.commandLine, isCode: true),
        ]
            + levels.map {
                .init(
                    name: "Digest of \(displayName(of: $0))", value: $0.file.digest, isCode: true)
            }
    }

    /// What became of gates as JUnit XML, a test case for each level and gate.
    public func junit(_ checks: [QualityCheck]) -> String {
        QualityCheck.junit(checks, title: title, date: provenance.date, properties: provenanceRows)
    }
}
