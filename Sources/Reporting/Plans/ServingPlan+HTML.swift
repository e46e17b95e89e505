package import Planning

extension ServingPlan {
    /// The plan as one page: no network, no script, no other file.
    ///
    /// Everything that comes from outside is escaped.
    package func htmlPage() -> String {
        let tables = [memoryTable, deviceTable, loadTable, typeTable].compactMap { $0 }
        let plot = MemoryPlot(plan: self)
        let plots = PlotLayout.allCases.compactMap(plot.svg).joined()
        let engineItems =
            engines.choices.map { "\($0.engine): \($0.reason)" }
            + engines.obstacles.map { "not \($0.engine): \($0.reason)" }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
            style-src 'unsafe-inline'"/>
            <title>Serving \(markupEscaped(visible(model)))</title>
            <style>
            \(HTMLPage.style)</style>
            </head>
            <body>
            <main>
            <header>
            <p class="kicker">Plan of serving</p>
            <h1>\(markupEscaped(visible(model)))</h1>
            <p class="lede">\(markupEscaped(visible("\(headline). \(layers).")))</p>
            </header>

            \(list("It fits nowhere as asked. What works", remedies))\
            \(list("To keep in mind", notices))\
            \(tables.map(section).joined())\
            <p>\(markupEscaped(workingPoint))</p>
            \(plots.isEmpty ? "" : "<section>\n<h2>Memory against context</h2>\n<figure>\n\(plots)</figure>\n</section>\n\n")\
            \(list("What the types say", typeLines))\
            \(list("Engine, for \(adviceFor)", engineItems))\
            \(section(ruleTable))\
            </main>
            </body>
            </html>

            """
    }

    private func list(_ title: String, _ items: [String]) -> String {
        guard !items.isEmpty else { return "" }
        let lines = items.map { "<li>\(markupEscaped(visible($0)))</li>\n" }.joined()
        return "<section>\n<h2>\(markupEscaped(visible(title)))</h2>\n"
            + "<ul class=\"caveats\">\n\(lines)</ul>\n</section>\n\n"
    }

    private func section(_ table: PlanTable) -> String {
        let title = markupEscaped(visible(table.title))
        let heads = table.headings.map {
            "<th scope=\"col\">\(markupEscaped(visible($0)))</th>"
        }.joined()
        let rows = table.rows.map { cells in
            "<tr><th scope=\"row\">\(markupEscaped(visible(cells[0])))</th>"
                + cells.dropFirst().map { "<td>\(markupEscaped(visible($0)))</td>" }.joined()
                + "</tr>\n"
        }.joined()
        return """
            <section>
            <h2>\(title)</h2>
            <div class="scroll" role="region" tabindex="0" aria-label="\(title)">
            <table>
            <thead>
            <tr>\(heads)</tr>
            </thead>
            <tbody>
            \(rows)</tbody>
            </table>
            </div>
            </section>

            """
    }
}
