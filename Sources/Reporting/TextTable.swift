/// A table of plain text: columns aligned with spaces, fitted to a width.
package struct TextTable {
    /// Which side of its column a text keeps to.
    package enum Alignment { case left, right }

    /// A column's heading and how it behaves.
    package struct Column {
        var heading = ""
        /// What stands below the heading; nothing when the column has no unit.
        var unit = ""
        var alignment: Alignment = .right
        /// When it goes from a table that does not fit: the highest first, 0 never.
        var expendability = 0

        /// A column.
        package init(
            heading: String = "", unit: String = "", alignment: Alignment = .right,
            expendability: Int = 0
        ) {
            self.heading = heading
            self.unit = unit
            self.alignment = alignment
            self.expendability = expendability
        }
    }

    /// The columns; the first is the one that is shortened when need be.
    let columns: [Column]
    /// The cells, row by row; those that are missing at a row's end are empty.
    private(set) var rows: [[String]]

    private static let gap = "  "

    package init(columns: [Column], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// A table without headings whose columns are aligned as given (`true` for right).
    package init(rightAligned: [Bool]) {
        self.init(
            columns: rightAligned.map { Column(alignment: $0 ? .right : .left) }, rows: [])
    }

    /// Adds a row.
    package mutating func add(_ cells: String...) { rows.append(cells) }
    /// Adds a row.
    package mutating func add(row cells: [String]) { rows.append(cells) }

    /// The lines at their full width, each indented by two spaces.
    package var lines: [String] {
        lines(width: .max).map { $0.isEmpty ? "" : "  " + $0 }
    }

    /// The first column is not shortened below this before other columns go.
    private static let leastFirst = 12

    /// The lines, none wider than `width` columns as long as the columns that must stay allow it.
    ///
    /// First the first column is shortened, then expendable columns go, the most expendable first.
    package func lines(width: Int) -> [String] {
        var kept = Array(columns.indices)
        var widths = kept.map { index in
            rows.reduce(max(columnCount(columns[index].heading), columnCount(columns[index].unit)))
            {
                index < $1.count ? max($0, columnCount($1[index])) : $0
            }
        }
        func total() -> Int {
            kept.reduce(0) { $0 + widths[$1] } + TextTable.gap.count * max(0, kept.count - 1)
        }
        func expendability(_ index: Int) -> Int { columns[index].expendability }
        func shortenFirst(to least: Int) {
            guard let first = kept.first, total() > width else { return }
            widths[first] = min(widths[first], max(least, widths[first] - (total() - width)))
        }
        shortenFirst(to: TextTable.leastFirst)
        while total() > width,
            let next = kept.indices.max(by: { expendability(kept[$0]) < expendability(kept[$1]) }),
            expendability(kept[next]) > 0
        {
            kept.remove(at: next)
        }
        shortenFirst(to: 4)

        func line(_ cells: [String]) -> String {
            let parts = kept.map { index in
                let text = shortened(index < cells.count ? cells[index] : "", to: widths[index])
                let space = String(repeating: " ", count: max(0, widths[index] - columnCount(text)))
                return columns[index].alignment == .left ? text + space : space + text
            }
            let joined = parts.joined(separator: TextTable.gap)
            return String(joined.reversed().drop { $0 == " " }.reversed())
        }
        let rule = kept.map { String(repeating: "─", count: widths[$0]) }
            .joined(separator: TextTable.gap)
        let (headings, units) = (columns.map(\.heading), columns.map(\.unit))
        guard !headings.allSatisfy(\.isEmpty) else { return rows.map(line) }
        let head = [line(headings)] + (units.allSatisfy(\.isEmpty) ? [] : [line(units)])
        return head + [rule] + rows.map(line)
    }
}

extension QualityReport {
    /// The overview for a terminal: plain text of at most `width` columns, a line feed at the end.
    ///
    /// Columns that do not fit are left out; every figure is in the files.
    public func terminalTable(width: Int = 100) -> String {
        let columns = overviewColumns
        let headings =
            [TextTable.Column(heading: "Level", alignment: .left)]
            + columns.map {
                .init(
                    heading: $0.shortTitle ?? $0.title, unit: $0.unit ?? "",
                    expendability: $0.expendability)
            }
        let baseRow = ["base"] + columns.map(\.base)
        let rows = sortedLevels.map { level in
            [visible(displayName(of: level))] + columns.map { $0.cell(level).number.text }
        }
        let table = TextTable(columns: headings, rows: [baseRow] + rows)
        return table.lines(width: width).map { $0 + "\n" }.joined()
    }
}
