import Evaluation

extension QualityReport {
    /// The report as GitHub-flavoured Markdown, for a summary of checks or a model card.
    public func markdown() -> String {
        var text = "# Quality of \(markdownEscaped(title))\n\n\(markdownEscaped(summary))\n\n"
        text += table(overviewColumns)
        if let roundings = RoundingTable(self) { text += section(of: roundings) }
        if !allWarnings.isEmpty {
            text += "\n## To keep in mind\n\n"
            text += allWarnings.map { "- \(markdownEscaped($0))\n" }.joined()
        }
        if let baseline {
            text += "\n## Since the baseline\n\n\(markdownEscaped(baseline.sentence))\n\n"
            text += table(changeColumns, hasBase: false)
        }
        text += "\n<details>\n<summary>Distribution and probabilities</summary>\n\n"
        text += table(detailColumns)
        text += "\n</details>\n"
        if let sensitivity { text += section(of: sensitivity) }
        text += "\n## How it was measured\n\n"
        text += provenanceRows.map { row in
            let value = row.isCode ? markdownCode(row.value) : markdownEscaped(row.value)
            return "- \(row.name): \(value)\n"
        }.joined()
        text += """

            KLD is the Kullback-Leibler divergence of a level's next-token predictions from the \
            base's, per token, in nats. Same top is the share of tokens at which both hold the \
            same next token for the likeliest. Δp is the change of the probability of the text's \
            own next token. Every ± is one standard error; those of ratios are paired, token by \
            token.

            """
        return text
    }

    /// The levels of a type in a row.
    private func section(of roundings: RoundingTable) -> String {
        func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        var text = "\n## \(RoundingTable.title)\n\n" + row(["Type"] + roundings.headings)
        text += "| :-- |" + String(repeating: " --: |", count: roundings.headings.count) + "\n"
        for (name, cells) in roundings.rows { text += row([markdownEscaped(name)] + cells) }
        return text + "\n\(RoundingTable.note)\n"
    }

    /// The most sensitive parts, a column per format.
    private func section(of sensitivity: Sensitivity) -> String {
        var text = "\n<details>\n<summary>Most sensitive when quantized alone, KLD in nats"
        text += "</summary>\n\n"
        for format in sensitivity.formats.prefix(Sensitivity.mostFormats) {
            let cells = sensitivity.mostSensitive(format: format, count: 5).map {
                "\(markdownEscaped($0.name)) \(NumberText($0.divergence).text)"
            }
            text += "- \(markdownEscaped(format)): \(cells.joined(separator: ", "))\n"
        }
        return text + "\n</details>\n"
    }

    private func table(_ columns: [ReportColumn], hasBase: Bool = true) -> String {
        func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        var text = row(["Level"] + columns.map { markdownEscaped($0.heading) })
        text += "| :-- |" + String(repeating: " --: |", count: columns.count) + "\n"
        if hasBase {
            text += row(
                ["base \(markdownCode(base.fileName, inTable: true))"] + columns.map(\.base))
        }
        for level in sortedLevels {
            text += row(
                [markdownEscaped(displayName(of: level))]
                    + columns.map { $0.cell(level).number.text })
        }
        return text
    }
}
