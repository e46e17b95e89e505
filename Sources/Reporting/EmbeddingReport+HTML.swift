extension EmbeddingReport {
    /// The report as one page: no network, no script, no other file.
    ///
    /// Everything that comes from outside is escaped.
    public func htmlPage() -> String {
        let provenance = provenanceRows.map { row in
            let value = markupEscaped(row.value)
            return "<dt>\(markupEscaped(row.name))</dt>"
                + "<dd>\(row.isCode ? "<code>\(value)</code>" : value)</dd>\n"
        }.joined()
        var page = PlainPage(kicker: "Embedding quality", heading: title, lede: summary)
        page.add(
            "Levels",
            PlainPage.table(
                "Size and distance from the base", headings: EmbeddingReport.headings, rows: rows))
        page.add("To keep in mind", PlainPage.list(warnings))
        page.add("How it was measured", "<dl class=\"provenance\">\n\(provenance)</dl>\n")
        page.add("Words", "<p>\(PlainPage.prose(EmbeddingReport.words))</p>\n")
        return page.text
    }
}
