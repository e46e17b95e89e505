import Evaluation

extension QualityReport {
    /// The report as one page: no network, no other file, well-formed as XML too.
    ///
    /// Everything that comes from outside is escaped; the page's security policy forbids every
    /// script but its own and every connection.
    public func htmlPage() -> String {
        HTMLPage(report: self).text
    }
}

/// The page, section by section.
struct HTMLPage {
    let report: QualityReport

    var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
        style-src 'unsafe-inline'; script-src '\(HTMLPage.scriptDigest)'"/>
        <title>Quality of \(markupEscaped(report.title))</title>
        <style>
        \(HTMLPage.style)</style>
        </head>
        <body>
        <main>
        \(header)\(overview)\(roundings)\(warnings)\(changes)\(divergence)\(perplexity)\(probability)\
        \(sensitivity)\(details)\(provenance)\(words)\
        </main>
        <script>\(HTMLPage.script)</script>
        </body>
        </html>

        """
    }

    private var header: String {
        """
        <header>
        <p class="kicker">Quantization quality</p>
        <h1>\(markupEscaped(report.title))</h1>
        <p class="lede">\(prose(report.summary))</p>
        </header>

        """
    }

    private var overview: String {
        section("Levels", table(report.overviewColumns, name: "Size and distance from the base"))
    }

    private var roundings: String {
        guard let table = RoundingTable(report) else { return "" }
        func line(_ cells: [String]) -> String {
            cells.map { "<td>\(prose($0))</td>" }.joined() + "</tr>\n"
        }
        let head = table.headings.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let rows = table.rows.map { name, cells in
            "<tr><th scope=\"row\">\(markupEscaped(shortened(visible(name), to: 40)))</th>"
                + line(cells)
        }
        return section(
            RoundingTable.title,
            """
            <div class="scroll" role="region" tabindex="0" aria-label="\(RoundingTable.title)">
            <table>
            <caption>\(RoundingTable.note)</caption>
            <thead>
            <tr><th scope="col">Type</th>\(head)</tr>
            </thead>
            <tbody>
            \(rows.joined())</tbody>
            </table>
            </div>

