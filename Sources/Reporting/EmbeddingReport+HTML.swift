extension EmbeddingReport {
    /// The report as one page: no network, no script, no other file.
    ///
    /// Everything that comes from outside is escaped.
    public func htmlPage() -> String {
        let caveats = warnings.map { "<li>\(prose($0))</li>\n" }.joined()
        let provenance = provenanceRows.map { row in
            let value = markupEscaped(row.value)
            return "<dt>\(markupEscaped(row.name))</dt>"
                + "<dd>\(row.isCode ? "<code>\(value)</code>" : value)</dd>\n"
        }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
            style-src 'unsafe-inline'"/>
            <title>Embedding quality of \(markupEscaped(title))</title>
            <style>
            \(HTMLPage.style)</style>
            </head>
            <body>
            <main>
            <header>
            <p class="kicker">Embedding quality</p>
            <h1>\(markupEscaped(title))</h1>
            <p class="lede">\(prose(summary))</p>
            </header>

            \(section("Levels", table))\
            \(caveats.isEmpty ? "" : section("To keep in mind", "<ul class=\"caveats\">\n\(caveats)</ul>\n"))\
            \(section("How it was measured", "<dl class=\"provenance\">\n\(provenance)</dl>\n"))\
            \(section("Words", "<p>\(prose(EmbeddingReport.words))</p>\n"))\
            </main>
            </body>
            </html>

            """
    }

    private var table: String {
        let name = "Size and distance from the base"
        let heads = EmbeddingReport.headings.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let lines = rows.map { cells in
            let missing = max(0, EmbeddingReport.headings.count - cells.count)
            return "<tr><th scope=\"row\">\(prose(cells[0]))</th>"
                + (cells.dropFirst() + [String](repeating: "", count: missing))
                .map { "<td>\(prose($0))</td>" }.joined() + "</tr>\n"
        }
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="\(name)">
            <table>
            <caption>\(name)</caption>
            <thead>
            <tr>\(heads)</tr>
            </thead>
            <tbody>
            \(lines.joined())</tbody>
            </table>
            </div>

            """
    }

    private func section(_ title: String, _ content: String) -> String {
        "<section>\n<h2>\(title)</h2>\n\(content)</section>\n\n"
    }

    /// Running text: a number keeps its error and its unit beside it.
    private func prose(_ text: String) -> String {
        markupEscaped(text).replacing(" ± ", with: "\u{A0}±\u{A0}").replacing(" %", with: "\u{A0}%")
    }
}
