/// A page of sections without scripts: no network, no other file, well-formed as XML too.
package struct PlainPage {
    private let kicker: String
    private let heading: String
    private let lede: String
    private var sections = ""

    /// A page without sections; all of it is text, not markup.
    package init(kicker: String, heading: String, lede: String) {
        self.kicker = kicker
        self.heading = heading
        self.lede = lede
    }

    /// Adds a section of markup; nothing where there is none.
    package mutating func add(_ title: String, _ content: String) {
        guard !content.isEmpty else { return }
        sections += "<section>\n<h2>\(markupEscaped(title))</h2>\n\(content)</section>\n\n"
    }

    /// The page's text.
    package var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
        style-src 'unsafe-inline'"/>
        <title>\(markupEscaped(kicker)) of \(markupEscaped(heading))</title>
        <style>
        \(HTMLPage.style)</style>
        </head>
        <body>
        <main>
        <header>
        <p class="kicker">\(markupEscaped(kicker))</p>
        <h1>\(markupEscaped(heading))</h1>
        <p class="lede">\(PlainPage.prose(lede))</p>
        </header>

        \(sections)</main>
        </body>
        </html>

        """
    }

    /// Running text: a number keeps its error and its unit beside it.
    package static func prose(_ text: String) -> String {
        markupEscaped(text).replacing(" ± ", with: "\u{A0}±\u{A0}").replacing(" %", with: "\u{A0}%")
            .replacing(" ms", with: "\u{A0}ms")
    }

    /// A table whose first column names the rows; missing cells are empty.
    package static func table(_ caption: String, headings: [String], rows: [[String]]) -> String {
        guard !rows.isEmpty else { return "" }
        let heads = headings.map { "<th scope=\"col\">\(markupEscaped($0))</th>" }.joined()
        let lines = rows.map { cells in
            let missing = max(0, headings.count - cells.count)
            return "<tr><th scope=\"row\">\(prose(cells.first ?? ""))</th>"
                + (cells.dropFirst() + [String](repeating: "", count: missing))
                .map { "<td>\(prose($0))</td>" }.joined() + "</tr>\n"
        }
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="\(markupEscaped(caption))">
            <table>
            <caption>\(markupEscaped(caption))</caption>
            <thead>
            <tr>\(heads)</tr>
            </thead>
            <tbody>
            \(lines.joined())</tbody>
            </table>
            </div>

            """
    }

    /// Texts as a list; nothing where there are none.
    package static func list(_ texts: [String]) -> String {
        texts.isEmpty
            ? ""
            : "<ul class=\"caveats\">\n" + texts.map { "<li>\(prose($0))</li>\n" }.joined()
                + "</ul>\n"
    }

    /// Names and what they stand for.
    package static func definitions(
        _ rows: [(name: String, value: String)], class name: String = "words"
    ) -> String {
        "<dl class=\"\(name)\">\n"
            + rows.map {
                "<dt>\(markupEscaped($0.name))</dt><dd>\(prose($0.value))</dd>\n"
            }.joined() + "</dl>\n"
    }

    /// A plot in both of its layouts, and what it shows.
    package static func figure(_ svg: (PlotLayout) -> String?, _ caption: String) -> String {
        let plots = PlotLayout.allCases.compactMap(svg).joined()
        guard !plots.isEmpty else { return "" }
        return "<figure>\n\(plots)<figcaption>\(prose(caption))</figcaption>\n</figure>\n"
    }
}
