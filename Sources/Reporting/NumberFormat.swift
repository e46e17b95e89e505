package import Evaluation
import Foundation

/// Plain numbers as the commands print them, in characters that any terminal and any script knows;
/// see `NumberText` for the numbers of a report.
package enum NumberFormat {
    /// A number with a fixed count of decimals.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", value)
        // A small negative number is rounded to zero, which has no sign.
        let isZero = text.allSatisfy { $0 == "-" || $0 == "0" || $0 == "." }
        return isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
    }

    /// A value and its error, where it is known: `6.1234 ± 0.0321`.
    package static func fixed(
        _ estimate: Estimate, _ decimals: Int, scale: Double = 1
    ) -> String {
        let value = fixed(estimate.value * scale, decimals)
        guard let error = estimate.standardError else { return value }
        return "\(value) ± \(fixed(error * scale, decimals))"
    }

    /// A count of things: `1 window`, `2 windows`.
    package static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    /// Bytes in decimal units: `384.2 MB`.
    package static func bytes(_ count: Int) -> String {
        inThousands(count, units: [" B", " kB", " MB", " GB", " TB"])
    }

    /// A count with a unit of magnitude: `134.5 M`.
    package static func count(_ count: Int) -> String {
        inThousands(count, units: ["", " k", " M", " G", " T"])
    }

    /// A duration: `4.5 s`, `45 s`, `3 min 20 s`.
    package static func duration(_ seconds: Double) -> String {
        if seconds < 10 { return fixed(seconds, 1) + " s" }
        // What was measured elsewhere may be anything.
        guard seconds < 1e15 else { return "\(seconds) s" }
        let whole = Int(seconds.rounded())
        if seconds < 60 { return "\(whole) s" }
        return whole < 3600
            ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// A number in the first unit of which there are not a thousand, each a thousand of the one
    /// before; with one decimal unless it is the first.
    private static func inThousands(_ count: Int, units: [String]) -> String {
        var value = Double(count)
        var unit = 0
        // One decimal would round up to 1000.0 from here.
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return (unit == 0 ? "\(count)" : fixed(value, 1)) + units[unit]
    }
}
