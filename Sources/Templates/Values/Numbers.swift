#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Numbers as Python writes and reads them.
enum Numbers {
    /// `repr` of a float: the fewest digits that read back the same.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let (digits, exponent) = shortest(value.magnitude)
        let sign = value.sign == .minus ? "-" : ""
        if exponent < -4 || exponent >= 16 {
            return sign + scientific(digits, exponent)
        }
        return sign + positional(digits, exponent)
    }

    /// The shortest digits and the power of ten of the first.
    private static func shortest(_ value: Double) -> (digits: String, exponent: Int) {
        guard value != 0 else { return ("0", 0) }
        let parts = value.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
        var exponent = mantissa[0].count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        return (digits, exponent)
    }

    private static func scientific(_ digits: String, _ exponent: Int) -> String {
        let size = String(exponent.magnitude)
        return digits.prefix(1) + (digits.count > 1 ? "." + digits.dropFirst() : "") + "e"
            + (exponent < 0 ? "-" : "+") + (size.count < 2 ? "0" : "") + size
    }

    private static func positional(_ digits: String, _ exponent: Int) -> String {
        if exponent < 0 {
            return "0." + String(repeating: "0", count: -exponent - 1) + digits
        }
        if digits.count <= exponent + 1 {
            return digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
        }
        return digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
    }

    /// C's `printf` of one number: `%.3f`.
    static func printed(_ value: Double, precision: Int, conversion: Character) -> String {
        let format = "%.\(precision)\(conversion)"
        return unsafe withVaList([value]) { list in
            // The largest double has 309 digits before the point.
            var buffer = [CChar](repeating: 0, count: 400 + precision)
            let count = unsafe vsnprintf(&buffer, buffer.count, format, list)
            return String(
                decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) },
                as: UTF8.self)
        }
    }

    /// `round(value, precision)` of a float.
    static func rounded(_ value: Double, precision: Int) -> Double {
        guard value.isFinite else { return value }
        if precision > 300 { return value }
        if precision >= 0 {
            return Double(printed(value, precision: precision, conversion: "f")) ?? value
        }
        if precision < -308 { return 0 * value }
        let scale = pow(10, Double(-precision))
        let scaled = (value / scale).rounded(.toNearestOrEven) * scale
        return scaled
    }

    /// `int(text, base)`; `nil` where Python raises `ValueError`.
    static func integer(_ text: Text, base: Int = 10) -> Int? {
        var digits = text.stripped(nil).scalars[...]
        var isNegative = false
        if let first = digits.first, first == 45 || first == 43 {
            isNegative = first == 45
            digits = digits.dropFirst()
        }
        var radix = base
        var mayUnderscore = false
        if digits.count > 1, digits.first == 48 {
            let letter = Character(Text.scalar(digits[digits.startIndex + 1])).lowercased()
            if let named = ["x": 16, "o": 8, "b": 2][letter], base == named || base == 0 {
                radix = named
                digits = digits.dropFirst(2)
                mayUnderscore = true
            } else if base == 0, digits.contains(where: { $0 != 48 && $0 != 95 }) {
                return nil
            }
        }
        if radix == 0 { radix = 10 }
        guard !digits.isEmpty, (2...36).contains(radix) else { return nil }
        var value = 0
        for scalar in digits {
            if scalar == 95 {
                guard mayUnderscore else { return nil }
                mayUnderscore = false
                continue
            }
            var digit = Characters.digit(scalar)
            if digit == nil, scalar < 128,
                let letter = Text.scalar(scalar).properties
                    .lowercaseMapping.unicodeScalars.first?.value, (97...122).contains(letter)
            {
                digit = Int(letter) - 87
            }
            guard let digit, digit < radix, let next = step(value, radix, digit, isNegative) else {
                return nil
            }
            value = next
            mayUnderscore = true
        }
        return mayUnderscore ? value : nil
    }

    private static func step(_ value: Int, _ radix: Int, _ digit: Int, _ negative: Bool) -> Int? {
        let (product, first) = value.multipliedReportingOverflow(by: radix)
        let (sum, second) =
            negative
            ? product.subtractingReportingOverflow(digit)
            : product.addingReportingOverflow(digit)
        return first || second ? nil : sum
    }

    /// `float(text)`; `nil` where Python raises `ValueError`.
    static func float(_ text: Text) -> Double? {
        var scalars = text.stripped(nil).scalars
        for index in scalars.indices {
            if let digit = Characters.digit(scalars[index]) { scalars[index] = UInt32(48 + digit) }
        }
        let word = Text(units: scalars).string
        let bare = word.lowercased().drop { $0 == "+" || $0 == "-" }
        if ["inf", "infinity", "nan"].contains(String(bare)), word.count - bare.count <= 1 {
            let value = bare == "nan" ? Double.nan : .infinity
            return word.hasPrefix("-") ? -value : value
        }
        // Underscores stand between digits only.
        var plain = ""
        var before: Character = " "
        let characters = Array(word)
        for (index, character) in characters.enumerated() {
            if character == "_" {
                guard before.isNumber, index + 1 < characters.count, characters[index + 1].isNumber
                else { return nil }
            } else {
                guard character.isASCII, "0123456789.eE+-".contains(character) else { return nil }
                plain.append(character)
            }
            before = character
        }
        if plain.hasSuffix(".") { plain += "0" }
        plain = plain.replacing(".e", with: ".0e").replacing(".E", with: ".0E")
        if let point = plain.firstIndex(of: "."),
            point == plain.startIndex
                || !plain[plain.index(before: point)].isNumber
        {
            // ".5" is a number for Python, "." is none.
            plain.insert("0", at: point)
            guard word.contains(where: \.isNumber) else { return nil }
        }
        return Double(plain)
    }

    /// `int(value)` of a float; `nil` where it is none or does not fit.
    static func truncated(_ value: Double) -> Int? {
        Int(exactly: value.rounded(.towardZero))
    }
}
