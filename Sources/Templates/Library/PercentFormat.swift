/// `format % values`, as C's `printf` and Python have it.
struct PercentFormat {
    private let format: Text
    private let interpreter: Interpreter
    private let values: [Value]
    private let dict: Dict?
    private var index = 0
    private var used = 0
    private var result: Text

    static func text(
        _ format: Text, _ value: Value, in interpreter: Interpreter
    ) throws -> Text {
        var formatter = PercentFormat(format, value, interpreter)
        return try formatter.run(value)
    }

    private init(_ format: Text, _ value: Value, _ interpreter: Interpreter) {
        self.format = format
        self.interpreter = interpreter
        result = Text(isMarkup: format.isMarkup)
        if case .tuple(let items) = value {
            (values, dict) = (items.values, nil)
        } else {
            values = [value]
            if case .dict(let dict) = value { self.dict = dict } else { dict = nil }
        }
    }

    private struct Specification {
        var leftAligns = false
        var alwaysSigns = false
        var spaces = false
        var zeroPads = false
        var alternate = false
        var width = 0
        var precision: Int?
    }

    private mutating func run(_ value: Value) throws -> Text {
        while index < format.count {
            guard format[index] == 37 else {
                result.units.append(format.units[index])
                index += 1
                continue
            }
            index += 1
            try conversion()
        }
        let takesAll: Bool
        switch value {
        case .tuple: takesAll = used == values.count
        case .dict, .list, .range, .undefined: takesAll = true
        default: takesAll = used == 1
        }
        guard takesAll else {
            throw TemplateError.type("not all arguments converted during string formatting")
        }
        return result
    }

    private func peek() throws -> UInt32 {
        guard index < format.count else { throw TemplateError.type("incomplete format") }
        return format[index]
    }

    private mutating func next() throws -> Value {
        guard used < values.count else {
            throw TemplateError.type("not enough arguments for format string")
        }
        used += 1
        return values[used - 1]
    }

    private mutating func number() throws -> Int? {
        if try peek() == 42 {
            index += 1
            guard let value = try next().integer else { throw TemplateError.type("* wants int") }
            return value
        }
        var value: Int?
        while let digit = Characters.digit(try peek()), try peek() < 128 {
            value = (value ?? 0) * 10 + digit
            guard value ?? 0 < 1 << 20 else { throw TemplateError.type("width too big") }
            index += 1
        }
        return value
    }

    private mutating func conversion() throws {
        var named: Value?
        if try peek() == 40 {
            guard let dict else { throw TemplateError.type("format requires a mapping") }
            let start = index + 1
            var depth = 1
            index += 1
            while depth > 0 {
                let scalar = try peek()
                depth += scalar == 40 ? 1 : scalar == 41 ? -1 : 0
                index += 1
            }
            let name = Text(units: format.units[start..<(index - 1)])
            guard let value = dict[.text(name)] else {
                throw TemplateError.type("KeyError: '\(name.string)'")
            }
            named = value
        }
        var specification = Specification()
        flags: while true {
            switch try peek() {
            case 45: specification.leftAligns = true
            case 43: specification.alwaysSigns = true
            case 32: specification.spaces = true
            case 48: specification.zeroPads = true
            case 35: specification.alternate = true
            default: break flags
            }
            index += 1
        }
        if let width = try number() {
            specification.width = Int(width.magnitude)
            if width < 0 { specification.leftAligns = true }
        }
        if try peek() == 46 {
            index += 1
            specification.precision = max(0, try number() ?? 0)
        }
        while [104, 108, 76].contains(try peek()) { index += 1 }
        let letter = try peek()
        index += 1
        if letter == 37 { return result += "%" }
        let value = try named ?? next()
        try interpreter.take(specification.width)
        try append(value, Text.scalar(letter), specification)
    }

    private mutating func append(
        _ value: Value, _ letter: Unicode.Scalar, _ specification: Specification
    ) throws {
        var sign = ""
        var body: Text
        var isNumber = true
        switch letter {
        case "s", "r", "a":
            isNumber = false
            body =
                letter == "s"
                ? try interpreter.text(value) : try interpreter.representation(value)
            if format.isMarkup { body = Markup.escaped(body) }
            if let precision = specification.precision {
                body.units = Array(body.units.prefix(precision))
            }
        case "c":
            isNumber = false
            if case .text(let text) = value, text.count == 1 {
                body = text
            } else if let number = value.integer, let scalar = UInt32(exactly: number),
                Unicode.Scalar(scalar) != nil
            {
                body = Text(units: [scalar])
            } else {
                throw TemplateError.type("%c requires int or char")
            }
        case "d", "i", "u", "x", "X", "o":
            let number = try integer(value, letter)
            if number < 0 { sign = "-" }
            let radix = letter == "o" ? 8 : letter == "x" || letter == "X" ? 16 : 10
            var digits = String(number.magnitude, radix: radix, uppercase: letter == "X")
            if let precision = specification.precision, digits.count < precision {
                try interpreter.take(precision)
                digits = String(repeating: "0", count: precision - digits.count) + digits
            }
            if specification.alternate, radix != 10 { sign += "0\(letter)" }
            body = Text(digits)
        case "e", "E", "f", "F", "g", "G":
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let number = value.number else {
                throw TemplateError.type("must be real number, not \(value.typeName)")
            }
            if number.sign == .minus, !number.isNaN { sign = "-" }
            let precision = specification.precision ?? 6
            try interpreter.take(precision)
            body = Text(
                NumberFormat.text(
                    number.magnitude, letter: letter, precision: precision,
                    alternate: specification.alternate))
        default:
            throw TemplateError.type("unsupported format character '\(letter)'")
        }
        if isNumber, !sign.hasPrefix("-") {
            sign = (specification.alwaysSigns ? "+" : specification.spaces ? " " : "") + sign
        }
        append(sign, body, isNumber: isNumber, specification)
    }

    /// Adds what was formatted, as wide as is asked for.
    private mutating func append(
        _ sign: String, _ body: Text, isNumber: Bool, _ specification: Specification
    ) {
        let padding = specification.width - body.count - sign.count
        let fill = Text(String(repeating: " ", count: max(0, padding)))
        if specification.leftAligns {
            result += sign
            result += body
            result += fill
        } else if specification.zeroPads, isNumber {
            result += sign
            result += String(repeating: "0", count: max(0, padding))
            result += body
        } else {
            result += fill
            result += sign
            result += body
        }
    }

    private func integer(_ value: Value, _ letter: Unicode.Scalar) throws -> Int {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let number = value.integer { return number }
        if case .float(let number) = value, "diu".unicodeScalars.contains(letter) {
            guard let truncated = Numbers.truncated(number) else {
                throw TemplateError.type("cannot convert float to integer")
            }
            return truncated
        }
        throw TemplateError.type(
            "%\(letter) format: a real number is required, not \(value.typeName)")
    }
}

/// Floats in the formats of `printf`.
enum NumberFormat {
    /// A number without its sign.
    static func text(
        _ value: Double, letter: Unicode.Scalar, precision: Int, alternate: Bool = false
    ) -> String {
        if value.isNaN { return letter.properties.isUppercase ? "NAN" : "nan" }
        if value.isInfinite { return letter.properties.isUppercase ? "INF" : "inf" }
        // Digits beyond these are zeros.
        let shown = min(precision, 1100)
        var text = Numbers.printed(value, precision: shown, conversion: Character(letter))
        if alternate, shown == 0, !text.contains(".") { text += "." }
        if precision > shown, "fF".unicodeScalars.contains(letter) {
            text += String(repeating: "0", count: precision - shown)
        }
        return text
    }
}
