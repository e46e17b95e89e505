package import Evaluation
import Foundation

/// A number for human eyes, with its error where it has one.
///
/// The error decides the digits: it is written with two, and the value stops where the error does
/// (`23.54 ± 0.13`). Numbers too small or too large for that share one power of ten.
package struct NumberText: Hashable {
    /// The value's digits.
    let value: String
    /// The error's digits.
    let error: String?
    /// A power of ten that applies to both, `×10⁻⁶`, or nothing.
    let power: String

    /// `23.54 ± 0.13`, `(1.20 ± 0.30)×10⁻⁶`, `0.1195`.
    package var text: String {
        guard let error else { return value + power }
        return power.isEmpty ? "\(value) ± \(error)" : "(\(value) ± \(error))\(power)"
    }

    /// The most decimals that a table has room for; beyond it, powers of ten.
    private static let mostDecimals = 6

    /// A value with the digits that its error allows; four significant digits without an error.
    package init(_ estimate: Estimate, scale: Double = 1, errorDigits: Int = 2) {
        let value = estimate.value * scale
        guard value.isFinite, let error = estimate.standardError.map({ abs($0 * scale) }),
            error.isFinite, error > 0
        else {
            self.init(value, digits: 4)
            return
        }
        let decimals = errorDigits - 1 - NumberText.exponent(error, digits: errorDigits)
        let greater = max(abs(value), error)
        let exponent = NumberText.exponent(greater, digits: 4)
        if decimals <= NumberText.mostDecimals, exponent < 7 {
            self.init(
                value: NumberText.fixed(value, max(0, decimals)),
                error: NumberText.fixed(error, max(0, decimals)), power: "")
            return
        }
        // Both are far from one: one power of ten for the two, when six decimals then do.
        let unit = pow(10, Double(exponent))
        let places = max(decimals + exponent, 0)
        if exponent < -2 || exponent >= 7, places <= NumberText.mostDecimals, unit > 0,
            unit.isFinite, (greater / unit).isFinite
        {
            self.init(
                value: NumberText.fixed(value / unit, places),
                error: NumberText.fixed(error / unit, places),
                power: NumberText.power(exponent))
            return
        }
        // The value is known far better than a table can say.
        self.init(
            value: NumberText(value, digits: 7).text, error: NumberText(error, digits: 2).text,
            power: "")
    }

    private init(value: String, error: String?, power: String) {
        self.value = value
        self.error = error
        self.power = power
    }

    /// With a plus sign before the value.
    var signed: NumberText { NumberText(value: "+\(value)", error: error, power: power) }

    /// Words in a number's place.
    init(words: String) {
        value = words
        error = nil
        power = ""
    }

    /// A value with a number of significant digits.
    package init(_ value: Double, digits: Int) {
        error = nil
        guard value.isFinite else {
            self.value = value.isNaN ? "NaN" : value < 0 ? "−∞" : "∞"
            power = ""
            return
        }
        let exponent = NumberText.exponent(value, digits: digits)
        let decimals = digits - 1 - exponent
        if value == 0 {
            self.value = "0"
            power = ""
        } else if (-5..<7).contains(exponent) {
            self.value = NumberText.fixed(value, max(0, decimals))
            power = ""
        } else {
            let written = String(format: "%.\(max(0, digits - 1))e", value)
            let mantissa = written.prefix { $0 != "e" }
            self.value = String(mantissa).replacing("-", with: "−")
            power = NumberText.power(exponent)
        }
    }

    /// A value with a number of decimals; a true minus sign, and no negative zero.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return NumberText(value, digits: 4).text }
        return NumberFormat.fixed(value, min(max(decimals, 0), 15)).replacing("-", with: "−")
    }

    /// Bytes in decimal units with one decimal: `98.6 MB`.
    package static func bytes(_ count: Int) -> String {
        let value = Double(count)
        // The limits are where one decimal would round up to 1000.0.
        if abs(value) < 999.95e3 { return fixed(value / 1e3, 1) + " kB" }
        if abs(value) < 999.95e6 { return fixed(value / 1e6, 1) + " MB" }
        return fixed(value / 1e9, 1) + " GB"
    }

    /// A count with its thousands apart: `40,880`.
    package static func count(_ number: Int) -> String {
        var text = ""
        let digits = Array(String(number.magnitude))
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return number < 0 ? "−\(text)" : text
    }

    /// The power of ten of `value` after rounding to `digits` significant digits; 0 for zero.
    static func exponent(_ value: Double, digits: Int) -> Int {
        guard value.isFinite, value != 0 else { return 0 }
        let written = String(format: "%.\(max(0, digits - 1))e", value)
        guard let mark = written.lastIndex(of: "e") else { return 0 }
        return Int(written[written.index(after: mark)...]) ?? 0
    }

    /// `×10⁻⁶`; nothing for the power zero.
    private static func power(_ exponent: Int) -> String {
        guard exponent != 0 else { return "" }
        let raised: [Character: Character] = [
            "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶",
            "7": "⁷", "8": "⁸", "9": "⁹",
        ]
        return "×10" + String(String(exponent).map { raised[$0] ?? $0 })
    }
}
