extension HTMLPage {
    /// The page's style sheet.
    static let style = """
        \(colours)
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--page); color: var(--ink);
          font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
        }
        main { max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
        h1, h2, p, dl, dd, ul, figure { margin: 0; }
        h1 {
          font-size: clamp(1.6rem, 1.2rem + 2vw, 2.2rem); line-height: 1.15; font-weight: 650;
          letter-spacing: -0.015em; overflow-wrap: anywhere;
        }
        h2 { font-size: 1.05rem; font-weight: 650; margin: 0 0 0.75rem; }
        section { margin-top: 2.75rem; }
        code { font-family: var(--mono); font-size: 0.875em; overflow-wrap: anywhere; }
        .kicker { color: var(--quiet); font-size: 0.875rem; margin-bottom: 0.35rem; }
        .lede {
          font-size: 1.2rem; line-height: 1.5; max-width: 44rem; margin-top: 1rem;
          overflow-wrap: anywhere;
        }

        /* A shade at the right edge while there is more to scroll to. */
        .scroll {
          overflow-x: auto;
          background:
            linear-gradient(to left, var(--page) 40%, transparent) right / 2.5rem 100% no-repeat local,
            linear-gradient(to left, var(--rule), transparent) right / 0.8rem 100% no-repeat scroll;
        }
        .scroll:focus-visible { outline: 2px solid var(--mean); outline-offset: 2px; }
        table {
          border-collapse: separate; border-spacing: 0; width: 100%; font-size: 0.875rem; line-height: 1.35;
          font-variant-numeric: tabular-nums lining-nums;
        }
        caption {
          text-align: left; color: var(--quiet); font-size: 0.875rem; padding-bottom: 0.4rem;
        }
        th, td {
          padding: 0.45rem 0 0.45rem 1rem; text-align: right; vertical-align: baseline;
          white-space: nowrap; border-bottom: 1px solid var(--faint);
        }
        th:first-child {
          padding-left: 0; text-align: left; position: sticky; left: 0;
          background: var(--page);
        }
        thead th {
          font-weight: 600; border-bottom: 1px solid var(--rule); vertical-align: bottom;
        }
        tbody th { font-family: var(--mono); font-weight: 600; font-size: 0.97em; }
        .unit { display: block; color: var(--quiet); font-weight: 400; font-size: 0.92em; }
        .file {
          display: block; font-weight: 400; font-size: 0.72rem; color: var(--quiet);
        }
        .error { color: var(--quiet); }
        tbody.base th, tbody.base td { color: var(--quiet); border-bottom-color: var(--rule); }
        thead button {
          all: unset; cursor: pointer; box-sizing: border-box; text-align: inherit;
        }
        thead button:hover { text-decoration: underline; text-underline-offset: 0.2em; }
        thead button:focus-visible { outline: 2px solid var(--mean); outline-offset: 2px; }
        th[aria-sort="ascending"] button::before { content: "\\2191\\a0"; color: var(--mean); }
        th[aria-sort="descending"] button::before { content: "\\2193\\a0"; color: var(--mean); }

        .note { color: var(--quiet); max-width: 44rem; margin-bottom: 0.75rem; }
        .caveats { padding-left: 1.1rem; max-width: 44rem; }
        .caveats li { margin-bottom: 0.4rem; overflow-wrap: anywhere; }
        .caveats li::marker { color: var(--tail); }

        .plot { display: block; width: 100%; height: auto; overflow: visible; }
        .plot.wide { max-width: 50rem; }
        .plot.narrow { display: none; }
        figure + figure { margin-top: 1.75rem; }
        figcaption { color: var(--quiet); font-size: 0.875rem; max-width: 44rem; margin-top: 0.9rem; }
        figcaption ul { padding-left: 1.1rem; margin-top: 0.4rem; }
        figcaption li { overflow-wrap: anywhere; }
        \(plotStyle)

        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.35rem 1.5rem; }
        dl { font-size: 0.9rem; }
        dt { color: var(--quiet); }
        dd { overflow-wrap: anywhere; max-width: 44rem; }

        @media (max-width: 40rem) {
          main { padding: 1.5rem 1rem 3rem; }
          section { margin-top: 2.25rem; }
          .lede { font-size: 1.08rem; }
          .file { display: none; }
          .plot.wide { display: none; }
          .plot.narrow { display: block; }
          .provenance { grid-template-columns: 1fr; gap: 0; }
          .provenance dd { margin-bottom: 0.6rem; }
          th, td { padding-left: 0.9rem; }
          tbody th { max-width: 9rem; overflow: hidden; text-overflow: ellipsis; }
        }
        @media print {
          :root {
            color-scheme: light;
            --page: #fff; --ink: #000; --quiet: #444; --rule: #bbb; --faint: #e3e3e3;
            --mean: #1f5fa8; --tail: #ad4f17;
          }
          main { max-width: none; padding: 0; }
          html { font-size: 9.5pt; }
          section { margin-top: 1.5rem; }
          table { font-size: 7.5pt; }
          th, td { padding-left: 0.5rem; }
          .scroll { overflow: visible; background: none; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          .file { display: none; }
          .plot.wide { display: block; max-width: 12.5cm; }
          .plot.narrow { display: none; }
          figure, tr, li, dt, dd, table { break-inside: avoid; }
          h2 { break-after: avoid; }
        }

        """

    /// Makes a heading of each table a button that sorts by its column; the base stays on top.
    ///
    /// It holds no `<` and no `&`, so that the page stays well-formed as XML. A change needs a new
    /// `scriptDigest` (a test says which).
    static let script = """

        "use strict";
        document.querySelectorAll("table.sortable").forEach((table) => {
          const heads = Array.from(table.tHead.rows[0].cells);
          const body = table.tBodies[table.tBodies.length - 1];
          const order = (row, column) => {
            const text = row.cells[column].dataset.order;
            return text === undefined ? NaN : Number(text.replace("inf", "Infinity"));
          };
          heads.forEach((head, column) => {
            const button = document.createElement("button");
            button.type = "button";
            button.append(...head.childNodes);
            head.append(button);
            button.addEventListener("click", () => {
              const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
              heads.forEach((other) => other.removeAttribute("aria-sort"));
              head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
              body.append(...Array.from(body.rows).sort((first, second) => {
                const a = order(first, column);
                const b = order(second, column);
                if (isNaN(a) || isNaN(b)) { return isNaN(a) - isNaN(b); }
                return a === b ? 0 : a > b ? sign : -sign;
              }));
            });
          });
        });

        """

    /// The digest by which the page's security policy knows `script`.
    static let scriptDigest = "sha256-5A03DzxBNcXjNI9PXWP/4G6QTGFUNRPUS0jz8wRoPbk="
}
