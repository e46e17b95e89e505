import Reporting

extension LoadReport {
    /// The report for a terminal, at most `width` columns wide as far as that goes.
    public func terminalLines(width: Int) -> [String] {
        func table(_ cells: Cells, leftColumns: Int = 1) -> [String] {
            guard !cells.rows.isEmpty else { return [] }
            // Those that the second table has too go first.
            let columns = cells.headings.enumerated().map { index, heading in
                TextTable.Column(
                    heading: heading, alignment: index < leftColumns ? .left : .right,
                    expendability: heading.contains(" P95") || heading == "s"
                        ? 2
                        : heading.contains(" P50") || heading.hasPrefix("input") ? 1 : 0)
            }
            return TextTable(columns: columns, rows: cells.rows).lines(width: width) + [""]
        }
        var lines = table(throughputCells) + table(timeCells, leftColumns: 2)
        lines += table(checkCells, leftColumns: 2)
        lines += notes
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    /// The report as GitHub-flavoured Markdown.
    public func markdown() -> String {
        func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        func table(_ cells: Cells) -> String {
            guard !cells.rows.isEmpty else { return "" }
            return "\n## \(cells.title)\n\n" + row(cells.headings.map(markdownEscaped))
                + "| :-- |" + String(repeating: " --: |", count: cells.headings.count - 1) + "\n"
                + cells.rows.map { row($0.map(markdownEscaped)) }.joined()
        }
        var text = "# Load test of \(markdownEscaped(setup.model))\n\n\(markdownEscaped(summary))\n"
        text += table(throughputCells) + table(timeCells) + table(checkCells)
        if !notes.isEmpty {
            text += "\n## To keep in mind\n\n"
            text += notes.map { "- \(markdownEscaped($0))\n" }.joined()
        }
        text += "\n## How it was measured\n\n"
        text += setupRows.map { "- \($0.name): \(markdownEscaped($0.value))\n" }.joined()
        text += "\n" + LoadReport.words.map { "- \($0.name): \($0.value)\n" }.joined()
        return text
    }

    /// The report as one page: no network, no script, no other file.
    public func htmlPage() -> String {
        func table(_ cells: Cells) -> String {
            PlainPage.table(cells.title, headings: cells.headings, rows: cells.rows)
        }
        var page = PlainPage(kicker: "Load test", heading: setup.model, lede: summary)
        page.add("Levels", table(throughputCells))
        page.add(
            "Throughput by level",
            PlainPage.figure(
                { ThroughputPlot(self).svg($0) },
                "Output tokens a second of requests that went well."))
        let plots = LoadReport.measures.map { name, summary in
            PlainPage.figure(
                { LatencyPlot(name, levels: levels, summary: summary).svg($0) },
                "\(name), from the median (disc) by 90 and 95 % (strokes) to 99 % (diamond).")
        }
        page.add("Times by level", plots.joined())
        page.add("Times", table(timeCells))
        page.add("Gates", table(checkCells))
        page.add("To keep in mind", PlainPage.list(notes))
        page.add("How it was measured", PlainPage.definitions(setupRows, class: "provenance"))
        page.add("Words", PlainPage.definitions(LoadReport.words))
        return page.text
    }
}
