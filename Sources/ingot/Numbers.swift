import Foundation

/// Numbers as people read them.
enum Numbers {
    /// A number with a fixed count of decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", value)
        // A small negative number is rounded to zero, which has no sign.
        let isZero = text.allSatisfy { $0 == "-" || $0 == "0" || $0 == "." }
        return isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
    }

    /// A count of things: `1 window`, `2 windows`.
    static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    /// Bytes in decimal units: `384.2 MB`.
    static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = Double(count)
        var unit = 0
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(fixed(value, 1)) \(units[unit])"
    }

    /// Reads a number of bytes, with K, M or G for powers of 1024: `512M`.
    static func parseBytes(_ text: String) -> Int? {
        parseBytes(text, ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]).flatMap { $0 > 0 ? $0 : nil }
    }

    /// Reads a number of bytes, with K, M or G for powers of 1000, as splits are measured.
    static func parseDecimalBytes(_ text: String) -> Int? {
        parseBytes(text, ["K": 1000, "M": 1_000_000, "G": 1_000_000_000])
    }

    private static func parseBytes(_ text: String, _ units: [Character: Int]) -> Int? {
        let unit = text.uppercased().last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? text[...] : text.dropLast()), number >= 0 else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? nil : product
    }

    /// A count with a unit of magnitude: `134.5 M`.
    static func count(_ count: Int) -> String {
        let units = ["", " k", " M", " G", " T"]
        var value = Double(count)
        var unit = 0
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count)" : "\(fixed(value, 1))\(units[unit])"
    }
}

/// Columns of text: the first aligned left, the others as told.
struct Columns {
    private let rightAligned: [Bool]
    private var rows: [[String]] = []

    /// A table whose columns are aligned as given (`true` for right).
    init(rightAligned: [Bool]) { self.rightAligned = rightAligned }

    mutating func add(_ cells: String...) { rows.append(cells) }
    mutating func add(row cells: [String]) { rows.append(cells) }

    /// The lines, each indented by two spaces.
    var lines: [String] {
        let widths = rightAligned.indices.map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return rightAligned[column] ? space + row[column] : row[column] + space
            }
            var line = "  " + cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