            """)
    }

    private var warnings: String {
        guard !report.allWarnings.isEmpty else { return "" }
        let items = report.allWarnings.map { "<li>\(prose($0))</li>\n" }.joined()
        return section("To keep in mind", "<ul class=\"caveats\">\n\(items)</ul>\n")
    }

    private var divergence: String {
        let plot = DivergencePlot(report)
        var caption = """
            How far a level's predictions are from the base's. The lines join the levels that no \
            other beats in both size and mean (or 99.9 %) divergence; hollow marks are beaten. Bars \
            span two standard errors each way and are often smaller than the disc.
            """
        if !plot.omitted.isEmpty {
            caption +=
                " Not drawn, for want of a positive finite divergence: "
                + plot.omitted.joined(separator: ", ") + "."
        }
        return figure("Divergence against size", plot.svg, caption)
    }

    private var perplexity: String {
        let plot = PerplexityPlot(report)
        var caption = "Bars span two standard errors each way, paired token by token."
        if !plot.isLinear {
            caption += " The axis is linear within ±1 % and logarithmic beyond."
        }
        return figure("Perplexity", plot.svg, caption)
    }

    private var probability: String {
        let plot = ProbabilityPlot(report)
        guard plot.omitted.count < report.levels.count else { return "" }
        var caption = """
            How the probability of the text's own next token changes, in percentage points: the bars \
            hold 80, 90 and 98 % of the tokens, the line 99.8 %. A faithful level is narrow and even \
            on both sides. The axis is linear within ±1 and logarithmic beyond.
            """
        if !plot.omitted.isEmpty {
            caption += " Not drawn, for want of quantiles: "
            caption += plot.omitted.joined(separator: ", ") + "."
        }
        return figure("Distribution of Δp", plot.svg, caption)
    }

    private var sensitivity: String {
        guard let sensitivity = report.sensitivity, let plot = SensitivityPlot(sensitivity) else {
            return ""
        }
        var caption = """
            Each field is the mean KL divergence from the model as it is when this tensor alone is \
            quantized: a row is a kind of tensor, a column a layer; a bar over the whole width lies \
            outside the layers. Strong fields deserve more bits. The scale of colour is logarithmic.
            """
        if sensitivity.isCutShort {
            caption += " There are more kinds, layers or formats than are drawn."
        }
        let worst = sensitivity.formats.prefix(Sensitivity.mostFormats).compactMap {
            format -> String? in
            let cells = sensitivity.mostSensitive(format: format, count: 3)
            guard !cells.isEmpty else { return nil }
            return "Most sensitive to \(format): "
                + cells.map { "\($0.name), \(NumberText($0.divergence).text)" }
                .joined(separator: "; ")
        }
        return figure("Sensitivity of the layers", plot.svg, caption, points: worst)
    }

    private var changes: String {
        guard let baseline = report.baseline else { return "" }
        let sentence = "<p class=\"note\">\(markupEscaped(baseline.sentence))</p>\n"
        return section(
            "Since the baseline",
            sentence
                + table(
                    report.changeColumns, name: "Differences are new less earlier", hasBase: false))
    }

    private var details: String {
        section(
            "Distribution and probabilities",
            table(report.detailColumns, name: "Quantiles of the KL divergence are in nats"))
    }

    private var provenance: String {
        let rows = report.provenanceRows.map { row in
            let value = markupEscaped(row.value)
            return
                "<dt>\(markupEscaped(row.name))</dt><dd>\(row.isCode ? "<code>\(value)</code>" : value)</dd>\n"
        }
        return section(
            "How it was measured", "<dl class=\"provenance\">\n\(rows.joined())</dl>\n")
    }

    private var words: String {
        let words = [
            (
                "KLD",
                "The Kullback-Leibler divergence of a level's next-token predictions from the "
                    + "base's, per token, in nats. Zero means the same predictions."
            ),
            (
                "99.9 % KLD",
                "One token in a thousand diverges by more: how bad the bad moments are."
            ),
            (
                "Same top",
                "The share of tokens at which level and base hold the same next token for the "
                    + "likeliest."
            ),
            ("PPL ratio", "The level's perplexity divided by the base's, on the same tokens."),
            ("Δp", "The change of the probability of the text's own next token."),
            ("±", "One standard error; those of ratios are paired, token by token."),
        ]
        let rows = words.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>\n" }.joined()
        return section("Words", "<dl class=\"words\">\n\(rows)</dl>\n")
    }

    /// Running text: a number keeps its error and its unit beside it.
    private func prose(_ text: String) -> String {
        markupEscaped(text).replacing(" ± ", with: "\u{A0}±\u{A0}").replacing(" %", with: "\u{A0}%")
    }

    private func section(_ title: String, _ content: String) -> String {
        "<section>\n<h2>\(title)</h2>\n\(content)</section>\n\n"
    }

    private func figure(
        _ title: String, _ svg: (PlotLayout) -> String?, _ caption: String,
        points: [String] = []
    ) -> String {
        let plots = PlotLayout.allCases.compactMap(svg).joined()
        let items = points.map { "<li>\(prose($0))</li>\n" }.joined()
        let list = items.isEmpty ? "" : "\n<ul>\n\(items)</ul>"
        let caption = "<figcaption>\(prose(caption))\(list)</figcaption>\n"
        let content = plots.isEmpty ? "<p>No level can be drawn.</p>\n" : plots
        return section(title, "<figure>\n\(content)\(caption)</figure>\n")
    }

    // MARK: Tables

    private func table(
        _ columns: [ReportColumn], name: String, hasBase: Bool = true
    ) -> String {
        var text = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"\(name)\">\n"
        text += "<table class=\"sortable\">\n<caption>\(name)</caption>\n<thead>\n<tr>"
        text += "<th scope=\"col\">Level</th>"
        for column in columns {
            let unit = column.unit.map { " <span class=\"unit\">\($0)</span>" } ?? ""
            text += "<th scope=\"col\">\(column.title)\(unit)</th>"
        }
        text += "</tr>\n</thead>\n"
        if hasBase {
            text += "<tbody class=\"base\">\n<tr>"
            text += rowHeader("base", file: report.base.fileName, order: nil)
            text += columns.map { "<td>\(markupEscaped($0.base))</td>" }.joined()
            text += "</tr>\n</tbody>\n"
        }
        text += "<tbody>\n"
        for (index, level) in report.sortedLevels.enumerated() {
            text += "<tr>" + rowHeader(level.name, file: level.fileName, order: index)
            text += columns.map { cell($0.cell(level)) }.joined() + "</tr>\n"
        }
        return text + "</tbody>\n</table>\n</div>\n"
    }

    private func rowHeader(_ name: String, file: String, order: Int?) -> String {
        let order = order.map { " data-order=\"\($0)\"" } ?? ""
        let short = shortened(visible(file), to: 34)
        let label = shortened(visible(name), to: 40)
        return "<th scope=\"row\"\(order) title=\"\(markupEscaped(name))\">\(markupEscaped(label))"
            + "<span class=\"file\" title=\"\(markupEscaped(file))\">\(markupEscaped(short))</span>"
            + "</th>"
    }

    private func cell(_ cell: ReportColumn.Cell) -> String {
        let order = cell.order.isNaN ? "" : " data-order=\"\(cell.order)\""
        let number = cell.number
        guard let error = number.error, number.power.isEmpty else {
            return "<td\(order)>\(markupEscaped(number.text))</td>"
        }
        return "<td\(order)>\(markupEscaped(number.value))"
            + "<span class=\"error\"> ± \(markupEscaped(error))</span></td>"
    }
}
